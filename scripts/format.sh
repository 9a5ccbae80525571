# ./dev format: formats all C++ sources.
# shellcheck shell=bash

ensure_packages lint
find src bench -name '*.?pp' -exec clang-format-19 -i {} +
