// What the kernels of matrix products share: reads of several numbers, and what is done with a sum.
#pragma once
#include "core.cuh"

// 16 bytes that nobody reads again soon: they do not push activations out of the first cache.
DEVICE uint4 load16_once(const void* p) {
#ifdef EMULATED
    return load16(p);
#else
    uint4 v;
    asm("ld.global.nc.L1::no_allocate.v4.u32 {%0, %1, %2, %3}, [%4];"
        : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
        : "l"(p));
    return v;
#endif
}

// COUNT numbers from an address that is a multiple of 16.
template <int COUNT, class T>
DEVICE void load_lot(const T* p, float* to) {
#pragma unroll
    for (int i = 0; i < COUNT; i += Sixteen<T>::count) Sixteen<T>::split(load16(p + i), to + i);
}

template <class T>
DEVICE bool at16(const T* p) {
    return reinterpret_cast<u64>(p) % 16 == 0;
}

// What becomes of a sum that belongs to place `at` of y and `gate`, and to `output` of `bias`:
// y = act(sum + bias), or y += gate * that.  `bias` and `gate` may be null.
struct Ending {
    const float* bias;
    const float* gate;
    int act;
    bool onto;

    template <class Y>
    __device__ __forceinline__ void put(Y* y, i64 at, int output, float sum) const {
        narrow(y + at, made(sum, at, output));
    }

    __device__ __forceinline__ void put(float* y, i64 at, int output, float sum) const {
        const float x = made(sum, at, output);
        y[at] = onto ? y[at] + x : x;
    }

    __device__ __forceinline__ float made(float sum, i64 at, int output) const {
        const float x = activated(bias ? sum + bias[output] : sum, act);
        return gate ? x * gate[at] : x;
    }
};
