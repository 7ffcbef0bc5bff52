#!/usr/bin/env bash
# consumer_test.sh WAY SOURCE STAGE COMPILER VERSION: builds and runs consumer/ the way a user's project would.
set -euo pipefail
way=$1 source=$2 stage=$3 compiler=$4 version=$5
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
work=$PWD/consumer_$way
rm -rf -- "$work"
mkdir -p -- "$work"

# with_cmake ARGUMENT...: consumer/ as a CMake project.
with_cmake() {
  cmake -S "$here/consumer" -B "$work/build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER="$compiler" -DEXPECTED_VERSION="$version" "$@"
  cmake --build "$work/build" --parallel "$(nproc)"
  "$work/build/consumer"
}

case $way in
  find_package) with_cmake -DCMAKE_PREFIX_PATH="$stage" ;;
  add_subdirectory) with_cmake -DWEFT_SOURCE="$source" ;;
  shared)
    cmake -S "$source" -B "$work/library" -G Ninja -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_COMPILER="$compiler" \
      -DBUILD_SHARED_LIBS=ON -DBUILD_TESTING=OFF
    cmake --build "$work/library" --parallel "$(nproc)" --target weft
    cmake --install "$work/library" --prefix "$work/stage"
    with_cmake -DCMAKE_PREFIX_PATH="$work/stage"
    ;;
  pkg_config)
    PKG_CONFIG_PATH=$(dirname -- "$(find "$stage" -name weft.pc)")
    export PKG_CONFIG_PATH
    [[ $(pkg-config --modversion weft) == "$version" ]]
    # The words of pkg-config are arguments, one each.
    # shellcheck disable=SC2046
    "$compiler" -std=c++23 -O2 -DEXPECTED_VERSION="\"$version\"" "$here/consumer/main.cpp" -o "$work/consumer" \
      $(pkg-config --cflags --libs weft)
    "$work/consumer"
    ;;
esac
