# ./dev test [PART…]: builds and runs all tests or the parts named, fast ones first; ends with `N passed, N failed`.
# A part that cannot be built or runs no test counts as failed.
# shellcheck shell=bash

all_parts=(unit simulate fuzz threads engines system cluster)
fuzz_seconds="${RATEBOOK_FUZZ_SECONDS:-8}"
seeds_simulated="${RATEBOOK_SEEDS:-5000}"

parts=("$@")
if ((${#parts[@]} == 0)); then parts=("${all_parts[@]}"); fi
for part in "${parts[@]}"; do
  if [[ " ${all_parts[*]} " != *" $part "* ]]; then
    say "./dev test [PART…]"
    say "  unit       the test program of each folder under src/, with Address and UB sanitizers"
    say "  simulate   the simulator over $seeds_simulated seeds (RATEBOOK_SEEDS=N: others)"
    say "  fuzz       each parser of outside bytes: its corpus, then $fuzz_seconds s of new inputs (RATEBOOK_FUZZ_SECONDS=N)"
    say "  threads    the test programs that use threads, with ThreadSanitizer"
    say "  engines    log and store on real servers, with Address, UB and ThreadSanitizer"
    say "  system     the real server over HTTP, with sanitizers and as shipped"
    say "  cluster    faults over three zones of this machine under a workload, and the proof that every promise held"
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

# run_program NAME PROGRAM…: the program may stand behind one that starts what it needs.
run_program() {
  local name="$1" result=0
  shift
  timeout 900 "$@" --gtest_output="xml:$results/$name.xml" --gtest_brief=1 >"$results/$name.log" 2>&1 </dev/null ||
    result=$?
  printf '%s\n' "$result" >"$results/$name.status"
}

# The program that starts the server of a folder's tests, and ends it after them.
server_of() { if [[ -e "tests/engines/$1.py" ]]; then printf 'build/venv/bin/python tests/engines/%s.py\n' "$1"; fi; }

# run_programs PRESET FOLDER…: the folders' test programs, as many at once as there are cores.
run_programs() {
  local preset="$1" folder name result
  shift
  for folder in "$@"; do
    name="$preset-$folder"
    rm -f "$results/$name".*
    while (($(jobs -rp | wc -l) >= $(nproc))); do wait -n || true; done
    # shellcheck disable=SC2046 # words
    run_program "$name" $(server_of "$folder") "build/$preset/src/${folder}_test" &
  done
  wait
  for folder in "$@"; do
    name="$preset-$folder"
    result="$(cat "$results/$name.status")"
    if ((result != 0)); then
      say "--- ${folder}_test ($preset) ended with $result"
      tail -n 200 "$results/$name.log"
    fi
    add_result_file "$results/$name.xml" "$result" "${folder}_test ($preset)"
  done
}

# Folders with a test program that needs no server, in the order of their names: all, or those of the arguments.
tested_folders() {
  local folder
  if (($# == 0)); then set -- src/*/; fi
  for folder in "$@"; do
    folder="$(basename "$folder")"
    if [[ -z "$(server_of "$folder")" ]] && compgen -G "src/$folder/*_test.cpp" >/dev/null; then
      printf '%s\n' "$folder"
    fi
  done
}

test_unit() {
  local -a folders
  mapfile -t folders < <(tested_folders)
  build_preset asan || return 1
  run_programs asan "${folders[@]}"
}

test_threads() {
  local -a folders
  mapfile -t folders < <(tested_folders runtime book sqlite follower writer http api)
  build_preset tsan "${folders[@]/%/_test}" || return 1
  # What runs in one thread has had all cases in unit.
  RC_PARAMS="max_success=20" run_programs tsan "${folders[@]}"
}

test_engines() {
  (fetch_kafka) && make_venv || return 1
  local preset server
  local -a folders=()
  for server in tests/engines/*.py; do folders+=("$(basename "$server" .py)"); done
  for preset in asan tsan; do
    build_preset "$preset" "${folders[@]/%/_test}" || return 1
    run_programs "$preset" "${folders[@]}"
  done
}

test_simulate() {
  build_preset release ratebook_simulate || return 1
  local result=0
  build/release/ratebook_simulate --count "$seeds_simulated" </dev/null || result=$?
  add_outcome "$result" "the simulator"
}

test_fuzz() {
  local target result
  local -a targets
  mapfile -t targets < <(fuzz_targets)
  build_preset fuzz "${targets[@]/%/_fuzz}" || return 1
  for target in "${targets[@]}"; do
    result=0
    fuzz_target "$target" "$fuzz_seconds" || result=$?
    add_outcome "$result" "${target}_fuzz"
  done
}

# The same tests against both binaries: sanitizers find what nobody asserts, the other is what is shipped.
test_system() {
  local preset result
  make_venv || return 1
  for preset in release asan; do
    build_preset "$preset" ratebook || return 1
    result=0
    rm -f "$results/system-$preset.xml"
    RATEBOOK_BINARY="$PWD/build/$preset/ratebook" build/venv/bin/pytest tests --ignore=tests/cluster -q -n "$(nproc)" \
      --junitxml="$results/system-$preset.xml" </dev/null || result=$?
    add_result_file "$results/system-$preset.xml" "$result" "system tests ($preset)"
  done
}

# The launcher; then one cluster for a short choice of faults: ./dev break has them all, for as long as wanted.
test_cluster() {
  local result=0
  (make_cluster_venv && fetch_kafka) && make_venv || return 1
  build_preset release ratebook || return 1
  rm -f "$results/cluster.xml"
  PYTHONPATH="$PWD" RATEBOOK_BINARY="$PWD/build/release/ratebook" build/venv/bin/pytest tests/cluster -q --junitxml="$results/cluster.xml" </dev/null || result=$?
  add_result_file "$results/cluster.xml" "$result" "launcher"
  result=0
  timeout --kill-after 60 600 ./dev break --name "test-$$" --short </dev/null || result=$?
  add_outcome "$result" "./dev break --short"
}

run_part() {
  local part="$1" began=$SECONDS passed_before=$passed failed_before=$failed
  say ""
  begin_step "$part"
  if ! "test_$part"; then
    add_failure "$part: could not be built"
  elif ((passed + failed == passed_before + failed_before)); then
    add_failure "$part: ran no test"
  fi
  table+=("$(printf '%-10s %6d s %8d passed %6d failed' "$part" $((SECONDS - began)) \
    $((passed - passed_before)) $((failed - failed_before)))")
}

# shellcheck source=scripts/engines.sh
source scripts/engines.sh
ensure_packages_without_services build test fuzz cluster
mkdir -p "$results"
for part in "${parts[@]}"; do run_part "$part"; done

say ""
printf '%s\n' "${table[@]}"
printf '%-10s %6d s\n' all "$SECONDS"
if ((${#names_failed[@]} > 0)); then printf 'failed: %s\n' "${names_failed[@]}"; fi
if ((skipped > 0)); then say "$skipped skipped"; fi
say "$passed passed, $failed failed"
((failed == 0))
