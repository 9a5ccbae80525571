# ./dev package: makes build/ratebook_VERSION_ARCHITECTURE.deb of the release build.
# shellcheck shell=bash

if (($# > 0)); then
  say "./dev package     builds, and makes build/ratebook_VERSION_ARCHITECTURE.deb"
  [[ "$1" == --help ]] || exit 2
  exit 0
fi
ensure_packages build package
begin_step "build release"
build_preset release ratebook
end_step
begin_step "package"
if ! cpack --config build/release/CPackConfig.cmake -B build >build/log/package.log 2>&1; then
  tail -n 30 build/log/package.log >&2
  give_up "cpack failed; all that it said is in build/log/package.log"
fi
rm -r build/_CPack_Packages
say "   $(sed -n 's|^CPack: - package: .*/\(build/[^/]*\.deb\) generated.*|\1|p' build/log/package.log)"
end_step
