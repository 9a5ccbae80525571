# ./dev simulate [--seed N] [--count N]: the whole path under a simulated clock, with faults; a seed replays exactly.
# shellcheck shell=bash

ensure_packages build
build_preset release ratebook_simulate >&2
exec build/release/ratebook_simulate "$@"
