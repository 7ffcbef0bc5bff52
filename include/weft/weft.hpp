// SPDX-License-Identifier: Apache-2.0
// weft: fibers on an M:N scheduler in the manner of Go's. This header includes all of them.
#pragma once

#include <weft/blocking.hpp>
#include <weft/chan.hpp>
#include <weft/context.hpp>
#include <weft/error.hpp>
#include <weft/go.hpp>
#include <weft/group.hpp>
#include <weft/net.hpp>
#include <weft/run.hpp>
#include <weft/runtime.hpp>
#include <weft/select.hpp>
#include <weft/signal.hpp>
#include <weft/sync.hpp>
#include <weft/task.hpp>
#include <weft/this_fiber.hpp>
#include <weft/time.hpp>
#include <weft/until.hpp>
#include <weft/version.hpp>
