# Running the tests of one or more presets, and one summary at the end.
# shellcheck shell=bash

passed=0 failed=0 skipped=0
table=()

command_test() {
  local presets=(release asan tsan) factor=1 preset
  case ${1:-} in
    '') ;;
    release | asan | tsan) presets=("$1") ;;
    full) export WEFT_TEST_FULL=1; factor=10 ;;
    *) die "there is no test '$1': it is one of release, asan, tsan, full, or nothing for what CI runs" ;;
  esac
  [[ -z ${WEFT_DEV_TEST:-} ]] || die "a test must not run all tests"
  export WEFT_DEV_TEST=1
  # The sanitizers, and the tests that count open files, read it; a bare chroot has none.
  [[ -e /proc/self/maps ]] || die "the tests need /proc: mount it with 'mount -t proc proc /proc'"
  for preset in "${presets[@]}"; do
    if [[ $preset == release ]]; then
      prepare release "${packages_test[@]}" "${packages_test_release[@]}"
    else
      prepare "$preset" "${packages_test[@]}"
    fi
  done
  for preset in "${presets[@]}"; do test_preset "$preset" "$factor"; done

  printf '\n%-10s %7s %7s %8s %9s %9s\n' preset passed failed skipped build tests
  printf '%s\n' "${table[@]}"
  say "$passed passed, $failed failed, $skipped skipped"
  ((failed == 0))
}

test_preset() {
  local preset=$1 factor=$2 log=build/$1/test.log started=$SECONDS built good=0 bad=0 skips=0 wrap=() status=0
  say "== $preset"
  if ! configure "$preset" -DBUILD_TESTING=ON "-DWEFT_TEST_TIMEOUT_FACTOR=$factor" || ! build "$preset"; then
    failed=$((failed + 1))
    table+=("$(printf '%-10s %s' "$preset" 'did not build (counted as one failure)')")
    return
  fi
  built=$SECONDS
  # The thread sanitizer's shadow memory does not fit every random layout of the address space.
  if [[ $preset == tsan ]] && setarch "$(uname -m)" -R true 2>/dev/null; then wrap=(setarch "$(uname -m)" -R); fi

  "${wrap[@]}" ctest --preset "$preset" --parallel "$jobs" 2>&1 </dev/null | tee "$log" |
    grep --line-buffered -E '^ *[0-9]+/[0-9]+ Test ' || status=$?

  local name result
  while read -r result name; do
    if [[ $result =~ ^(passed|skipped)$ ]] && ! check_skips "$preset" "$name" "$result"; then result=unexpected; fi
    case $result in
      '') ;; # no test ran
      passed) good=$((good + 1)) ;;
      skipped) skips=$((skips + 1)) ;;
      unexpected) bad=$((bad + 1)) ;;
      *) bad=$((bad + 1)); report_failure "$preset" "$name" ;;
    esac
  done <<<"$(results "$log")"
  if ((status != 0 && bad == 0)); then
    bad=1
    tail -n 20 -- "$log" >&2
    printf 'tools/dev: ctest itself failed; see %s\n' "$log" >&2
  fi
  passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + skips))
  table+=("$(printf '%-10s %7d %7d %8d %7d s %7d s' \
    "$preset" "$good" "$bad" "$skips" $((built - started)) $((SECONDS - built)))")
}

# results LOG: "passed|skipped|failed NAME" for each test that ctest tells of.
results() {
  awk '/^ *[0-9]+\/[0-9]+ Test +#[0-9]+: / {
    result = /\*\*\*Skipped/ ? "skipped" : / Passed +[0-9.]+ sec/ ? "passed" : "failed"
    sub(/^.*Test +#[0-9]+: /, ""); sub(/\*\*\*.*/, "", $1); print result, $1
  }' "$1"
}

# output_of PRESET TEST: what one test printed.
output_of() {
  awk -v test="$2" '
    $2 == "Testing:" { mine = ($3 == test); inside = 0; next }
    mine && /^-+$/ { inside = 1; next }
    /^<end of output>/ { mine = 0 }
    mine && inside' "build/$1/Testing/Temporary/LastTest.log"
}

report_failure() {
  printf -- '-- %s: %s failed; the end of its output:\n' "$1" "$2" >&2
  output_of "$1" "$2" | tail -n 60 >&2
}

# check_skips PRESET TEST RESULT: tells why a test was skipped, or test cases in it. A skip in CI that nobody has written
# down fails.
check_skips() {
  local preset=$1 test=$2 reasons reason unexpected=0
  reasons=$(output_of "$preset" "$test" | sed -n '/^skipped: all [0-9]* test cases$/d; s/^skipped: //p' | sort -u)
  if [[ $3 == skipped && -z $reasons ]]; then reasons="without a reason"; fi
  while read -r reason; do
    if [[ -z $reason ]]; then continue; fi
    say "-- $preset: $test skipped: $reason"
    if [[ ${CI:-} == true ]] && ! expected_skip "$preset" "$test" "$reason"; then
      printf 'tools/dev: this skip is not listed in tests/expected_skips.txt: make the test run, or list it\n' >&2
      unexpected=1
    fi
  done <<<"$reasons"
  return "$unexpected"
}

expected_skip() {
  local preset test reason
  while read -r preset test reason; do
    # The first two are patterns.
    # shellcheck disable=SC2053
    if [[ $1 == $preset && $2 == $test && $3 == *"$reason"* ]]; then return; fi
  done <tests/expected_skips.txt
  return 1
}
