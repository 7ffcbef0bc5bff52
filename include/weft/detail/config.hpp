// SPDX-License-Identifier: Apache-2.0
// Symbol visibility. Everything in weft lives in the inline namespace weft::v0, so that two versions
// linked into one program cannot be confused.
#pragma once

#define WEFT_API [[gnu::visibility("default")]]
