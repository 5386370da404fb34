// LayerNorm, token shift and blends in one.  Constants: MIX, the type of the blends.
#include "rows.cuh"

constexpr int MOST_BLENDS = 8;
constexpr int MOST_THREADS = 512;

// One row's norm on the channels from c on; all threads of the block call it.
template <int COUNT>
DEVICE Group<float, COUNT> normed(const float* row, int c, int width, const Group<float, COUNT>& gains,
                                  const Group<float, COUNT>& biases) {
    Group<float, COUNT> h = {};
    if (c < width) h = load_group<COUNT>(row + c);
    const Moments moments = moments_of(row, width);
#pragma unroll
    for (int i = 0; i < COUNT; ++i)
        h.at[i] = (h.at[i] - moments.mean) * moments.scale * gains.at[i] + biases.at[i];
    return h;
}

// A thread owns COUNT channels and goes through a run of tokens with what it needs in registers.
template <int COUNT>
DEVICE void mix_run(MIX* __restrict__ y, float* __restrict__ pair, const float* __restrict__ x,
                    const float* __restrict__ gain, const float* __restrict__ bias, float* last,
                    const MIX* __restrict__ mixes, int n, int steps, int width, int run) {
    const int c = (blockIdx.x * blockDim.x + threadIdx.x) * COUNT;
    const int begin = blockIdx.y * run, end = min(begin + run, steps);
    const bool mine = c < width;
    const i64 whole = i64(gridDim.z) * steps * width, text = i64(blockIdx.z) * steps * width;
    x += text, y += text + c;
    if (pair) pair += text + c;
    Group<float, COUNT> gains = {}, biases = {}, before = {};
    Group<MIX, COUNT> blends[MOST_BLENDS] = {};
    if (mine) {
        gains = load_group<COUNT>(gain + c), biases = load_group<COUNT>(bias + c);
#pragma unroll
        for (int j = 0; j < MOST_BLENDS; ++j)
            if (j < n) blends[j] = load_group<COUNT>(mixes + i64(j) * width + c);
        if (begin == 0) before = load_group<COUNT>(last + c);
    }
    if (begin > 0) before = normed<COUNT>(x + i64(begin - 1) * width, c, width, gains, biases);
    for (int t = begin; t < end; ++t) {
        const auto h = normed<COUNT>(x + i64(t) * width, c, width, gains, biases);
        if (mine) {
            Group<float, COUNT> change;
#pragma unroll
            for (int i = 0; i < COUNT; ++i) change.at[i] = before.at[i] - h.at[i];
#pragma unroll
            for (int j = 0; j < MOST_BLENDS; ++j) {
                if (j >= n) break;
                Group<MIX, COUNT> blend;
#pragma unroll
                for (int i = 0; i < COUNT; ++i)
                    narrow(&blend.at[i], h.at[i] + change.at[i] * widen(blends[j].at[i]));
                store_group<COUNT>(y + j * whole + i64(t) * width, blend);
            }
            if (pair) {
                store_group<COUNT>(pair + i64(t) * width, h);
                store_group<COUNT>(pair + whole + i64(t) * width, change);
            }
        }
        before = h;
    }
    if (begin > 0) return;
    // What read `last` also writes it, so that no other run can come between.
    if (end < steps) before = normed<COUNT>(x + i64(steps - 1) * width, c, width, gains, biases);
    if (mine) store_group<COUNT>(last + c, before);
}

// h = norm(x), (B, T, C); y[j] = h + (p - h) mixes[j] for n blends, where p is h one token earlier,
// `last` before the first; `pair`, where there is one, is (h, p - h); `last` becomes the final h.
// Blocks: (slices of the channels, runs of `run` tokens, texts); a thread has 4 channels where
// the width is a multiple of 4, else one.
extern "C" __global__ void __launch_bounds__(MOST_THREADS)
    mix(MIX* y, float* pair, const float* x, const float* gain, const float* bias, const u64* table,
        int first, const MIX* mixes, int n, int steps, int width, int run) {
    float* last = memory_of(table, blockIdx.z, first);
    if (width % 4 == 0)
        mix_run<4>(y, pair, x, gain, bias, last, mixes, n, steps, width, run);
    else
        mix_run<1>(y, pair, x, gain, bias, last, mixes, n, steps, width, run);
}
