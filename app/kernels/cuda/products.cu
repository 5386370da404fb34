// What goes before and after a product of many rows that the card's own library makes.
// Constants: none.
#include "products.cuh"

constexpr int THREADS = 256;
constexpr int EACH = 4;  // numbers of a thread

// 2 to a whole power from -126 to 127.
DEVICE float power(int exponent) { return __uint_as_float(u32(exponent + 127) << 23); }

DEVICE float most_of_block(float x) {
    SHARED float parts[WARP];
    x = most_of_warp(x);
    if (threadIdx.x % WARP == 0) parts[threadIdx.x / WARP] = x;
    __syncthreads();
    const int lane = threadIdx.x % WARP;
    return most_of_warp(lane < THREADS / WARP ? parts[lane] : 0.0f);
}

// Each row of x (rows, width) as y back[row], where back is a power of two that brings the largest
// magnitude of y to 2^14 or above, below 2^15.  `low`, where wanted, is what y leaves of x.  One
// block a row.
extern "C" __global__ void __launch_bounds__(THREADS)
    to_fp16(fp16* y, fp16* low, float* back, const float* x, int width) {
    const i64 begin = i64(blockIdx.x) * width;
    float most = 0.0f;
    for (int i = threadIdx.x; i < width; i += THREADS) most = fmaxf(most, fabsf(x[begin + i]));
    most = most_of_block(most);
    // of a row of zeros, or with an infinity, any scale is as good
    const int exponent = min(max(int(__float_as_uint(most) >> 23) - 127, -112), 127);
    const float scale = power(14 - exponent);
    if (threadIdx.x == 0) back[blockIdx.x] = power(exponent - 14);
#pragma unroll 4
    for (int i = threadIdx.x; i < width; i += THREADS) {
        const float value = x[begin + i] * scale;
        const fp16 high{fp16_bits(value)};
        y[begin + i] = high;
        if (low) narrow(low + begin + i, value - widen(high));
    }
}

// y = x rounded, and `low`, where wanted, what that leaves.
extern "C" __global__ void __launch_bounds__(THREADS)
    to_bf16(bf16* y, bf16* low, const float* x, i64 count) {
    const i64 begin = i64(blockIdx.x) * THREADS * EACH + threadIdx.x;
#pragma unroll
    for (int e = 0; e < EACH; ++e) {
        const i64 i = begin + e * THREADS;
        if (i >= count) break;
        const float value = x[i];
        const bf16 high{bf16_bits(value)};
        y[i] = high;
        if (low) narrow(low + i, value - widen(high));
    }
}

// y = act(back[row] * product + bias), or y += gate * that, for (stack, rows, outputs); the rows of
// `product` lie `pitch` numbers apart.  `back` (stack, rows), `bias` (stack, outputs) and `gate`
// like y may be null; `acts` has two bits a matrix.  Grid: rows, tiles of THREADS * EACH outputs,
// stack.
template <class Y>
DEVICE void finish(Y* y, const float* product, const float* back, const Ending& ending, int outputs,
                   int pitch) {
    const i64 row = i64(blockIdx.z) * gridDim.x + blockIdx.x;
    const float scale = back ? back[row] : 1.0f;
#pragma unroll
    for (int e = 0; e < EACH; ++e) {
        const int i = (blockIdx.y * EACH + e) * THREADS + threadIdx.x;
        if (i >= outputs) break;
        ending.put(y, row * outputs + i, blockIdx.z * outputs + i, product[row * pitch + i] * scale);
    }
}

#define FINISH(NAME, Y)                                                                               \
    extern "C" __global__ void __launch_bounds__(THREADS)                                             \
        NAME(Y* y, const float* product, const float* back, const float* bias, const float* gate,     \
             int outputs, int pitch, int acts, int onto) {                                            \
        const int act = acts >> 2 * blockIdx.z & 3;                                                   \
        finish(y, product, back, Ending{bias, gate, act, onto != 0}, outputs, pitch);                 \
    }

FINISH(finish_fp32, float)
FINISH(finish_bf16, bf16)
