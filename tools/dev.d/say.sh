# Talking to the person in front, and ending what was started when they have heard enough.
# shellcheck shell=bash

say() { printf '%s\n' "$*"; }
die() { printf 'tools/dev: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }

# One line that is overwritten on a terminal; elsewhere the caller decides how often a line is worth it.
progress() { if [[ -t 1 ]]; then printf '\r\033[K%s' "$*"; else say "$*"; fi; }
progress_end() { if [[ -t 1 ]]; then printf '\r\033[K'; fi; }

# Background jobs of a script don't get a terminal's Ctrl-C: whoever starts one notes it here until it ended.
children=()
end_children() {
  local pid
  for pid in "${children[@]}"; do kill -- "-$pid" 2>/dev/null || kill "$pid" 2>/dev/null || true; done
  children=()
}
trap end_children EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# logged TITLE LOG COMMAND...: runs a command with its output in a file, shows how far it is, and the file's end if it
# fails.
logged() {
  local title=$1 log=$2 started=$SECONDS shown=$SECONDS step
  shift 2
  mkdir -p -- "${log%/*}"
  setsid "$@" >"$log" 2>&1 </dev/null & # a group of its own, that ends as one: cmake, ninja, the compilers
  local pid=$!
  children+=("$pid")
  while kill -0 "$pid" 2>/dev/null; do
    sleep 0.2
    if [[ -t 1 ]] || ((SECONDS - shown >= 15)); then
      shown=$SECONDS
      step=$(tail -c 2000 -- "$log" | grep -o '^\[[0-9]*/[0-9]*\]' | tail -n 1 || true)
      progress "$title $step $((SECONDS - started)) s"
    fi
  done
  progress_end
  children=()
  if wait "$pid"; then
    say "$title: done in $((SECONDS - started)) s"
  else
    tail -n 40 -- "$log" >&2
    printf 'tools/dev: %s failed; all of its output is in %s\n' "$title" "$log" >&2
    return 1
  fi
}
