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
  build/venv/bin/ruff check tests bench && build/venv/bin/ruff format --check tests bench
}
# What the fuzz preset compiles with: clang, without precompiled headers, so that each file shows what it includes.
# Tests are left out: the macros of their library are not ours to mend.
check_tidy() {
  mkdir -p build/log
  cmake --preset fuzz >build/log/cmake-fuzz.log 2>&1 || { cat build/log/cmake-fuzz.log && return 1; }
  cmake --build build/fuzz --target ratebook_record >build/log/cmake-fuzz.log 2>&1 || return 1
  find src -name '*.cpp' ! -name '*_test.cpp' ! -name '*_fuzz.cpp' -print0 | sort -z |
    xargs -0 -n 4 -P "$(nproc)" clang-tidy-19 -p build/fuzz --quiet 2>/dev/null
}

check "format" check_format
check "includes between folders" scripts/check_includes.sh
check "table of src/README.md (left) as src/CMakeLists.txt has it (right)" check_table
check "shell scripts" check_shell
check "Python" check_python
if ((!quick)); then check "clang-tidy" check_tidy; fi
if ((failed > 0)); then give_up "$failed checks failed"; fi
