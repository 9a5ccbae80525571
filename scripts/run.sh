# ./dev run [--port N]: installs what is missing, builds, serves on loopback with sample data until Ctrl-C.
# shellcheck shell=bash

port="${RATEBOOK_PORT:-8080}"
while (($# > 0)); do
  case "$1" in
    --port)
      port="${2:-}"
      shift 2 || true
      ;;
    --port=*)
      port="${1#--port=}"
      shift
      ;;
    *)
      say "./dev run [--port N]     builds, starts on 127.0.0.1:N (or RATEBOOK_PORT, or 8080) with sample data, serves"
      say "                         until Ctrl-C. The data stay in build/run/N: the next run goes on with them."
      [[ "$1" == --help ]] || exit 2
      exit 0
      ;;
  esac
done
if [[ ! "$port" =~ ^[1-9][0-9]{0,4}$ ]] || ((port > 65535)); then give_up "a port is a number from 1 to 65535"; fi

folder="$PWD/build/run/$port"
binary="$PWD/build/release/ratebook"
address="http://127.0.0.1:$port"
export RATEBOOK_SERVER="$address"
server=""

port_is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; }

refuse_taken_port() {
  give_up "port $port is taken by another program (a Ratebook that runs already, perhaps)." \
    "Choose another: ./dev run --port $((port < 65535 ? port + 1 : 8080))"
}

# The server ends with this script, whatever ends that; in a session of its own, so that Ctrl-C reaches it only through
# stop_server.
start_server() {
  : >"$folder/log"
  setsid setpriv --pdeathsig TERM -- "$binary" serve --data "$folder/ratebook.sqlite" --listen "127.0.0.1:$port" \
    >>"$folder/log" 2>&1 </dev/null &
  server=$!
  trap stop_server INT TERM HUP
  trap 'kill -TERM "$server" 2>/dev/null || true' EXIT
  local tries
  for ((tries = 0; tries < 600; ++tries)); do
    if grep -q "listening on $address" "$folder/log"; then return; fi
    kill -0 "$server" 2>/dev/null || break
    sleep 0.1
  done
  cat "$folder/log" >&2
  give_up "the server did not start; its log is above and in $folder/log"
}

stop_server() {
  trap '' INT TERM HUP
  say ""
  say "stopping"
  kill -TERM "$server" 2>/dev/null || true
  local result=0
  wait "$server" || result=$?
  trap - EXIT
  if ((result != 0)); then give_up "the server ended with $result; its log is in $folder/log"; fi
  exit 0
}

# The same key each time: a first run that was broken off and begins again sends the same batch, which counts once.
load_samples() {
  "$binary" places put --sample
  "$binary" generate --prices 100000 >"$folder/sample.csv"
  "$binary" push "$folder/sample.csv" --source sample --key sample-1
  rm "$folder/sample.csv"
  touch "$folder/sample-is-loaded"
}

if port_is_taken; then refuse_taken_port; fi
ensure_packages build
begin_step "build"
build_preset release ratebook
end_step

mkdir -p "$folder"
begin_step "start"
if port_is_taken; then refuse_taken_port; fi
start_server
end_step
if [[ ! -e "$folder/sample-is-loaded" ]]; then
  begin_step "load sample places and prices"
  load_samples
  end_step
fi

quoted="$(printf '%q' "$binary")"
if [[ "$port" != 8080 ]]; then quoted="RATEBOOK_SERVER=$address $quoted"; fi
cat <<TEXT

Ratebook serves on $address; its data and its log are in
  $folder
Try, in another terminal:

  $quoted rates CNSGH NLRTM
  curl -w '\n' '$address/v1/rates?origin=CNSGH&destination=NLRTM&date_from=2026-01-01&date_to=2026-01-31&stats=avg,p20,p80,count'
  curl -w '\n' -d '{"source":"me","prices":[{"orig_code":"CNSGH","dest_code":"NLRTM","day":"2026-01-31","price":1234.50}]}' -H 'Content-Type: application/json' $address/v1/batches
  $quoted batches

Ctrl-C stops it.
TEXT
result=0
wait "$server" || result=$?
trap - EXIT
give_up "the server ended by itself ($result); its log is in $folder/log"
