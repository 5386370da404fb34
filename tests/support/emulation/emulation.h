// A grid of CUDA threads on the host: one fibre a thread, in turns, so that a program in CUDA's
// language can be compiled by an ordinary compiler and run in a debugger, and its barriers counted.
//
// A block's threads run one after the other, each up to its next barrier or exchange; the order of
// the turns can be changed, so that a kernel that lacks a barrier gives other numbers.  A barrier
// that some threads leave out, a kernel that waits for ever and an unaligned read end the run with
// a sentence.  Blocks follow each other, from the last to the first where a block's threads do not
// begin with the first: a card runs them in any order.
#pragma once

#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define EMULATED 1
#define __global__ __attribute__((visibility("default")))
#define __device__
#define __host__
#define __forceinline__ inline
#define __restrict__
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
#define __constant__ static const

struct dim3 {
    unsigned x, y, z;
};
struct __attribute__((aligned(8))) uint2 {
    unsigned x, y;
};
struct __attribute__((aligned(16))) uint4 {
    unsigned x, y, z, w;
};
struct __attribute__((aligned(8))) int2 {
    int x, y;
};
struct __attribute__((aligned(16))) int4 {
    int x, y, z, w;
};
struct __attribute__((aligned(8))) float2 {
    float x, y;
};
struct __attribute__((aligned(16))) float4 {
    float x, y, z, w;
};

static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) {
    return {x, y, z, w};
}
static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
static inline float2 make_float2(float x, float y) { return {x, y}; }
static inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
static inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }

static inline float __uint_as_float(unsigned bits) {
    float x;
    memcpy(&x, &bits, 4);
    return x;
}
static inline float __int_as_float(int bits) { return __uint_as_float(unsigned(bits)); }
static inline unsigned __float_as_uint(float x) {
    unsigned bits;
    memcpy(&bits, &x, 4);
    return bits;
}
static inline int __float_as_int(float x) { return int(__float_as_uint(x)); }

static inline float emulated_widen(uint16_t bits) {
    _Float16 half;
    memcpy(&half, &bits, 2);
    return float(half);
}
static inline uint16_t emulated_narrow(float x) {
    const _Float16 half = _Float16(x);
    uint16_t bits;
    memcpy(&bits, &half, 2);
    return bits;
}

static inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
#define __expf(x) expf(x)
#define __logf(x) logf(x)
#define __fdividef(x, y) ((x) / (y))
#define __frcp_rn(x) (1.0f / (x))
#define __fmul_rn(x, y) ((x) * (y))
#define __fadd_rn(x, y) ((x) + (y))
static inline int __float2int_rn(float x) { return int(rintf(x)); }
static inline float __int2float_rn(int x) { return float(x); }
static inline int min(int x, int y) { return x < y ? x : y; }
static inline int max(int x, int y) { return x > y ? x : y; }
static inline unsigned min(unsigned x, unsigned y) { return x < y ? x : y; }
static inline unsigned max(unsigned x, unsigned y) { return x > y ? x : y; }
static inline long long min(long long x, long long y) { return x < y ? x : y; }
static inline long long max(long long x, long long y) { return x > y ? x : y; }
static inline int __popc(unsigned x) { return __builtin_popcount(x); }
static inline int __clz(int x) { return x ? __builtin_clz(unsigned(x)) : 32; }
static inline int __ffs(int x) { return __builtin_ffs(x); }

template <class T>
static inline T __ldg(const T* p) {
    return *p;
}

// Four products of signed bytes, added to c.
static inline int __dp4a(int a, int b, int c) {
    for (int i = 0; i < 4; ++i) c += int(int8_t(a >> 8 * i)) * int(int8_t(b >> 8 * i));
    return c;
}
static inline unsigned __dp4a(unsigned a, unsigned b, unsigned c) {
    for (int i = 0; i < 4; ++i) c += unsigned(uint8_t(a >> 8 * i)) * uint8_t(b >> 8 * i);
    return c;
}

// Four of the eight bytes of (y, x), chosen by the lower three bits of each nibble; the highest bit
// of a nibble spreads the sign instead.
static inline unsigned __byte_perm(unsigned x, unsigned y, unsigned chosen) {
    const uint64_t both = uint64_t(y) << 32 | x;
    unsigned result = 0;
    for (int i = 0; i < 4; ++i) {
        const unsigned nibble = chosen >> 4 * i & 15;
        unsigned byte = unsigned(both >> 8 * (nibble & 7)) & 255;
        if (nibble & 8) byte = byte & 128 ? 255 : 0;
        result |= byte << 8 * i;
    }
    return result;
}

// the threads of one block

namespace emulated {

constexpr int MOST = 1024, LANES = 32;
constexpr size_t STACK = 64 << 10;

struct Meeting {  // of those that wait for each other
    int living = 0, arrived = 0, line = 0;
    unsigned turn = 0;
};

struct Fibre {
    jmp_buf here;
    ucontext_t first;
    dim3 place;
    bool begun, done;
};

struct Slots {  // what the lanes of a warp show each other, for two turns
    uint64_t value[2][LANES];
};

struct Block {
    Fibre fibres[MOST];
    Meeting whole, warps[MOST / LANES];
    Slots slots[MOST / LANES];
    jmp_buf scheduler;
    char* stacks = nullptr;
    int now = 0;
    bool moved = false;
    void (*body)() = nullptr;
    char failure[256] = "";
};

static thread_local Block* block;

}  // namespace emulated

static thread_local dim3 threadIdx, blockIdx, blockDim, gridDim;

namespace emulated {

[[noreturn]] static inline void fail(const char* why, int line) {
    snprintf(block->failure, sizeof block->failure, "%s (line %d, thread %u of block %u, %u, %u)", why,
             line, threadIdx.x, blockIdx.x, blockIdx.y, blockIdx.z);
    _longjmp(block->scheduler, 2);
}

static inline void yield() {
    Fibre& mine = block->fibres[block->now];
    if (!_setjmp(mine.here)) _longjmp(block->scheduler, 1);
}

// Wait until all that live have come; they must come to the same line.
static inline void meet(Meeting& meeting, int line) {
    block->moved = true;
    if (meeting.arrived && meeting.line != line) fail("threads wait at different places", line);
    meeting.line = line;
    const unsigned turn = meeting.turn;
    if (++meeting.arrived >= meeting.living) {
        meeting.arrived = 0, ++meeting.turn;
        return;
    }
    while (meeting.turn == turn) yield();
    block->moved = true;
}

static inline void leave(Meeting& meeting) {
    --meeting.living;
    if (meeting.arrived && meeting.arrived >= meeting.living) meeting.arrived = 0, ++meeting.turn;
}

static void enter() {
    block->body();
    Fibre& mine = block->fibres[block->now];
    mine.done = block->moved = true;
    leave(block->whole);
    leave(block->warps[block->now / LANES]);
    _longjmp(block->scheduler, 1);
}

// What lane `from` of the warp shows; every lane that lives shows and asks.
template <class T>
static inline T exchanged(T value, int from, int line) {
    static_assert(sizeof(T) <= 8, "at most 64 bits");
    Meeting& warp = block->warps[block->now / LANES];
    auto& shown = block->slots[block->now / LANES].value[warp.turn % 2];
    uint64_t bits = 0;
    memcpy(&bits, &value, sizeof(T));
    shown[block->now % LANES] = bits;
    meet(warp, line);
    T result;
    memcpy(&result, &shown[from], sizeof(T));
    return result;
}

static inline int lane() { return block->now % LANES; }

static inline int below(int width) { return lane() / width * width; }

}  // namespace emulated

static inline void emulated_check_aligned(const void* p, int bytes, int line = __builtin_LINE()) {
    if (reinterpret_cast<uintptr_t>(p) % bytes) emulated::fail("an unaligned read", line);
}

#define __syncthreads() emulated::meet(emulated::block->whole, __LINE__)

static inline void __syncwarp(unsigned = ~0u, int line = __builtin_LINE()) {
    emulated::meet(emulated::block->warps[emulated::block->now / emulated::LANES], line);
}
template <class T>
static inline T __shfl_sync(unsigned, T x, int from, int width = 32, int line = __builtin_LINE()) {
    return emulated::exchanged(x, emulated::below(width) + from % width, line);
}
template <class T>
static inline T __shfl_xor_sync(unsigned, T x, int far, int width = 32, int line = __builtin_LINE()) {
    const int from = emulated::lane() ^ far;
    return emulated::exchanged(x, from < emulated::below(width) + width ? from : emulated::lane(), line);
}
template <class T>
static inline T __shfl_down_sync(unsigned, T x, int far, int width = 32, int line = __builtin_LINE()) {
    const int from = emulated::lane() + far;
    return emulated::exchanged(x, from < emulated::below(width) + width ? from : emulated::lane(), line);
}
template <class T>
static inline T __shfl_up_sync(unsigned, T x, int far, int width = 32, int line = __builtin_LINE()) {
    const int from = emulated::lane() - far;
    return emulated::exchanged(x, from >= emulated::below(width) ? from : emulated::lane(), line);
}
static inline unsigned __ballot_sync(unsigned, int chosen, int line = __builtin_LINE()) {
    using namespace emulated;
    Meeting& warp = block->warps[block->now / LANES];
    auto& shown = block->slots[block->now / LANES].value[warp.turn % 2];
    shown[lane()] = chosen != 0;
    meet(warp, line);
    unsigned bits = 0;
    const int first = block->now / LANES * LANES;
    for (int i = 0; i < LANES && first + i < int(blockDim.x); ++i)
        if (!block->fibres[first + i].done && shown[i]) bits |= 1u << i;
    return bits;
}
static inline bool __any_sync(unsigned mask, int chosen, int line = __builtin_LINE()) {
    return __ballot_sync(mask, chosen, line) != 0;
}

// c += 8 x 16 signed bytes times 16 x 8, of the whole warp: lane 4 g + t has columns 4 t to 4 t + 3
// of row g in a, those rows of column g in b, and columns 2 t and 2 t + 1 of row g in c.
static inline void emulated_multiply(
    int& first, int& second, unsigned a, unsigned b, int line = __builtin_LINE()) {
    using namespace emulated;
    Meeting& warp = block->warps[block->now / LANES];
    auto& shown = block->slots[block->now / LANES].value[warp.turn % 2];
    shown[lane()] = uint64_t(b) << 32 | a;
    if (warp.living != LANES) fail("lanes are missing from a product", line);
    meet(warp, line);
    for (int t = 0; t < 4; ++t) {
        const int of_row = int(shown[lane() / 4 * 4 + t]), column = lane() % 4 * 2;
        first = __dp4a(of_row, int(shown[column * 4 + t] >> 32), first);
        second = __dp4a(of_row, int(shown[column * 4 + 4 + t] >> 32), second);
    }
}

static inline void __threadfence() {}
static inline void __threadfence_block() {}
template <class T>
static inline T atomicAdd(T* p, T x) {
    const T before = *p;
    *p = before + x;
    return before;
}

namespace emulated {

typedef uint64_t Word;
typedef void (*Kernel)(Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word,
                       Word, Word, Word, Word, Word, Word, Word, Word, Word, Word, Word);

static thread_local Kernel kernel;
static thread_local const Word* words;

static void call() {
    const Word* w = words;
    kernel(w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8], w[9], w[10], w[11], w[12], w[13], w[14],
           w[15], w[16], w[17], w[18], w[19], w[20], w[21], w[22], w[23]);
}

static void prepare(Block& one, int threads) {
    one.whole = Meeting();
    one.whole.living = threads;
    for (int warp = 0; warp * LANES < threads; ++warp) {
        const int left = threads - warp * LANES;
        one.warps[warp] = Meeting();
        one.warps[warp].living = left < LANES ? left : LANES;
    }
    for (int i = 0; i < threads; ++i) {
        one.fibres[i].begun = one.fibres[i].done = false;
        one.fibres[i].place = {unsigned(i), 0, 0};
    }
}

static void begin(Block& one, int i) {
    Fibre& fibre = one.fibres[i];
    fibre.begun = true;
    getcontext(&fibre.first);
    fibre.first.uc_stack.ss_sp = one.stacks + i * STACK;
    fibre.first.uc_stack.ss_size = STACK;
    fibre.first.uc_link = nullptr;
    makecontext(&fibre.first, enter, 0);
    setcontext(&fibre.first);
}

// One turn of one thread; false where the block has failed.
static bool turn(Block& one, int i) {
    one.now = i;
    threadIdx = one.fibres[i].place;
    const int how = _setjmp(one.scheduler);
    if (how) return how == 1;
    if (one.fibres[i].begun) _longjmp(one.fibres[i].here, 1);
    begin(one, i);
    return false;
}

// All threads of one block, by turns in an order; false where it has failed.
static bool run(Block& one, int threads, const int* order) {
    prepare(one, threads);
    for (int left = threads; left > 0;) {
        one.moved = false;
        for (volatile int at = 0; at < threads; at = at + 1) {
            if (one.fibres[order[at]].done) continue;
            if (!turn(one, order[at])) return false;
            if (one.fibres[order[at]].done) --left;
        }
        if (!one.moved) {
            snprintf(one.failure, sizeof one.failure, "the threads wait for ever");
            return false;
        }
    }
    return true;
}

}  // namespace emulated

// Runs a grid; `order` are the threads of a block as their turns follow.  "" or why it failed.
extern "C" __attribute__((visibility("default"))) const char* emulate(
    void* kernel, const unsigned* grid, int threads, const int* order, const uint64_t* words) {
    using namespace emulated;
    static thread_local Block* mine = nullptr;
    if (!mine) {
        mine = new Block();
        const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
        mine->stacks = static_cast<char*>(mmap(nullptr, MOST * STACK, PROT_READ | PROT_WRITE, flags, -1, 0));
        mine->body = call;
    }
    block = mine;
    mine->failure[0] = 0;
    emulated::kernel = reinterpret_cast<Kernel>(kernel);
    emulated::words = words;
    gridDim = {grid[0], grid[1], grid[2]};
    blockDim = {unsigned(threads), 1, 1};
    const uint64_t blocks = uint64_t(grid[0]) * grid[1] * grid[2];
    const bool backward = order[0] != 0;
    for (uint64_t i = 0; i < blocks; ++i) {
        const uint64_t n = backward ? blocks - 1 - i : i;
        blockIdx = {unsigned(n % grid[0]), unsigned(n / grid[0] % grid[1]), unsigned(n / grid[0] / grid[1])};
        if (!run(*mine, threads, order)) return mine->failure;
    }
    return mine->failure;
}
