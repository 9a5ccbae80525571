# ./dev clean: deletes all of build/ but build/run, the data of ./dev run.
# shellcheck shell=bash

if compgen -G "build/cluster/*/state.json" >/dev/null; then
  give_up "a cluster is up, and its files are in build/cluster: ./dev cluster down --all, then again"
fi
if [[ -d build ]]; then find build -mindepth 1 -maxdepth 1 ! -name run -exec rm -rf {} +; fi
