# ./dev lint [--quick]: format, includes between the folders, clang-tidy, Python and shell scripts. Names what is wrong,
# changes nothing. --quick: without clang-tidy, which takes minutes.
# shellcheck shell=bash

quick=0
case "${1:-}" in
  "") ;;
  --quick) quick=1 ;;
  *)
    say "./dev lint [--quick]     --quick: without clang-tidy, which takes minutes"
    [[ "$1" == --help ]] || exit 2
    exit 0
    ;;
esac
ensure_packages build lint
failed=0
check() {
  local name="$1"
  shift
  begin_step "$name"
  if ! "$@"; then failed=$((failed + 1)); fi
  end_step
}

check_format() { find src bench -name '*.?pp' -print0 | xargs -0 -r clang-format-19 --dry-run -Werror; }
check_table() { diff <(sed -n '/^| folder /,$p' src/README.md) <(scripts/include_table.sh); }
check_shell() { shellcheck -x dev .ci/run scripts/*.sh packaging/debian/p*; }
check_python() {
  make_venv || return 1
  build/venv/bin/ruff check tests bench cluster && build/venv/bin/ruff format --check tests bench cluster
}
# The lint preset joins the sources of a folder into one file: most of the time goes into headers of libraries, which are
# read once a folder so. Tests are left out: the macros of their library are not ours to mend.
check_tidy() {
  local log=build/log/cmake-lint.log
  local -a joined
  mkdir -p build/log
  { cmake --preset lint && cmake --build build/lint --target ratebook_record; } >"$log" 2>&1 || { cat "$log" && return 1; }
  mapfile -t joined < <(sed -n 's|^ *"file": "\(.*/build/lint/src/.*/Unity/.*\)".*|\1|p' build/lint/compile_commands.json)
  # What stands beside `<` belongs to no target.
  diff <(find src -name '*.cpp' ! -name '*_test.cpp' ! -name '*_fuzz.cpp' ! -path '*/contract/*' | sort) \
    <(sed -n "s|^#include \"$PWD/\(src/.*\)\"\$|\1|p" "${joined[@]}" | sort) || return 1
  # The longest first.
  grep -c '^#include' "${joined[@]}" | sort -t : -k 2 -n -r | cut -d : -f 1 |
    xargs -n 1 -P "$(build_jobs)" clang-tidy-19 -p build/lint --quiet 2>&1 | sed -E '/^[0-9]+ warnings generated\.$/d'
}

check "format" check_format
check "includes between folders" scripts/check_includes.sh
check "table of src/README.md (left) as src/CMakeLists.txt has it (right)" check_table
check "shell scripts" check_shell
check "Python" check_python
if ((!quick)); then check "clang-tidy" check_tidy; fi
if ((failed > 0)); then give_up "$failed checks failed"; fi
