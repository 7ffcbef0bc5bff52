#!/usr/bin/env bash
# stage_test.sh BUILD STAGE: installs a build and moves the tree, for nothing in it may remember where it was made.
set -euo pipefail
build=$1 stage=$2

rm -rf -- "$stage" "$stage.first"
cmake --install "$build" --prefix "$stage.first"
mv -- "$stage.first" "$stage"

if grep -rIl -e "$stage" -e "$build" -- "$stage"; then
  echo "the files above name the folder they were built or installed in" >&2
  exit 1
fi
