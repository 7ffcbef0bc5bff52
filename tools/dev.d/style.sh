# Formatting and static analysis.
# shellcheck shell=bash

command_fmt() {
  local mode=(-i)
  case ${1:-} in
    '') ;;
    --check) mode=(--dry-run --Werror) ;;
    *) die "fmt does not know '$1': it is --check or nothing" ;;
  esac
  need git clang-format-19
  git ls-files -z -- '*.cpp' '*.hpp' | xargs -0 -r -n 20 -P "$(nproc)" clang-format-19 "${mode[@]}" ||
    die "some files are not formatted: run tools/dev fmt"
}

command_lint() {
  command_fmt --check
  prepare lint "${packages_test[@]}" clang-tidy-19
  configure lint || exit 1
  local sources
  sources=$(sed -n 's/^ *"file": "\(.*\)",\{0,1\}$/\1/p' build/lint/compile_commands.json | sort -u)
  say "clang-tidy: $(wc -l <<<"$sources") files"
  xargs -r -n 1 -P "$(nproc)" clang-tidy-19 -p build/lint --quiet <<<"$sources" 2>build/lint/clang-tidy.log ||
    die "clang-tidy found something; what it could not read is in build/lint/clang-tidy.log"
}
