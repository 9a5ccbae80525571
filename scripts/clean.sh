# ./dev clean: deletes all of build/ but build/run, the data of ./dev run.
# shellcheck shell=bash

if [[ -d build ]]; then find build -mindepth 1 -maxdepth 1 ! -name run -exec rm -rf {} +; fi
