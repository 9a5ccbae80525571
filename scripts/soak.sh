# ./dev soak [--minutes N]: the real binary under everything at once, for an hour; memory, descriptors and file must
# stay flat.
# shellcheck shell=bash

ensure_packages build bench
build_preset release ratebook >&2
exec python3 bench/soak.py "$@"
