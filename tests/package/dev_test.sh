#!/usr/bin/env bash
# dev_test.sh SOURCE [HTTP_SERVER]: each bad state of tools/dev ends in one clear line and a failure.
# It never gets as far as a build, and so never to a run of the tests that would run this.
# shellcheck disable=SC2016
set -euo pipefail
source=$1 http_server=${2:-}
work=$(mktemp -d)
server=
trap 'if [[ -n $server ]]; then kill "$server"; fi; rm -rf -- "$work"' EXIT
bad=0

# Works on a copy, so that logs and builds are nobody else's.
mkdir -p "$work/copy"
cp -R -- "$source/tools" "$source/CMakePresets.json" "$work/copy/"
dev=$work/copy/tools/dev

# must_fail EXPECTED COMMAND...: it fails and says one line, with EXPECTED in it, to standard error.
must_fail() {
  local expected=$1
  shift
  if "$@" >"$work/out" 2>"$work/err" </dev/null; then
    echo "did not fail: $*"
    bad=1
  elif [[ $(wc -l <"$work/err") != 1 || $(cat "$work/err") != "tools/dev: "*"$expected"* ]]; then
    echo "wanted one line with '$expected' from: $*"
    cat "$work/err"
    bad=1
  fi
}

# A PATH with all of the machine's programs except those named.
path_without() {
  local folder
  rm -rf -- "$work/path"
  mkdir "$work/path"
  for folder in /bin /usr/bin /usr/sbin /usr/local/bin; do
    ln -sf -t "$work/path" "$folder"/* 2>/dev/null || true
  done
  for program in "$@"; do rm -f -- "$work/path/$program"; done
}

# fake NAME LINE...: a program of that name in the PATH above.
fake() {
  local name=$1
  shift
  rm -f -- "$work/path/$name"
  printf '%s\n' '#!/bin/sh' "$@" >"$work/path/$name"
  chmod +x "$work/path/$name"
}

must_fail "there is no command 'dance'" "$dev" dance
must_fail "there is no test 'everything'" "$dev" test everything
must_fail "there is no preset 'fast'" "$dev" build fast
must_fail "--port needs a number" "$dev" run --port http
must_fail "run does not know '--colour'" "$dev" run --colour

path_without
fake g++ 'case $1 in --version) echo "g++ (Debian) 11.2.0" ;; *) echo 11 ;; esac'
must_fail "g++ is g++ 11, too old" env -u CXX PATH="$work/path" "$dev" run
fake clang++ 'case $1 in --version) echo "Debian clang version 14.0.6" ;; *) echo 14.0.6 ;; esac'
must_fail "clang++ is clang 14.0.6, too old" env CXX=clang++ PATH="$work/path" "$dev" run
must_fail "there is no compiler no-such-compiler" env CXX=no-such-compiler "$dev" run

path_without wrk
fake apt-get 'echo "E: Unable to locate package wrk"; exit 100'
fake sudo 'exec "$@"'
must_fail "cannot install wrk" env -u CXX PATH="$work/path" "$dev" run
path_without wrk apt-get
must_fail "needs wrk, and without apt-get" env -u CXX PATH="$work/path" "$dev" run

if [[ -x $http_server ]]; then
  : >"$work/server"
  "$http_server" --port 0 >"$work/server" &
  server=$!
  for ((i = 0; i < 100; i++)); do
    port=$(sed -n 's/^.*listening on [^ ]*:\([0-9]*\),.*$/\1/p' "$work/server")
    if [[ -n $port ]]; then break; fi
    sleep 0.1
  done
  must_fail "port $port is taken" "$dev" run --port "$port"
  # The server's own words, for whoever starts it without tools/dev.
  if "$http_server" --port "$port" >/dev/null 2>"$work/err"; then
    echo "http_server did not fail on a port that is taken"
    bad=1
  fi
  kill -TERM "$server"
  wait "$server" || { echo "http_server did not stop cleanly"; bad=1; }
  server=
fi
exit "$bad"
