# ./dev simulate [--seed N] [--count N] [--hunt]: the whole path under a simulated clock, with faults; a seed replays
# exactly. --hunt: whether the bugs that can be planted are found.
# shellcheck shell=bash

ensure_packages build
build_preset release ratebook_simulate >&2
exec build/release/ratebook_simulate "$@"
