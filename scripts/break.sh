# ./dev break [--minutes N] [--seed S] [--fault NAME] [--name CLUSTER] [--short]: a workload, faults, and the proof that
# every promise held. Starts an empty cluster and ends it, unless one of that name is up already.
# shellcheck shell=bash

break_in_python() {
  PYTHONPATH="$PWD:$PWD/tests" PYTHONDONTWRITEBYTECODE=1 /usr/bin/python3 -m breaking "$@"
}

break_cluster() {
  local name=break result=0 is_ours=0 word previous=""
  for word in "$@"; do
    case "$word" in
      --help | -h) is_ours=-1 ;;
      --name=*) name="${word#--name=}" ;;
      *) if [[ "$previous" == --name ]]; then name="$word"; fi ;;
    esac
    previous="$word"
  done
  if ((is_ours == 0)) && [[ ! -e "build/cluster/$name/state.json" ]]; then
    is_ours=1
    # A word that is wrong is told before all that is started; a bare machine has no python3 yet.
    if [[ -x /usr/bin/python3 ]]; then break_in_python "$@" --words-only || return "$?"; fi
    # Ended by whatever: its remains go.
    # shellcheck disable=SC2064 # the name is meant as it is now
    trap "[[ ! -e 'build/cluster/$name/state.json' ]] || ./dev cluster down --name '$name'" EXIT
    ./dev cluster up --name "$name" || return 1
  fi
  if [[ ! -x /usr/bin/python3 ]]; then give_up "python3 is not installed: ./dev cluster up installs it"; fi
  break_in_python "$@" || result=$?
  if ((is_ours == 1 && result != 0)); then
    rm -rf "build/log/break-$name"
    cp -r "build/cluster/$name/log" "build/log/break-$name" && say "the engines' logs are kept in build/log/break-$name"
  fi
  return "$result"
}

break_cluster "$@"
