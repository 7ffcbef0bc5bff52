# What each command needs from Debian, found by what is really there rather than by a package's name where that matters.
# shellcheck shell=bash

packages_build=(g++ cmake ninja-build pkg-config libboost-context-dev)
packages_run=(wrk)
packages_test=(doctest-dev wrk)
packages_test_release=(relacy-dev spin)
packages_clang=(clang-19 libclang-rt-19-dev)

compiler() { printf '%s' "${CXX:-g++}"; }

# Any Boost.Context from 1.74 on will do, wherever it came from.
have_boost() {
  have "$(compiler)" || return 1
  "$(compiler)" -x c++ - -lboost_context -o /dev/null >/dev/null 2>&1 <<'END'
#include <boost/context/detail/fcontext.hpp>
#include <boost/version.hpp>
static_assert(BOOST_VERSION >= 107400);
int main() {}
END
}

# Debian's versions of Boost exclude each other: complete the one that is there.
boost_package() {
  local version
  version=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'libboost1.*-dev' 2>/dev/null |
    sed -n 's/^installed libboost\(1\.[0-9]*\)-dev$/\1/p' | sort -V | tail -n 1 || true)
  if [[ -n $version ]] && dpkg --compare-versions "$version" ge 1.74; then
    printf 'libboost-context%s-dev' "$version"
  else
    printf 'libboost-context-dev'
  fi
}

installed() { [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]; }

have_package() {
  case $1 in
    g++) have g++ ;;
    ninja-build) have ninja ;;
    clang-19) have clang++-19 ;;
    cmake | git | pkg-config | wrk | spin | curl | clang-format-19 | clang-tidy-19) have "$1" ;;
    libboost-context*-dev) have_boost ;;
    doctest-dev) [[ -e /usr/include/doctest/doctest.h || -e /usr/local/include/doctest/doctest.h ]] ;;
    *) installed "$1" ;;
  esac
}

# need PACKAGE...: installs those that are missing.
need() {
  local package missing=()
  for package in "$@"; do
    have_package "$package" || missing+=("${package/#libboost-context-dev/$(boost_package)}")
  done
  if ((${#missing[@]})); then install_packages "${missing[@]}"; fi
}

install_packages() {
  local by_hand="apt-get install $*" as_root=() log=build/apt.log package
  have apt-get || die "this needs $*, and without apt-get tools/dev cannot install them: install them by hand"
  if ((EUID != 0)); then
    have sudo || die "this needs $*, and installing them needs root: run as root '$by_hand'"
    as_root=(sudo)
  fi
  mkdir -p build
  say "installing Debian packages: $*"
  # Most machines have usable lists; asking for new ones first would need the network even where a package is cached.
  if ! apt_get install "$@" >"$log" 2>&1; then
    say "reading new package lists"
    if ! apt_get update >"$log" 2>&1 || ! apt_get install "$@" >>"$log" 2>&1; then
      die "cannot install $*: look at $log, check the network and the package sources, then try '$by_hand'"
    fi
  fi
  for package in "$@"; do
    have_package "$package" || die "$package is installed, but what it should bring is not found: look at $log"
  done
}

apt_get() {
  local action=$1
  shift
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes --no-install-recommends \
    -o DPkg::Lock::Timeout=300 "$action" "$@"
}

# check_compiler PROGRAM: ends with one line if it is older than what weft can be compiled with.
check_compiler() {
  local program=$1 oldest=12 name="g++" version
  have "$program" || die "there is no compiler $program: set CXX to one that exists, g++ 12 or clang 19 or newer"
  if "$program" --version 2>/dev/null | grep -qi clang; then oldest=19 name=clang; fi
  version=$("$program" -dumpversion 2>/dev/null) || die "$program does not run: set CXX to g++ 12 or clang 19 or newer"
  if ((${version%%.*} < oldest)); then
    die "$program is $name $version, too old: install g++ 12 or clang 19 (or newer) and name it, as in CXX=g++-12 tools/dev run"
  fi
}
