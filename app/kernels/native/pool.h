// The pool as the entry points see it.
#pragma once

#include "core.h"

namespace rk {

constexpr int MOST_THREADS = 256;

// All calls in order, each shared among `threads` threads (1 to MOST_THREADS), this one included.
void run(const Call* calls, int64_t count, const Kernel* kernels, int threads);

}  // namespace rk
