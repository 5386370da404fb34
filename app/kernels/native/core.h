// What every kernel is written against: the record of a call, the team that runs it, the numbers.
//
// How to add a kernel
// -------------------
// 1. Write its body in a family's header, kernels/FAMILY.h, against simd.h alone:
//
//        // y = x * scale; arguments: y, x, count, scale
//        RK_KERNEL(scaled) {
//            float* y = call.at<float>(0);
//            const float* x = call.at<const float>(1);
//            const float scale = float(call.real(3));
//            const Range mine = team.share(call[2], 4 * W);  // whole vectors for each thread
//            for (int64_t i = mine.begin; i < mine.end; i += W) {
//                const int64_t n = least(W, mine.end - i);
//                store_first(y + i, load_first(x + i, n) * all(scale), n);
//            }
//        }
//
// 2. Register it with two lines: KERNEL(scaled) in kernels/list.h (and, for a new family, an
//    #include of its header in kernels/families.h).
// 3. Call it from Python, in the class of the family (ops_FAMILY.py):
//
//        self.call("scaled", y, x, x.numel(), 0.5)
//
// The rules
// ---------
// - Every thread of the team runs the kernel; share() or next() tell each what is its part.  All
//   of a call is done before the next one begins.  Inside a kernel, team.barrier() is reached by
//   all threads or by none.
// - Bodies are compiled once per instruction set, each time inside another namespace.  What they
//   use must be inlined for sure (RK_INLINE) or be plain C (memcpy, expf): an inline function of
//   the C++ library, compiled here with AVX-512, could be linked into the plain kernels.
// - No allocation, no exceptions, no locks, no static variables.  Scratch memory is an argument.
// - Any size works: the last vector of a row is read with load_first.  Nothing is read or
//   written past an array's end.  Rows need not be aligned.
#pragma once

#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER) && !defined(__clang__)
#define RK_INLINE static __forceinline
#define RK_MEMBER __forceinline
#define RK_RESTRICT __restrict
#else
#define RK_INLINE static inline __attribute__((always_inline, unused))
#define RK_MEMBER inline __attribute__((always_inline))
#define RK_RESTRICT __restrict__
#endif

#define RK_KERNEL(name) static void name(const Call& call, const Team& team)

namespace rk {

struct bf16 {
    uint16_t bits;
};

struct fp16 {
    uint16_t bits;
};

// The number's place in the table is its type's name in Python (library.py, KINDS).
enum Kind : int64_t { FP32 = 0, BF16 = 1, FP16 = 2, INT8 = 3, INT4 = 4 };

constexpr int64_t LINE = 64;  // bytes that memory hands out together

struct Range {
    int64_t begin, end;
};

// One call: the kernel's number and its arguments, sizes as they are, pointers and doubles by
// their bits.  Python fills it (64-bit, little-endian); what is not given is 0.
struct Call {
    static constexpr int ARGUMENTS = 31;

    int64_t kernel;
    int64_t arguments[ARGUMENTS];

    RK_MEMBER int64_t operator[](int i) const { return arguments[i]; }

    template <class T>
    RK_MEMBER T* at(int i) const {
        return reinterpret_cast<T*>(static_cast<uintptr_t>(arguments[i]));
    }

    RK_MEMBER double real(int i) const {
        double value;
        memcpy(&value, &arguments[i], sizeof value);
        return value;
    }
};

struct Pool;

// The threads that run one call together, as seen by one of them.
struct Team {
    int id, size;
    Pool* pool;

    // Until all threads have come here.
    void barrier() const;

    // This thread's part of 0..total, in multiples of `grain` (but for the last).
    Range share(int64_t total, int64_t grain) const;

    // The next part of 0..total that nobody has taken, at most `grain` long; false at the end.  A
    // thread goes through what share() gives it, so that it reads one stretch of memory, and then
    // takes what the next ones have left.  One such loop between two barriers, begun by all threads with
    // the same numbers.
    bool next(int64_t total, int64_t grain, Range& part) const;

    // A counter at 0 in the first 4 bytes there, for all threads once a barrier has been passed.
    static void begin_count(void* at);

    // One more, and how many these are.  Who is told a number sees all that those wrote who were told
    // a smaller one, before they counted.
    static int64_t count_up(void* at);
};

using Kernel = void (*)(const Call&, const Team&);

// One instruction set's kernels, in the order of kernels/list.h; `reads` has a bit for each Kind
// whose numbers they read as fast as memory gives them.
struct Isa {
    const char* name;
    const Kernel* kernels;
    unsigned reads;
};

RK_INLINE int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
RK_INLINE int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

// The first line that begins there or behind.
RK_INLINE uint8_t* line_from(uint8_t* p) {
    const uintptr_t line = uintptr_t(LINE);
    return reinterpret_cast<uint8_t*>((reinterpret_cast<uintptr_t>(p) + line - 1) / line * line);
}

}  // namespace rk
