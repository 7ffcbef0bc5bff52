# Configuring and building the presets of CMakePresets.json.
# shellcheck shell=bash

jobs=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)}

# prepare PRESET [PACKAGE...]: a compiler that will do, and everything else that has to be there before configuring.
prepare() {
  local preset=$1 compiler clang=()
  compiler=$(compiler)
  shift
  case $preset in
    asan) compiler=g++ ;;
    tsan | lint) compiler=clang++-19 clang=("${packages_clang[@]}") ;;
  esac
  # Said before anything is installed: with this compiler nothing would help.
  if [[ -n ${CXX:-} ]] || have "$compiler"; then check_compiler "$compiler"; fi
  need "${packages_build[@]}" "${clang[@]}" "$@"
  check_compiler "$compiler"
}

# configure PRESET [CMAKE-ARGUMENT...]
configure() {
  local preset=$1
  shift
  CXX=$(compiler) logged "$preset: configure" "build/$preset/configure.log" cmake --preset "$preset" "$@"
}

# build PRESET [TARGET]
build() {
  logged "$1: build" "build/$1/build.log" \
    cmake --build --preset "$1" --parallel "$jobs" ${2:+--target "$2"}
}

command_build() {
  local preset=${1:-release}
  case $preset in
    release | debug | asan | tsan) ;;
    *) die "there is no preset '$preset': it is one of release, debug, asan, tsan" ;;
  esac
  local packages=("${packages_test[@]}") # the tests are a part of every build
  if [[ $preset == release ]]; then packages+=("${packages_test_release[@]}"); fi
  prepare "$preset" "${packages[@]}"
  configure "$preset" -DBUILD_TESTING=ON && build "$preset"
}

command_bench() {
  command_build release
  local program programs=()
  for program in build/release/bin/bench/*; do
    if [[ -x $program ]]; then programs+=("$program"); fi
  done
  ((${#programs[@]})) || die "there is no benchmark program yet"
  for program in "${programs[@]}"; do
    say "== ${program##*/}"
    "$program" "$@"
  done
}
