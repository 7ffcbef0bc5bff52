#!/usr/bin/env bash
# The server that README.md shows is, to the letter, the sample that is compiled and tested: the ```cpp block after the
# line <!-- readme_server --> is readme_server.cpp without its licence line.
#
# usage: readme_snippet.sh README.md readme_server.cpp
set -euo pipefail

readme=$1
sample=$2

if [[ ! -e $readme ]]; then
  printf 'skipped: there is no %s yet\n' "${readme##*/}"
  exit 77
fi

shown=$(awk '
  $0 == "<!-- readme_server -->" { wanted = 1; next }
  wanted && $0 == "```cpp" { inside = 1; next }
  inside && $0 == "```" { found = 1; exit }
  inside { print }
  END { exit !found }' "$readme") || {
  printf '%s has no ```cpp block after a line <!-- readme_server -->\n' "${readme##*/}" >&2
  exit 1
}
compiled=$(sed -e '1{/SPDX-License-Identifier/d}' "$sample" | sed -e '/./,$!d')

if ! diff <(printf '%s\n' "$compiled") <(printf '%s\n' "$shown") >&2; then
  printf 'README.md shows something else than %s: copy the sample into it\n' "${sample##*/}" >&2
  exit 1
fi
