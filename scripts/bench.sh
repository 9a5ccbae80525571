# ./dev bench [--json] [--rounds N]: measures the release build against nginx and sqlite3, side by side.
# shellcheck shell=bash

# Installing nginx must not start a service, now or at the next boot; one that was here before is left alone.
if [[ -n "$(missing_packages nginx-light)" ]] && ! command -v nginx >/dev/null; then
  as_root() { if ((EUID == 0)); then "$@"; else sudo "$@"; fi; }
  policy=/usr/sbin/policy-rc.d
  if [[ -e "$policy" ]]; then give_up "$policy is here already: install nginx-light yourself, then try again"; fi
  trap 'as_root rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null
  as_root chmod 755 "$policy"
  ensure_packages build bench
  as_root update-rc.d nginx disable >/dev/null 2>&1 || true
  as_root rm -f "$policy"
  trap - EXIT
else
  ensure_packages build bench
fi >&2
build_preset release ratebook >&2
/usr/bin/python3 bench/run.py "$@"
