#!/bin/sh
# run.sh checker directory [--expect-error] [checker's options]
# Runs a checker that spin made. Exit 0: no error, and nothing left unsearched (with --expect-error: an error).
set -u
checker=$1
dir=$2
shift 2
expect=0
if [ "${1:-}" = --expect-error ]; then
  expect=1
  shift
fi
cd "$dir" || exit 2

out=$("$checker" -m500000 "$@" 2>&1)
printf '%s\n' "$out" | grep -v 'state [0-9]*,' | grep -v '^$'
if printf '%s\n' "$out" | grep -q 'max search depth too small\|out of memory\|hash-array'; then
  echo "FAILED: the search is not complete"
  exit 1
fi
errors=$(printf '%s\n' "$out" | sed -n 's/.*errors: \([0-9]*\).*/\1/p')
case $errors in
  '') echo "FAILED: the checker gave no result"; exit 2 ;;
  0)
    if [ $expect = 1 ]; then
      echo "SURVIVED: no error found (or the mutation no longer applies: see the build's warnings)"
    fi
    exit $expect ;;
  *)
    if [ $expect = 1 ]; then
      echo "killed"
      exit 0
    fi
    echo "FAILED: the run that leads there:"
    "$checker" -r
    exit 1 ;;
esac
