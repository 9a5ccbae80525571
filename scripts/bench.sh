# ./dev bench [NAME…]: measures the release build beside its peers, in turns; ./dev bench --help lists the names.
# shellcheck shell=bash

# Installing nginx must not start a service, now or at the next boot; one that was here before is left alone, and so is
# a policy about starting services, such as containers have.
install_nginx() {
  local policy=/usr/sbin/policy-rc.d made=0
  as_root() { if ((EUID == 0)); then "$@"; else sudo "$@"; fi; }
  if [[ ! -e "$policy" ]]; then
    made=1
    trap 'as_root rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
  fi
  ensure_packages build bench
  as_root update-rc.d nginx disable >/dev/null 2>&1 || true
  if ((made)); then
    as_root rm -f "$policy"
    trap - EXIT
  fi
}

make_bench_venv() {
  local venv=build/venv-bench
  if [[ "$venv/requirements" -nt bench/requirements.txt ]]; then return; fi
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv" &&
    "$venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes -r bench/requirements.txt &&
    touch "$venv/requirements"
}

# What is measured goes to the standard output, all else to the other.
if command -v nginx >/dev/null || [[ -x /usr/sbin/nginx ]]; then ensure_packages build bench; else install_nginx; fi >&2
build_preset release ratebook book_bench http_load sqlite_client >&2
make_bench_venv >&2
/usr/bin/python3 bench/run.py "$@"
