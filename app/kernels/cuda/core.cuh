// What every kernel here is written against: numbers in 16 bits, reads of 16 bytes, sums of a warp.
//
// The rules
// ---------
// - A program is one .cu file and the constants it is compiled with (-DNAME=VALUE); its kernels are
//   extern "C" __global__ functions.  No header but these: NVRTC has no others at a person's home.
// - Parameters are pointers and whole numbers (int or i64), at most 24; a real number is a constant
//   or lies in memory.
// - Shared memory is static (SHARED), at most 48 KiB a block.  A barrier is reached by all threads
//   of a block that are still there or by none.
// - Any size works.  Nothing is read or written past an array's end; what is read 16 bytes at once
//   lies at a multiple of 16.  Sums have a fixed order: the same call gives the same bits.
// - The text of one text's memory is reached through a table of addresses, one for each row of the
//   batch, so that a captured graph serves whatever texts there are.
#pragma once

typedef unsigned char u8;
typedef signed char i8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;
typedef long long i64;

typedef float fp32;
struct fp16 {
    u16 bits;
};
struct bf16 {
    u16 bits;
};

#ifdef EMULATED
#define DEVICE static inline __attribute__((always_inline, unused))
#define SHARED static thread_local
#else
#define DEVICE static __device__ __forceinline__
#define SHARED __shared__
#endif

constexpr int WARP = 32;
constexpr u32 ALL = 0xffffffffu;

// numbers

DEVICE float widen(float x) { return x; }
DEVICE float widen(bf16 x) { return __uint_as_float(u32(x.bits) << 16); }

#ifdef EMULATED
DEVICE float widen(fp16 x) { return emulated_widen(x.bits); }
DEVICE u16 fp16_bits(float x) { return emulated_narrow(x); }
#else
DEVICE float widen(fp16 x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}
DEVICE u16 fp16_bits(float x) {
    u16 y;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y) : "f"(x));
    return y;
}
#endif

// To the nearest, ties to even; a NaN stays one.
DEVICE u16 bf16_bits(float x) {
    const u32 bits = __float_as_uint(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return u16(bits >> 16 | 0x40);
    return u16((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

DEVICE void narrow(float* to, float x) { *to = x; }
DEVICE void narrow(fp16* to, float x) { to->bits = fp16_bits(x); }
DEVICE void narrow(bf16* to, float x) { to->bits = bf16_bits(x); }

// reads of 16 bytes

DEVICE uint4 load16(const void* p) {
#ifdef EMULATED
    emulated_check_aligned(p, 16);
#endif
    return *reinterpret_cast<const uint4*>(p);
}

DEVICE float4 load_floats(const float* p) {
#ifdef EMULATED
    emulated_check_aligned(p, 16);
#endif
    return *reinterpret_cast<const float4*>(p);
}

// How many numbers 16 bytes hold, and those of a uint4.
template <class T>
struct Sixteen;

template <>
struct Sixteen<float> {
    static constexpr int count = 4;
    DEVICE void split(uint4 v, float* to) {
        to[0] = __uint_as_float(v.x), to[1] = __uint_as_float(v.y);
        to[2] = __uint_as_float(v.z), to[3] = __uint_as_float(v.w);
    }
};

template <>
struct Sixteen<bf16> {
    static constexpr int count = 8;
    DEVICE void split(uint4 v, float* to) {
        const u32 words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            to[2 * i] = __uint_as_float(words[i] << 16);
            to[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
        }
    }
};

template <>
struct Sixteen<fp16> {
    static constexpr int count = 8;
    DEVICE void split(uint4 v, float* to) {
        const u32 words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            to[2 * i] = widen(fp16{u16(words[i])});
            to[2 * i + 1] = widen(fp16{u16(words[i] >> 16)});
        }
    }
};

// sums: every lane of the warp, or every thread of the block, gets the whole

DEVICE float sum_of_warp(float x) {
#pragma unroll
    for (int far = WARP / 2; far; far /= 2) x += __shfl_xor_sync(ALL, x, far);
    return x;
}

DEVICE float most_of_warp(float x) {
#pragma unroll
    for (int far = WARP / 2; far; far /= 2) x = fmaxf(x, __shfl_xor_sync(ALL, x, far));
    return x;
}

// For blocks of whole warps, at most 1024 threads; all of them call it.
DEVICE float sum_of_block(float x) {
    SHARED float parts[WARP];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    x = sum_of_warp(x);
    __syncthreads();  // whoever still reads the sum before
    if (lane == 0) parts[warp] = x;
    __syncthreads();
    x = lane < int(blockDim.x) / WARP ? parts[lane] : 0.0f;
    return sum_of_warp(x);
}

// what stands between two matrices

enum Act { NONE, RELU2, TANH, SIGMOID };

DEVICE float sigmoid(float x) { return 1.0f / (1.0f + expf(-x)); }

DEVICE float activated(float x, int act) {
    if (act == RELU2) {
        x = x < 0.0f ? 0.0f : x;  // a NaN stays one
        return x * x;
    }
    if (act == TANH) return tanhf(x);
    return act == SIGMOID ? sigmoid(x) : x;
}
