# ./dev lint: format, includes between the folders, shell scripts. Names what is wrong, changes nothing.
# shellcheck shell=bash

ensure_packages lint
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

check "format" check_format
check "includes between folders" scripts/check_includes.sh
check "table of src/README.md (left) as src/CMakeLists.txt has it (right)" check_table
check "shell scripts" check_shell
if ((failed > 0)); then give_up "$failed of 4 checks failed"; fi
