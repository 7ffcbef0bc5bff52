#!/usr/bin/env bash
# A check that never complains is worth nothing: each kind of bad include, alone in an otherwise good tree, is found.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
tree=$(mktemp -d)
trap 'rm -rf -- "$tree"' EXIT

put() { mkdir -p -- "$tree/$(dirname -- "$1")"; printf '#include %s\n' "$2" >>"$tree/$1"; }

good_tree() {
  rm -rf -- "${tree:?}"/*
  put include/weft/go.hpp '<vector>'
  put include/weft/go.hpp '<sys/socket.h>'
  put include/weft/weft.hpp '<weft/go.hpp>'
  put runtime/os/futex.hpp '<linux/futex.h>'
  put runtime/trace/buffer.hpp '"runtime/os/futex.hpp"'
  put runtime/fiber/stack.hpp '"runtime/trace/buffer.hpp"'
  put runtime/sched/p.hpp '"runtime/fiber/stack.hpp"'
  put runtime/sched/p.hpp '"runtime/sched/m.hpp"'
  put netpoll/epoll.cpp '"runtime/sync/chan.hpp"'
  put runtime/run.cpp '"netpoll/epoll.hpp"'
  put runtime/run.cpp '<weft/go.hpp>'
}

good_tree
bash "$here/include_direction.sh" "$tree" || { echo "the good tree was found bad"; exit 1; }

missed=0
must_find() {
  good_tree
  put "$1" "$2"
  if bash "$here/include_direction.sh" "$tree" >/dev/null; then
    echo "not found: $1 includes $2"
    missed=1
  fi
}

must_find runtime/os/file.cpp '"runtime/fiber/stack.hpp"'
must_find runtime/os/file.cpp '"runtime/trace/buffer.hpp"'
must_find runtime/fiber/g.hpp '<runtime/sched/p.hpp>'
must_find runtime/sched/poll.cpp '"netpoll/epoll.hpp"'
must_find runtime/sched/poll.cpp '  "runtime/run.hpp"'
must_find runtime/procs/cgroup.cpp '"netpoll/epoll.hpp"'
must_find runtime/trace/dump.cpp '"runtime/sched/p.hpp"'
must_find runtime/trace/dump.cpp '"runtime/fiber/g.hpp"'
must_find runtime/attic/old.cpp '"runtime/os/futex.hpp"'
must_find runtime/fiber/g.hpp '"../sched/p.hpp"'
must_find include/weft/chan.hpp '"runtime/sync/chan.hpp"'
must_find include/weft/detail/net.hpp '<netpoll/epoll.hpp>'
must_find include/weft/chan.hpp '<boost/context/detail/fcontext.hpp>'
must_find include/weft/chan.hpp '<weft/nowhere.hpp>'
must_find include/weft/chan.hpp '<hwloc.h>'
exit "$missed"
