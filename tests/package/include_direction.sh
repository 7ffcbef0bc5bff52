#!/usr/bin/env bash
# include_direction.sh ROOT: the rooms of the house include each other in one direction only.
#
#   os <- fiber <- timer <- sched <- sync <- netpoll, procs <- glue (the files directly in runtime/)
#
# trace may be included by all but os, and itself includes only os. The public headers include public headers and the
# system's, so that they work from an installed tree. Anybody may include public headers.
set -euo pipefail
cd -- "$1"

declare -A level=([os]=0 [fiber]=1 [timer]=2 [sched]=3 [sync]=4 [netpoll]=5 [procs]=5 [glue]=6 [trace]=trace)
bad=0

complain() { printf '%s: includes %s: %s\n' "$1" "$2" "$3"; bad=1; }

# Sets room to the one that a path is in.
find_room() {
  case $1 in
    netpoll/*) room=netpoll ;;
    runtime/*/*) room=${1#runtime/} room=${room%%/*} ;;
    *) room=glue ;;
  esac
}

check_runtime() {
  local file=$1 included=$2 room from to
  case $included in
    runtime/* | netpoll/*) ;;
    *) return ;;
  esac
  find_room "$file"; from=$room
  find_room "$included"; to=$room
  if [[ -z ${level[$from]:-} || -z ${level[$to]:-} ]]; then
    complain "$file" "$included" "a room that this script does not know: give it its place in the order"
  elif [[ $from == "$to" ]]; then
    return
  elif [[ $from == trace ]]; then
    [[ $to == os ]] || complain "$file" "$included" "trace is a leaf and includes only os"
  elif [[ $to == trace ]]; then
    [[ $from != os ]] || complain "$file" "$included" "os includes nothing above it"
  elif ((level[$to] >= level[$from])); then
    complain "$file" "$included" "$to is not below $from"
  fi
}

system_headers='(errno|fcntl|poll|pthread|sched|signal|stddef|stdint|stdlib|string|time|unistd)\.h|(arpa|net|netinet|sys)/[a-z_0-9]+\.h'

check_public() {
  local file=$1 included=$2
  if [[ -z $file ]]; then
    return
  elif [[ $included == weft/* ]]; then
    [[ -e include/$included ]] || complain "$file" "$included" "there is no such public header"
  elif ! [[ $included =~ ^([a-z_0-9]+|$system_headers)$ ]]; then
    complain "$file" "$included" "a public header includes only weft/, the standard library's and the system's headers"
  fi
}

# includes PATTERN FOLDER...: "FILE INCLUDED" a line, for includes that open with the pattern.
includes() {
  local opening=$1 folder folders=()
  shift
  for folder in "$@"; do if [[ -d $folder ]]; then folders+=("$folder"); fi; done
  ((${#folders[@]})) || return 0
  grep -rnHE --include='*.hpp' --include='*.cpp' --include='*.h' --include='*.S' \
    "^[[:space:]]*#[[:space:]]*include[[:space:]]*$opening" "${folders[@]}" |
    sed -nE 's/^([^:]*):[0-9]+:[^<"]*(<([^>]*)>|"([^"]*)").*$/\1 \3\4/p'
}

while read -r file included; do check_runtime "$file" "$included"; done <<<"$(includes '[<"]' runtime netpoll)"
while read -r file included; do check_public "$file" "$included"; done <<<"$(includes '[<"]' include/weft)"

# A path relative to the including file would slip through the rules above.
while read -r file included; do
  case $included in
    '' | runtime/* | netpoll/* | weft/*) ;;
    *) complain "$file" "$included" "name the path from the repository's root" ;;
  esac
done <<<"$(includes '"' runtime netpoll include/weft)"
exit "$bad"
