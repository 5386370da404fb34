// What kernels of packed matrices (layout.py) share.  Constant: KIND (INT8, INT4, INT8G16).
//
// By output, 256 bytes of a panel are a chunk: four rows of 16 outputs, of which a lane takes four,
// 16 bytes of each row.  A chunk has 16 inputs, or 32 of int4; it lies within one group.
//
// Activations become 16-bit whole numbers times one float for each group of inputs, as two signed
// bytes: this loses 2^-16 of the group's largest number, and products with weights are exact.
#pragma once
#include "products.cuh"

enum Kind { INT8, INT4, INT8G16 };

constexpr bool FOUR = KIND == INT4;
constexpr int GROUP = KIND == INT8 ? 64 : KIND == INT4 ? 32 : 16;
constexpr int PANEL = 16;
constexpr int CHUNK = FOUR ? 32 : 16;  // inputs
constexpr int CHUNK_BYTES = 256, ROW_BYTES = 64;
constexpr int PER_GROUP = GROUP / CHUNK;  // chunks
constexpr int PIECE = 16;                 // inputs that one thread makes whole
constexpr u32 SIGNS = 0x80808080u;        // between numbers plus 128 and signed bytes
constexpr float TOP = 32512.0f;           // 127 * 256: the upper of two signed bytes stays one
constexpr float NOTHING = 1e-30f;

DEVICE u32 four_bytes(int a, int b, int c, int d) {
    return u32(a & 255) | u32(b & 255) << 8 | u32(c & 255) << 16 | u32(d & 255) << 24;
}

struct Eight {
    u32 first, second;
};

// Four of the eight bytes of (y, x), chosen by the nibbles of the lower half of `chosen`, whose
// highest bits are 0: __byte_perm would clear them once more.
DEVICE u32 permuted(u32 x, u32 y, u32 chosen) {
#ifdef EMULATED
    return __byte_perm(x, y, chosen);
#else
    u32 z;
    asm("prmt.b32 %0, %1, %2, %3;" : "=r"(z) : "r"(x), "r"(y), "r"(chosen));
    return z;
#endif
}

// a & b | c at once.
DEVICE u32 and_or(u32 a, u32 b, u32 c) {
#ifdef EMULATED
    return (a & b) | c;
#else
    u32 z;
    asm("lop3.b32 %0, %1, %2, %3, 0xea;" : "=r"(z) : "r"(a), "r"(b), "r"(c));
    return z;
#endif
}

// What codes of 4 bits stand for (TABLE of packing.py), in registers: as constants the compiler
// would move the words there anew for each use.
struct Table {
    u32 words[4], halves;

    // `flip` is SIGNS for numbers plus 128.
    __device__ __forceinline__ explicit Table(u32 flip) {
        const u32 nothing = threadIdx.x >= blockDim.x;  // never, but the compiler cannot know
        words[0] = (four_bytes(-127, -100, -79, -61) ^ flip) + nothing;
        words[1] = (four_bytes(-46, -33, -21, -9) ^ flip) + nothing;
        words[2] = (four_bytes(2, 13, 24, 35) ^ flip) + nothing;
        words[3] = (four_bytes(48, 64, 82, 109) ^ flip) + nothing;
        halves = 0x32103210u + nothing;
    }

    // The numbers of eight codes, those of the lower four nibbles first.
    __device__ __forceinline__ Eight at(u32 codes) const {
        const u32 places = codes & 0x77777777u, half = and_or(codes >> 1, 0x44444444u, halves);
        return {four(places, half), four(places >> 16, half >> 16)};
    }

    __device__ __forceinline__ u32 four(u32 places, u32 half) const {
        return permuted(permuted(words[0], words[1], places), permuted(words[2], words[3], places), half);
    }
};

// Those of the lower halves of the codes' bytes first, then those of the upper.
DEVICE Eight in_order(const Eight& turns) {
    return {__byte_perm(turns.first, turns.second, 0x6420), __byte_perm(turns.first, turns.second, 0x7531)};
}

DEVICE u32 word_of(const uint4& v, int i) { return i == 0 ? v.x : i == 1 ? v.y : i == 2 ? v.z : v.w; }

// Four float16 scales at a multiple of 8.
struct Scales {
    uint2 bits;

    __device__ __forceinline__ float at(int i) const {
        const u32 word = i < 2 ? bits.x : bits.y;
        return widen(fp16{u16(i % 2 ? word >> 16 : word)});
    }
};

DEVICE Scales load_scales(const fp16* p) {
#ifdef EMULATED
    emulated_check_aligned(p, 8);
#endif
    return {*reinterpret_cast<const uint2*>(p)};
}

// activations

enum Form { FP32, FP16, BF16 };

template <class T>
DEVICE void read_piece(const T* x, int left, float (&to)[PIECE]) {
    if (left >= PIECE && at16(x)) {
        load_lot<PIECE>(x, to);
    } else {
#pragma unroll
        for (int i = 0; i < PIECE; ++i) to[i] = i < left ? widen(x[i]) : 0.0f;
    }
}

// PIECE numbers from place `at` on of which `left` are there, and zeros behind them.
DEVICE void read_piece(const void* x, int form, i64 at, int left, float (&to)[PIECE]) {
    if (form == FP32)
        read_piece(static_cast<const float*>(x) + at, left, to);
    else if (form == FP16)
        read_piece(static_cast<const fp16*>(x) + at, left, to);
    else
        read_piece(static_cast<const bf16*>(x) + at, left, to);
}

// 16 inputs as two signed bytes each, four in a word.
struct Piece {
    u32 high[4], low[4];
};

DEVICE u32 gathered(u32 a, u32 b, u32 c, u32 d, u32 chosen) {
    return __byte_perm(__byte_perm(a, b, chosen), __byte_perm(c, d, chosen), 0x5410);
}

// The piece of a thread and the scale of its group, whose other pieces the lanes beside it have.
// What is no number makes the scale NaN.  TURNS tells that the words are to meet those of a chunk's
// rows of int4, two for each: inputs 0 4 1 5 and 2 6 3 7 of its eight.
template <bool TURNS>
DEVICE Piece whole_numbers(const float (&x)[PIECE], float& scale) {
    constexpr float SHIFT = 12582912.0f;  // 1.5 * 2^23: a sum's lowest bits are the whole number
    const float infinite = __uint_as_float(0x7f800000u);
    float most = 0.0f;
#pragma unroll
    for (int i = 0; i < PIECE; ++i) most = fmaxf(most, fabsf(x[i]) < infinite ? fabsf(x[i]) : infinite);
#pragma unroll
    for (int far = 1; far < GROUP / PIECE; far *= 2) most = fmaxf(most, __shfl_xor_sync(ALL, most, far));
    const bool broken = most == infinite;
    scale = broken ? __uint_as_float(0x7fffffffu) : most / TOP;
    const float by = broken || most <= NOTHING ? 0.0f : TOP / most;
    u32 q[PIECE];
#pragma unroll
    for (int i = 0; i < PIECE; ++i) q[i] = __float_as_uint(x[i] * by + SHIFT);
    Piece made;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
        const int at = TURNS ? i / 2 * 8 + i % 2 * 2 : 4 * i, step = TURNS ? 4 : 1, next = TURNS ? 1 : 2;
        const u32 a = q[at], b = q[at + step], c = q[at + next], d = q[at + next + step];
        made.low[i] = gathered(a, b, c, d, 0x0040);
        made.high[i] = gathered(a + 128, b + 128, c + 128, d + 128, 0x0051);
    }
    return made;
}
