# What the words of ./dev share: what they say, how long steps took, Debian packages, builds. Sourced in the root folder.
# shellcheck shell=bash

export LC_ALL=C.UTF-8
# Lets a fresh clone, or one in another folder, find in the cache what this one compiled.
export CCACHE_BASEDIR="$PWD" CCACHE_NOHASHDIR=1
# What it needs to keep files that are compiled with precompiled headers.
export CCACHE_SLOPPINESS=pch_defines,time_macros

say() { printf '%s\n' "$*"; }
complain() { printf '%s: %s\n' "./dev" "$*" >&2; }
give_up() {
  complain "$*"
  exit 1
}

step_name=""
step_began=0
begin_step() {
  step_name="$1"
  step_began=$SECONDS
  say "== $step_name"
}
end_step() { say "   $step_name: $((SECONDS - step_began)) s"; }

# A line that is written over on a terminal, and written now and then elsewhere.
show_progress() {
  if [[ -t 1 ]]; then printf '\r\033[K   %s' "$1"; else printf '   %s\n' "$1"; fi
}
end_progress() { if [[ -t 1 ]]; then printf '\r\033[K'; fi; }

# Shows how far apt-get is, from the file that its status lines go to, until it is stopped.
watch_apt() {
  local file="$1" kind percent doing shown=""
  while sleep 0.5; do
    IFS=: read -r kind _ percent _ < <(tail -n 1 "$file") || continue
    case "$kind" in
      dlstatus) doing=downloading ;;
      pmstatus) doing=installing ;;
      *) continue ;;
    esac
    percent="${percent%%.*}"
    # Off a terminal, a line for each quarter is enough.
    if [[ ! -t 1 ]]; then percent=$((percent / 25 * 25)); fi
    if [[ "$doing $percent" == "$shown" ]]; then continue; fi
    shown="$doing $percent"
    show_progress "$doing $percent %"
  done
}

# apt-get as root, without questions. Its status lines go into a file of their own: apt makes the descriptor that it
# writes them to non-blocking, and a package's script that shares a full pipe with it fails.
run_apt() {
  local status_file="build/log/apt-status" watcher result=0
  : >"$status_file"
  # shellcheck disable=SC2016 # $0 and $@ are the inner shell's
  local -a command=(env DEBIAN_FRONTEND=noninteractive sh -c
    'exec apt-get -q -y -o APT::Status-Fd=3 -o Dpkg::Use-Pty=0 "$@" 3>>"$0"' "$status_file" "$@")
  if ((EUID != 0)); then command=(sudo "${command[@]}"); fi
  watch_apt "$status_file" &
  watcher=$!
  "${command[@]}" </dev/null >>build/log/apt.log 2>&1 || result=$?
  kill "$watcher"
  wait "$watcher" 2>/dev/null || true
  end_progress
  return "$result"
}

packages_of() {
  awk -v parts=" $* " '!/^#/ && NF == 2 && index(parts, " " $1 " ") && !seen[$2]++ { print $2 }' \
    packaging/debian-packages.txt
}

missing_packages() {
  local package status
  for package in "$@"; do
    status="$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)"
    if [[ "$status" != installed ]]; then printf '%s\n' "$package"; fi
  done
}

# ensure_packages PART…: installs what packaging/debian-packages.txt names for these parts and is not here yet.
ensure_packages() {
  local -a wanted missing
  mapfile -t wanted < <(packages_of "$@")
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  if ((${#missing[@]} == 0)); then return; fi
  command -v apt-get >/dev/null ||
    give_up "this is not a Debian: install what answers to these packages of Debian 12, then try again: ${missing[*]}"
  begin_step "Debian packages"
  say "   missing here, to be installed: ${missing[*]}"
  if ((EUID != 0)) && ! command -v sudo >/dev/null; then
    give_up "installing needs root, and there is no sudo here. As root: apt-get update &&" \
      "apt-get install --no-install-recommends ${missing[*]}"
  fi
  if ((EUID != 0)); then
    # Asks for the password where there is a terminal; says why not where there is none.
    sudo -v || sudo -n true ||
      give_up "sudo refuses. As root: apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  fi
  mkdir -p build/log
  : >build/log/apt.log
  if ! apt_knows "${missing[@]}"; then
    say "   reading the package lists (apt-get update)"
    run_apt update || fail_apt
  fi
  if [[ " ${missing[*]} " == *" postgresql "* ]]; then keep_postgres_from_starting; fi
  if ! run_apt install --no-install-recommends "${missing[@]}"; then
    # Such as one that a mirror has replaced since.
    say "   the package lists may be old: reading them anew, then once more"
    run_apt update || fail_apt
    run_apt install --no-install-recommends "${missing[@]}" || fail_apt
  fi
  # What CMake did not find before it looks for once more.
  rm -f build/*/build.ninja
  end_step
}

# ensure_packages_without_services PART…: the same, but what is installed starts no service, now or at the next boot. One
# that was here before is left alone, and so is a policy about starting services, such as containers have.
ensure_packages_without_services() {
  local policy=/usr/sbin/policy-rc.d made=0 service
  local -a wanted missing as_root=()
  mapfile -t wanted < <(packages_of "$@")
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  if ((${#missing[@]} > 0 && EUID != 0)) && command -v sudo >/dev/null; then as_root=(sudo); fi
  if ((${#missing[@]} > 0)) && [[ ! -e "$policy" ]]; then
    # Asked for here, since sudo may ask for a password.
    if printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null; then
      made=1
      "${as_root[@]}" chmod 755 "$policy"
      # shellcheck disable=SC2064 # as they are now
      trap "${as_root[*]} rm -f $policy" EXIT
    fi
  fi
  ensure_packages "$@"
  for service in nginx:nginx-light haproxy:haproxy etcd:etcd-server; do
    if [[ " ${missing[*]} " == *" ${service#*:} "* ]]; then
      "${as_root[@]}" update-rc.d "${service%:*}" disable >/dev/null 2>&1 || true
    fi
  done
  if ((made)); then
    "${as_root[@]}" rm -f "$policy"
    trap - EXIT
  fi
}

# Debian's package would make a cluster and start it; the tests make their own. Where the file stands, somebody has chosen.
keep_postgres_from_starting() {
  local file=/etc/postgresql-common/createcluster.conf
  if [[ -e "$file" ]]; then return; fi
  local -a as_root=()
  if ((EUID != 0)); then as_root=(sudo); fi
  "${as_root[@]}" mkdir -p "${file%/*}"
  echo "create_main_cluster = false" | "${as_root[@]}" tee "$file" >/dev/null
}

# Whether the package lists that are here name all of these.
apt_knows() { (($(apt-cache madison "$@" 2>/dev/null | awk '{ print $1 }' | sort -u | wc -l) == $#)); }

fail_apt() {
  end_progress
  tail -n 20 build/log/apt.log >&2
  give_up "apt-get failed; all that it said is in build/log/apt.log"
}

# As many compilers at once as there are cores, and 1.5 GiB of memory for each.
build_jobs() {
  local by_memory
  by_memory="$(awk '/^MemAvailable:/ { print int($2 / 1536 / 1024) }' /proc/meminfo)"
  local jobs
  jobs="$(nproc)"
  if ((by_memory < jobs)); then jobs=$by_memory; fi
  if ((jobs < 1)); then jobs=1; fi
  printf '%s\n' "$jobs"
}

# build_preset PRESET [TARGET…]
build_preset() {
  local preset="$1"
  shift
  local -a targets=()
  if (($# > 0)); then targets=(--target "$@"); fi
  mkdir -p build/log
  local log="build/log/cmake-$preset.log"
  # CMake configures again by itself when its files change.
  if [[ ! -f "build/$preset/build.ninja" ]] && ! cmake --preset "$preset" >"$log" 2>&1; then
    cat "$log" >&2
    return 1
  fi
  NINJA_STATUS="   [%f/%t, %es] " cmake --build "build/$preset" --parallel "$(build_jobs)" "${targets[@]}"
}

fuzz_targets() { find src -name '*_fuzz.cpp' -exec basename {} _fuzz.cpp \; | sort; }

# fuzz_target TARGET SECONDS: first what the corpus has, then new inputs made from it. New inputs that reach more code
# stay in build/fuzz/grown for the next time; what crashes, in build/fuzz/found.
fuzz_target() {
  local target="$1" seconds="$2" program="build/fuzz/src/$1_fuzz" grown="build/fuzz/grown/$1" found="build/fuzz/found/$1"
  local log="build/log/fuzz-$target.log"
  mkdir -p "$grown" "$found" build/log
  if "$program" -runs=0 "tests/corpus/$target" >"$log" 2>&1 </dev/null &&
    "$program" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 -artifact_prefix="$found/" \
      "$grown" "tests/corpus/$target" >"$log" 2>&1 </dev/null; then
    say "   $target: $(grep -o '^Done .*' "$log")"
    return
  fi
  grep -v -E '^#[0-9]+[[:space:]]+(NEW|REDUCE|pulse|INITED)' "$log" | tail -n 60
  complain "fuzz $target: what was found lies in $found, all that was said in $log"
  return 1
}

# build/venv: the Python programs of tests/requirements.txt.
make_venv() {
  local venv="build/venv" wanted
  wanted="$(sha256sum <tests/requirements.txt)"
  if [[ -x "$venv/bin/pytest" && "$(cat "$venv/requirements" 2>/dev/null)" == "$wanted" ]]; then return; fi
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r tests/requirements.txt &&
    printf '%s\n' "$wanted" >"$venv/requirements"
}
