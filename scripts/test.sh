# ./dev test [PART…]: builds and runs all tests or the parts named, fast ones first; ends with `N passed, N failed`.
# A part that cannot be built or runs no test counts as failed. What later parts need is built beside the tests, with
# what these leave of the processors: the parts that wait the most come before those whose builds take the longest.
# shellcheck shell=bash

all_parts=(unit simulate system cluster engines threads fuzz)
fuzz_seconds="${RATEBOOK_FUZZ_SECONDS:-8}"
seeds_simulated="${RATEBOOK_SEEDS:-5000}"

parts=("$@")
if ((${#parts[@]} == 0)); then parts=("${all_parts[@]}"); fi
for part in "${parts[@]}"; do
  if [[ " ${all_parts[*]} " != *" $part "* ]]; then
    say "./dev test [PART…]"
    say "  unit       the test program of each folder under src/, with Address and UB sanitizers"
    say "  simulate   the simulator over $seeds_simulated seeds (RATEBOOK_SEEDS=N: others)"
    say "  system     the real server over HTTP, with sanitizers and as shipped"
    say "  cluster    faults over three zones of this machine under a workload, and the proof that every promise held"
    say "  engines    log and store on real servers, with Address, UB and ThreadSanitizer"
    say "  threads    the test programs that use threads, with ThreadSanitizer"
    say "  fuzz       each parser of outside bytes: its corpus, then $fuzz_seconds s of new inputs (RATEBOOK_FUZZ_SECONDS=N)"
    [[ "$part" == --help ]] || exit 2
    exit 0
  fi
done

results="$PWD/build/results"
export ASAN_OPTIONS="detect_stack_use_after_return=1:strict_string_checks=1:abort_on_error=0"
export UBSAN_OPTIONS="print_stacktrace=1"
export TSAN_OPTIONS="halt_on_error=0:second_deadlock_stack=1"

passed=0
failed=0
skipped=0
table=()
names_failed=()

add_counts() {
  passed=$((passed + $1))
  failed=$((failed + $2))
  skipped=$((skipped + ${3:-0}))
}

# For what is one test as a whole: add_outcome STATUS NAME.
add_outcome() {
  if (($1 == 0)); then add_counts 1 0; else add_failure "$2"; fi
}

add_failure() {
  complain "failed: $1"
  add_counts 0 1
  names_failed+=("$1")
}

# attribute FILE NAME: of the first element that has it, in a JUnit or gtest XML file; 0 where there is none.
attribute() {
  local value
  value="$(grep -o -m 1 " $2=\"[0-9]*\"" "$1" | head -n 1 | tr -dc 0-9)"
  printf '%s\n' "${value:-0}"
}

# failed_tests FILE: the names of those that failed, in a JUnit or gtest XML file, a line each.
failed_tests() {
  sed 's/<\(testcase\|failure\|error\) /\n&/g' "$1" | awk '
    /^<testcase / { match($0, / name="[^"]*"/); name = substr($0, RSTART + 7, RLENGTH - 8)
                    match($0, / classname="[^"]*"/); suite = substr($0, RSTART + 12, RLENGTH - 13) }
    /^<(failure|error) / { print suite "." name }' | sort -u
}

# Adds what an XML file of gtest or pytest counts. A program that died left none, or one without an end.
add_result_file() {
  local file="$1" exit_status="$2" name="$3" tests wrong not_run
  if [[ ! -s "$file" ]] || ! grep -q '</testsuites>' "$file"; then
    add_failure "$name ended with $exit_status before it was through"
    return
  fi
  tests="$(attribute "$file" tests)"
  wrong=$(($(attribute "$file" failures) + $(attribute "$file" errors)))
  mapfile -t -O "${#names_failed[@]}" names_failed < <(failed_tests "$file" | sed "s/$/ in $name/")
  not_run=$(($(grep -o '<skipped' "$file" | wc -l) + $(attribute "$file" disabled)))
  # Such as a leak that the sanitizer finds at the end, or a pytest that collected nothing.
  if ((exit_status != 0 && wrong == 0)); then
    add_failure "$name ended with $exit_status"
  fi
  add_counts "$((tests - wrong - not_run))" "$wrong" "$not_run"
}

# Waits until fewer than so many jobs run.
wait_for_room() { while (($(jobs -rp | wc -l) >= $1)); do wait -n || true; done; }

# run_program NAME PROGRAM…: the program may stand behind one that starts what it needs.
run_program() {
  local name="$1" result=0 began=$SECONDS
  shift
  timeout 900 "$@" --gtest_output="xml:$results/$name.xml" --gtest_brief=1 >"$results/$name.log" 2>&1 </dev/null ||
    result=$?
  printf '%s\n' "$result" >"$results/$name.status"
  printf '   %s: %d s\n' "$name" $((SECONDS - began))
}

# The program that starts the server of a folder's tests, and ends it after them.
server_of() { if [[ -e "tests/engines/$1.py" ]]; then printf 'build/venv/bin/python tests/engines/%s.py\n' "$1"; fi; }

# Into how many shards a program's tests are dealt out: those of long ones run beside one another. The tests of a program
# that has a server share it.
shards_of() {
  case "$1" in
    crash) printf '4\n' ;;
    *) printf '1\n' ;;
  esac
}

# The folders whose tests take the longest.
long_folders=(sim crash sqlite api http book follower intake kafka)

# The folders named, those first, so that no core is left without work in the end.
longest_first() {
  local named
  named="$(printf '%s\n' "$@")"
  printf '%s\n' "${long_folders[@]}" | grep -xF "$named" || true
  printf '%s\n' "$named" | grep -vxF "$(printf '%s\n' "${long_folders[@]}")" || true
}

# run_programs PRESET/FOLDER…: the folders' test programs in this order. One more at once than there are cores, since
# many of their tests wait.
run_programs() {
  local program preset folder name shard shards result
  local -a names=()
  for program in "$@"; do
    preset="${program%/*}"
    folder="${program#*/}"
    shards="$(shards_of "$folder")"
    for ((shard = 0; shard < shards; ++shard)); do
      name="$preset-$folder-$shard"
      names+=("$name")
      rm -f "$results/$name".*
      wait_for_room $(($(nproc) + 1))
      # shellcheck disable=SC2046 # words
      GTEST_TOTAL_SHARDS="$shards" GTEST_SHARD_INDEX="$shard" run_program "$name" $(server_of "$folder") \
        "build/$preset/src/${folder}_test" &
    done
  done
  wait
  for name in "${names[@]}"; do
    IFS=- read -r preset folder _ <<<"$name"
    result="$(cat "$results/$name.status")"
    if ((result != 0)); then
      say "--- ${folder}_test ($preset) ended with $result"
      tail -n 200 "$results/$name.log"
    fi
    add_result_file "$results/$name.xml" "$result" "${folder}_test ($preset)"
  done
}

# Folders with a test program that needs no server, the longest first: all, or those of the arguments.
tested_folders() {
  local folder
  local -a tested=()
  if (($# == 0)); then set -- src/*/; fi
  for folder in "$@"; do
    folder="$(basename "$folder")"
    if [[ -z "$(server_of "$folder")" ]] && compgen -G "src/$folder/*_test.cpp" >/dev/null; then tested+=("$folder"); fi
  done
  longest_first "${tested[@]}"
}

# What the part needs: a preset a line, with its targets; none: all.
builds_of() {
  local preset
  case "$1" in
    unit) printf 'asan %s\n' "$(programs_of "${unit_folders[@]}")" ;;
    simulate) printf 'release ratebook_simulate\n' ;;
    system) printf '%s ratebook\n' release asan ;;
    cluster) printf 'release ratebook\n' ;;
    engines) for preset in asan tsan; do printf '%s %s\n' "$preset" "$(programs_of "${engine_folders[@]}")"; done ;;
    threads) printf 'tsan %s\n' "$(programs_of "${threaded_folders[@]}")" ;;
    fuzz) printf 'fuzz %s\n' "$(fuzz_targets | sed 's/$/_fuzz/' | paste -s -d ' ')" ;;
  esac
}

programs_of() { printf '%s' "${*/%/_test}"; }

# Beside its builds.
prepare() {
  case "$1" in
    engines) (fetch_kafka) && make_venv ;;
    system) make_venv ;;
    cluster) (make_cluster_venv && fetch_kafka) && make_venv ;;
  esac
}

builds_ahead=0
ahead_log=build/log/build-ahead.log

# build_ahead PART…: beside what runs, one after the other. The tests must not feel it: it only gets a processor that is
# idle.
build_ahead() {
  local part line
  local -a words
  stop_building_ahead
  if (($# == 0)); then return; fi
  mkdir -p build/log
  # A session of its own, so that it can be ended with all its compilers.
  {
    declare -f prepare
    # What is fetched waits for the network more than for a processor.
    printf 'prepare %q || true\n' "$@"
    for part in "$@"; do builds_of "$part"; done | awk '!seen[$0]++' | while read -r line; do
      read -r -a words <<<"$line"
      printf '%q ' build_preset "${words[@]}"
      printf '|| exit 1\n'
    done
  } >"$ahead_log.sh"
  local -a modestly=(nice -n 19)
  if chrt --idle 0 true 2>/dev/null; then modestly=(chrt --idle 0); fi
  # Where each session is a group of its own to the scheduler (autogroup), priorities count only within it; then the
  # group gives way.
  # shellcheck disable=SC2016 # $0 is the inner shell's
  setsid "${modestly[@]}" bash -c 'echo 19 2>/dev/null >/proc/self/autogroup
    source scripts/common.sh && source scripts/engines.sh && source "$0"' \
    "$ahead_log.sh" >"$ahead_log" 2>&1 </dev/null &
  builds_ahead=$!
  disown "$builds_ahead"
}

# A compiler that is broken off leaves nothing; Ninja goes on where it was.
stop_building_ahead() {
  if ((builds_ahead == 0)); then return; fi
  kill -- "-$builds_ahead" 2>/dev/null || true
  while kill -0 -- "-$builds_ahead" 2>/dev/null; do sleep 0.05; done
  builds_ahead=0
}
trap stop_building_ahead EXIT

test_unit() { run_programs "${unit_folders[@]/#/asan/}"; }

test_threads() {
  # What runs in one thread has had all cases in unit.
  RC_PARAMS="max_success=20" run_programs "${threaded_folders[@]/#/tsan/}"
}

test_engines() {
  local preset
  for preset in asan tsan; do run_programs "${engine_folders[@]/#/$preset/}"; done
}

# run_noting STATUS_FILE COMMAND…
run_noting() {
  local file="$1" result=0
  shift
  "$@" </dev/null || result=$?
  printf '%s\n' "$result" >"$file"
}

# A range of seeds for each core; then each planted bug has to be found, those that need the most seeds first.
test_simulate() {
  local simulate=build/release/ratebook_simulate core cores count plant
  local -a plants
  cores="$(nproc)"
  count=$(((seeds_simulated + cores - 1) / cores))
  rm -f "$results"/simulate-*
  mapfile -t plants < <("$simulate" --list-plants | sed -E 's/^([^ ]+) .* ([0-9]+) seeds\)$/\2 \1/' | sort -rn |
    cut -d ' ' -f 2)
  if ((${#plants[@]} == 0)); then add_failure "the simulator names no plant"; fi
  for ((core = 0; core < cores; ++core)); do
    run_noting "$results/simulate-$core.status" "$simulate" --seed $((1 + core * count)) --count "$count" &
  done
  for plant in "${plants[@]}"; do
    wait_for_room "$cores"
    run_noting "$results/simulate-$plant.status" "$simulate" --hunt --plant "$plant" &
  done
  wait
  for ((core = 0; core < cores; ++core)); do
    add_outcome "$(cat "$results/simulate-$core.status")" "the simulator, from seed $((1 + core * count))"
  done
  for plant in "${plants[@]}"; do
    add_outcome "$(cat "$results/simulate-$plant.status")" "the simulator's plant $plant"
  done
}

# As many targets at once as there are cores.
test_fuzz() {
  local target
  local -a targets
  mapfile -t targets < <(fuzz_targets)
  for target in "${targets[@]}"; do
    wait_for_room "$(nproc)"
    run_noting "$results/fuzz-$target.status" fuzz_target "$target" "$fuzz_seconds" &
  done
  wait
  for target in "${targets[@]}"; do add_outcome "$(cat "$results/fuzz-$target.status")" "${target}_fuzz"; done
}

# The same tests against both binaries: sanitizers find what nobody asserts, the other is what is shipped. Those of what
# is shipped and of what is printed have the second alone, and those of tests/breaking, which run neither, run once.
test_system() {
  local preset result
  local -a which
  for preset in release asan; do
    which=()
    if [[ "$preset" == asan ]]; then which=(--ignore=tests/breaking -m "not as_shipped"); fi
    result=0
    rm -f "$results/system-$preset.xml"
    RATEBOOK_BINARY="$PWD/build/$preset/ratebook" build/venv/bin/pytest tests --ignore=tests/cluster "${which[@]}" -q \
      -rs -n "$(nproc)" --durations=10 --junitxml="$results/system-$preset.xml" </dev/null || result=$?
    add_result_file "$results/system-$preset.xml" "$result" "system tests ($preset)"
  done
}

# The launcher; then one cluster for a short choice of faults: ./dev break has them all, for as long as wanted.
test_cluster() {
  local result=0 said="$results/break.log"
  rm -f "$results/cluster.xml"
  PYTHONPATH="$PWD" RATEBOOK_BINARY="$PWD/build/release/ratebook" build/venv/bin/pytest tests/cluster -q -rs \
    --durations=10 --junitxml="$results/cluster.xml" </dev/null || result=$?
  add_result_file "$results/cluster.xml" "$result" "launcher"
  result=0
  timeout --kill-after 60 600 ./dev break --name "test-$$" --short </dev/null | tee "$said" || result=$?
  add_outcome "$result" "./dev break --short"
  # Faults that this machine cannot have; each has said why.
  add_counts 0 0 "$(grep -c ': left out, ' "$said" || true)"
}

build_part() {
  local line
  local -a words
  while read -r line; do
    read -r -a words <<<"$line"
    build_preset "${words[@]}" </dev/null || return 1
  done < <(builds_of "$1")
  prepare "$1"
}

# run_part PART LATER…
run_part() {
  local part="$1" began=$SECONDS built passed_before=$passed failed_before=$failed skipped_before=$skipped
  shift
  say ""
  begin_step "$part"
  stop_building_ahead
  if build_part "$part"; then
    built=$SECONDS
    build_ahead "$@"
    if ! "test_$part"; then add_failure "$part: could not be run"; fi
    if ((passed + failed + skipped == passed_before + failed_before + skipped_before)); then
      add_failure "$part: ran no test"
    fi
  else
    built=$SECONDS
    add_failure "$part: could not be built"
  fi
  table+=("$(printf '%-10s %6d s built in, %6d s run in %8d passed %6d failed' "$part" $((built - began)) \
    $((SECONDS - built)) $((passed - passed_before)) $((failed - failed_before)))")
}

# shellcheck source=scripts/engines.sh
source scripts/engines.sh
ensure_packages_without_services build test fuzz cluster
mkdir -p "$results"
mapfile -t unit_folders < <(tested_folders)
mapfile -t threaded_folders < <(tested_folders runtime book sqlite follower writer http api)
mapfile -t engine_folders < <(find tests/engines -name '*.py' -exec basename {} .py \; | sort)
for ((index = 0; index < ${#parts[@]}; ++index)); do run_part "${parts[@]:index:1}" "${parts[@]:index+1}"; done

say ""
printf '%s\n' "${table[@]}"
printf '%-10s %6d s\n' all "$SECONDS"
if ((${#names_failed[@]} > 0)); then printf 'failed: %s\n' "${names_failed[@]}"; fi
if ((skipped > 0)); then say "$skipped skipped"; fi
say "$passed passed, $failed failed"
((failed == 0))
