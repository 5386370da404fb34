// What stands before and after the recurrences, a warp for each head of each token.  Constants: none.
#include "delta.cuh"

constexpr int THREADS = 128;

// The head of a token that a warp works on: its place in (rows, heads size).
struct Head {
    i64 at;  // of its first channel among all activations
    int c;   // and in a row
};

// Whether there is one for this warp.
DEVICE bool find_head(Head& found, int rows, int heads, int size) {
    const i64 index = i64(blockIdx.x) * (THREADS / WARP) + threadIdx.x / WARP;
    found = {index * size, int(index % heads) * size};
    return index < i64(rows) * heads;
}

// GroupNorm: the mean and scale of one head.
DEVICE Moments moments_of_head(const float* y, int size) {
    const int lane = threadIdx.x % WARP;
    float sum = 0.0f;
    for (int i = lane; i < size; i += WARP) sum += y[i];
    const float mean = sum_of_warp(sum) / size;
    float squares = 0.0f;
    for (int i = lane; i < size; i += WARP) squares += (y[i] - mean) * (y[i] - mean);
    return {mean, rsqrtf(sum_of_warp(squares) / size + GROUP_EPS)};
}

// out = GroupNorm(y) silu(gate), without the latter where `gate` is null; all (rows, heads size).
extern "C" __global__ void __launch_bounds__(THREADS)
    gate6(float* __restrict__ out, const float* __restrict__ y, const float* __restrict__ gate,
          const float* __restrict__ gain, const float* __restrict__ bias, int rows, int heads, int size) {
    Head head;
    if (!find_head(head, rows, heads, size)) return;
    y += head.at, out += head.at, gain += head.c, bias += head.c;
    const Moments moments = moments_of_head(y, size);
    for (int i = threadIdx.x % WARP; i < size; i += WARP) {
        const float even = (y[i] - moments.mean) * moments.scale * gain[i] + bias[i];
        const float g = gate ? gate[head.at + i] : 0.0f;
        out[i] = gate ? even * (g * sigmoid(g)) : even;
    }
}

// y = -exp(raw), `count` numbers.
extern "C" __global__ void __launch_bounds__(THREADS)
    decay6(float* __restrict__ y, const float* __restrict__ raw, i64 count) {
    const i64 i = i64(blockIdx.x) * THREADS + threadIdx.x;
    if (i < count) y[i] = -expf(raw[i]);
}

// From projections to the rule: the log of the decay and the rate take the place of their chains;
// new_k and kk are new, and so is new_v where there is a value chain.  All (rows, heads size).
extern "C" __global__ void __launch_bounds__(THREADS)
    prepare7(float* __restrict__ new_k, float* __restrict__ new_v, float* __restrict__ kk,
             const float* __restrict__ k, const float* __restrict__ v, const float* __restrict__ value,
             float* decay, float* rate, const float* __restrict__ first, const float* __restrict__ keys,
             int rows, int heads, int size) {
    Head head;
    if (!find_head(head, rows, heads, size)) return;
    const int lane = threadIdx.x % WARP, width = heads * size;
    float squares = 0.0f;
    for (int i = lane; i < size; i += WARP) {
        const float removal = k[head.at + i] * keys[head.c + i];
        squares += removal * removal;
    }
    const float shorter = to_length_one(sum_of_warp(squares));
    const Projected from = {k, v, value, decay, rate, first, keys};
    for (int i = lane; i < size; i += WARP) {
        const i64 at = head.at + i;
        const Channel now = channel_of(from, at, head.c + i, width);
        decay[at] = now.fall, rate[at] = now.rate;
        new_k[at] = now.k, kk[at] = now.kk * shorter;
        if (first) new_v[at] = now.v;
    }
}

// out = (GroupNorm(y) + (sum of r k bonus) v) gate, all (rows, heads size); bonus (heads, size).
extern "C" __global__ void __launch_bounds__(THREADS)
    gate7(float* __restrict__ out, const float* __restrict__ y, const float* __restrict__ r,
          const float* __restrict__ k, const float* __restrict__ v, const float* __restrict__ gate,
          const float* __restrict__ bonus, const float* __restrict__ gain, const float* __restrict__ bias,
          int rows, int heads, int size) {
    Head head;
    if (!find_head(head, rows, heads, size)) return;
    const int lane = threadIdx.x % WARP;
    const Moments moments = moments_of_head(y + head.at, size);
    float strength = 0.0f;
    for (int i = lane; i < size; i += WARP)
        strength += r[head.at + i] * k[head.at + i] * bonus[head.c + i];
    strength = sum_of_warp(strength);
    for (int i = lane; i < size; i += WARP) {
        const i64 at = head.at + i;
        const int c = head.c + i;
        const float even = (y[at] - moments.mean) * moments.scale * gain[c] + bias[c];
        out[at] = (even + strength * v[at]) * gate[at];
    }
}
