# ./dev fuzz [TARGET…] [--minutes N]: feeds parsers of outside bytes with what breaks them, under Address and UB
# sanitizers. What is found lies in build/fuzz/found/TARGET: mend it and move the file to tests/corpus/TARGET, which
# ./dev test replays.
# shellcheck shell=bash

mapfile -t all_targets < <(fuzz_targets)
minutes=1
targets=()
while (($# > 0)); do
  case "$1" in
    --minutes)
      minutes="${2:-}"
      [[ "$minutes" =~ ^[0-9]+$ ]] || give_up "--minutes takes a whole number"
      shift 2
      ;;
    --help)
      say "./dev fuzz [TARGET…] [--minutes N]     N minutes each (1); all targets: ${all_targets[*]}"
      exit 0
      ;;
    *)
      [[ " ${all_targets[*]} " == *" $1 "* ]] || give_up "no such target: $1; there are: ${all_targets[*]}"
      targets+=("$1")
      shift
      ;;
  esac
done
if ((${#targets[@]} == 0)); then targets=("${all_targets[@]}"); fi

ensure_packages build fuzz
build_preset fuzz "${targets[@]/%/_fuzz}"
failed=0
for target in "${targets[@]}"; do
  begin_step "fuzz $target, $minutes min"
  fuzz_target "$target" "$((minutes * 60))" || failed=$((failed + 1))
  end_step
done
if ((failed > 0)); then give_up "$failed of ${#targets[@]} targets found something: see build/fuzz/found"; fi
