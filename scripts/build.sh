# ./dev build [PRESET [TARGET…]]: builds a preset of CMakePresets.json into build/PRESET.
# shellcheck shell=bash

case "${1:-release}" in
  release) ensure_packages build ;;
  asan | tsan) ensure_packages build test ;;
  fuzz) ensure_packages build fuzz ;;
  *)
    say "./dev build [release | asan | tsan | fuzz] [TARGET…]"
    [[ "$1" == --help ]] || exit 2
    exit 0
    ;;
esac
begin_step "build ${1:-release}"
build_preset "${@:-release}"
end_step
