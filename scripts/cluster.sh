# ./dev cluster WORD…: the whole system over three zones of this machine; ./dev cluster --help tells more. Installs and
# builds what its engines need; the work is done by the Python package cluster/.
# shellcheck shell=bash

# shellcheck source=scripts/engines.sh
source scripts/engines.sh

case "${1:-}" in
  up)
    if [[ " $* " != *" --help "* && " $* " != *" -h "* ]]; then
      ensure_packages_without_services build cluster
      make_cluster_venv
      fetch_kafka
      if [[ -z "${RATEBOOK_BINARY:-}" ]]; then
        begin_step "build"
        build_preset release ratebook
        end_step
      fi
    fi
    ;;
  # What the others need stands since `up`.
  *) ;;
esac
python=build/venv-cluster/bin/python
if [[ ! -x "$python" ]]; then python=/usr/bin/python3; fi
if [[ ! -x "$python" ]]; then give_up "python3 is not installed: ./dev cluster up installs it"; fi
exec "$python" -m cluster "$@"
