# What the engines of a cluster need beside Debian. Sourced in the root folder, behind common.sh.
# shellcheck shell=bash

# What the launcher runs: Patroni.
make_cluster_venv() {
  local venv=build/venv-cluster wanted
  wanted="$(sha256sum <cluster/requirements.txt)"
  if [[ "$(cat "$venv/requirements" 2>/dev/null)" == "$wanted" ]]; then return; fi
  begin_step "Patroni"
  rm -rf "$venv"
  if ! { /usr/bin/python3 -m venv "$venv" &&
    "$venv/bin/pip" install -qq --disable-pip-version-check --require-hashes -r cluster/requirements.txt; }; then
    give_up "Patroni could not be installed: pip's words are above"
  fi
  printf '%s\n' "$wanted" >"$venv/requirements"
  end_step
}

# build/kafka/jars: exactly the jars of cluster/kafka/jars.sha256.
fetch_kafka() {
  local folder=build/kafka wanted
  wanted="$(cat cluster/kafka/pom.xml cluster/kafka/jars.sha256 | sha256sum)"
  if [[ "$(cat "$folder/checked" 2>/dev/null)" == "$wanted" ]]; then return; fi
  begin_step "Kafka"
  rm -rf "$folder"
  mkdir -p "$folder" build/log
  mvn -q -B -f cluster/kafka/pom.xml dependency:copy-dependencies -DincludeScope=runtime \
    -DoutputDirectory="$PWD/$folder/jars" >build/log/kafka-jars.log 2>&1 ||
    { tail -n 20 build/log/kafka-jars.log >&2 && give_up "Maven could not fetch the jars: build/log/kafka-jars.log"; }
  if ! (cd "$folder/jars" && sha256sum --quiet --check) <cluster/kafka/jars.sha256 >&2 ||
    [[ "$(find "$folder/jars" -name '*.jar' | wc -l)" != "$(wc -l <cluster/kafka/jars.sha256)" ]]; then
    give_up "what Maven fetched is not what cluster/kafka/jars.sha256 names: see the lines above, and $folder/jars"
  fi
  printf '%s\n' "$wanted" >"$folder/checked"
  end_step
}
