# The HTTP server sample under load from wrk.
# shellcheck shell=bash

command_run() {
  local port=0 seconds=5 connections=64
  while (($#)); do
    case $1 in
      --port | --seconds | --connections) [[ ${2:-} =~ ^[0-9]{1,6}$ ]] || die "$1 needs a number" ;;&
      --port) port=$((10#$2)) ;;
      --seconds) seconds=$((10#$2)) ;;
      --connections) connections=$((10#$2)) ;;
      *) die "run does not know '$1'; tools/dev help lists its options" ;;
    esac
    shift 2
  done
  ((port <= 65535)) || die "--port needs a number up to 65535"
  ((seconds > 0 && connections > 0)) || die "--seconds and --connections need at least 1"
  if ((port)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
    die "port $port is taken: choose another with --port, or leave it out for a free one"
  fi

  prepare release "${packages_run[@]}"
  # A fresh tree gets no tests, whose packages need not be here; a tree that has them keeps them.
  local tests=()
  if [[ ! -e build/release/CMakeCache.txt ]]; then tests=(-DBUILD_TESTING=OFF); fi
  if ! configure release "${tests[@]}" || ! build release http_server; then exit 1; fi
  ulimit -S -n "$(ulimit -H -n)" 2>/dev/null || true # a file for each connection

  local server_log=build/release/http_server.log wrk_log=build/release/wrk.log listening server wrk second
  build/release/bin/http_server --port "$port" >"$server_log" 2>&1 </dev/null &
  server=$!
  children=("$server")
  wait_until_listening
  say "$listening"

  wrk -t1 -c"$connections" -d"${seconds}s" --timeout 10s --latency "$url/" >"$wrk_log" 2>&1 </dev/null &
  wrk=$!
  children+=("$wrk")
  for ((second = 1; second <= seconds; second++)); do
    sleep 1
    progress "load: $second of $seconds s, $connections connections"
    kill -0 "$wrk" 2>/dev/null || break
  done
  progress_end
  wait "$wrk" || { tail -n 5 -- "$wrk_log" >&2; die "wrk failed; its output is in $wrk_log"; }

  children=("$server")
  kill -TERM "$server" 2>/dev/null || die "the server ended under load; its output is in $server_log"
  wait "$server" || die "the server did not stop cleanly (exit code $?); its output is in $server_log"
  children=()
  report_load "$wrk_log" "$listening"
}

# Sets listening and url as soon as the server says it is ready.
wait_until_listening() {
  local tries
  for ((tries = 0; tries < 100; tries++)); do
    if listening=$(grep -m 1 '^http_server: listening on ' "$server_log"); then
      url=$(sed 's/^.* listening on \([^, ]*\).*$/http:\/\/\1/' <<<"$listening")
      return
    fi
    if ! kill -0 "$server" 2>/dev/null; then
      children=()
      die "the server did not start: $(tail -n 1 -- "$server_log")"
    fi
    sleep 0.1
  done
  die "the server did not say that it listens within 10 s; its output is in $server_log"
}

report_load() {
  local log=$1 trouble
  trouble=$(grep -E 'Socket errors|Non-2xx' "$log" | tr -s ' ' || true)
  awk '
    /Requests\/sec:/ { rate = $2 }
    /^ +(50|75|90|99)% / { latency = latency (latency ? ", " : "") $1 " " $2 }
    END { print "requests/s: " rate; print "latency: " latency }' "$log"
  say "Ps: ${2#*, }"
  if [[ -n $trouble ]]; then die "the load met errors:${trouble//$'\n'/;}; all of wrk's output is in $log"; fi
  grep -q 'Requests/sec:' "$log" || die "wrk did not finish; its output is in $log"
}
