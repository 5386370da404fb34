// Generation 4: the running softmax over the past, a thread for each channel.  Constants: none.
#include "rows.cuh"

constexpr int STEPS = 8;  // tokens that are read before the eight before them are done

struct Tokens {
    float r[STEPS], k[STEPS], v[STEPS];
};

DEVICE void read_tokens(Tokens& to, const float* r, const float* k, const float* v, i64 width, int left) {
#pragma unroll
    for (int s = 0; s < STEPS; ++s) {
        const bool there = s < left;
        to.r[s] = there ? r[s * width] : 0.0f;
        to.k[s] = there ? k[s * width] : 0.0f;
        to.v[s] = there ? v[s * width] : 0.0f;
    }
}

// y = sigmoid(r) sum / weight, with both relative to exp(peak); r, k, v and y are (B, T, A), a
// text's memory is (3, A).  Blocks: (slices of the channels, texts).
extern "C" __global__ void __launch_bounds__(64)
    wkv4(float* __restrict__ y, const float* __restrict__ r, const float* __restrict__ k,
         const float* __restrict__ v, const float* __restrict__ decay, const float* __restrict__ bonus,
         const u64* __restrict__ table, int first, int steps, int width) {
    const int c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c >= width) return;
    const i64 begin = i64(blockIdx.y) * steps * width + c;
    r += begin, k += begin, v += begin, y += begin;
    float* memory = memory_of(table, blockIdx.y, first) + c;
    const float fall = decay[c], extra = bonus[c];
    float above = memory[0], below = memory[width], peak = memory[2 * i64(width)];
    Tokens now, next;
    read_tokens(now, r, k, v, width, steps);
    for (int t = 0; t < steps; t += STEPS) {
        const i64 ahead = i64(t + STEPS) * width;
        read_tokens(next, r + ahead, k + ahead, v + ahead, width, steps - t - STEPS);
#pragma unroll
        for (int s = 0; s < STEPS; ++s) {
            if (t + s >= steps) break;
            float top = fmaxf(peak, extra + now.k[s]);
            float old = expf(peak - top), fresh = expf(extra + now.k[s] - top);
            const float mean = (old * above + fresh * now.v[s]) / (old * below + fresh);
            y[i64(t + s) * width] = mean * sigmoid(now.r[s]);
            top = fmaxf(peak + fall, now.k[s]);
            old = expf(peak + fall - top), fresh = expf(now.k[s] - top);
            above = old * above + fresh * now.v[s], below = old * below + fresh, peak = top;
        }
        now = next;
    }
    memory[0] = above, memory[width] = below, memory[2 * i64(width)] = peak;
}
