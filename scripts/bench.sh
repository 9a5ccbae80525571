# ./dev bench [NAME…]: measures the release build beside its peers, in turns; ./dev bench --help lists the names.
# shellcheck shell=bash

make_bench_venv() {
  local venv=build/venv-bench
  if [[ "$venv/requirements" -nt bench/requirements.txt ]]; then return; fi
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.txt &&
    touch "$venv/requirements"
}

# What is measured goes to the standard output, all else to the other.
ensure_packages_without_services build bench >&2
build_preset release ratebook book_bench http_load sqlite_client >&2
make_bench_venv >&2
if [[ " $* " == *" nodes "* ]]; then
  ensure_packages_without_services cluster >&2
  # shellcheck source=scripts/engines.sh
  source scripts/engines.sh
  fetch_kafka >&2
fi
/usr/bin/python3 bench/run.py "$@"
