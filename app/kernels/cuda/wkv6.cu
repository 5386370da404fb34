// Generations 5 and 6: linear attention with decay and a bonus for the present token.  Constants:
// COLUMNS, at least the head's size, and WHOLE, whether it is that.
#include "heads.cuh"

constexpr int VALUES = WARP / LANES;  // value channels of a warp, side by side

struct __align__(16) Staged {
    float r[STEPS][COLUMNS], k[STEPS][COLUMNS], w[STEPS][COLUMNS], v[STEPS][COLUMNS];
};

struct Fetched {
    float4 r, k, v, fall;
};

// Adds up what the lanes of a line have; they lie VALUES threads apart.
DEVICE float across(float x) {
#pragma unroll
    for (int far = VALUES; far < WARP; far *= 2) x += __shfl_xor_sync(ALL, x, far);
    return x;
}

// y of one token and one value channel; moves the channel's column of the state on.
DEVICE float step(float* state, const float* bonus, const Staged& at, int s, int lane, int value) {
    const float v = at.v[s][value];
    float4 y = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int g = 0; g < HELD / 4; ++g) {
        const int column = column_of(g, lane);
        const float4 r = staged_four(&at.r[s][column]), w = staged_four(&at.w[s][column]);
        float4 now = staged_four(&at.k[s][column]);
        now.x *= v, now.y *= v, now.z *= v, now.w *= v;
        float* held = state + 4 * g;
        const float* extra = bonus + 4 * g;
        y.x += r.x * (held[0] + extra[0] * now.x), held[0] = held[0] * w.x + now.x;
        y.y += r.y * (held[1] + extra[1] * now.y), held[1] = held[1] * w.y + now.y;
        y.z += r.z * (held[2] + extra[2] * now.z), held[2] = held[2] * w.z + now.z;
        y.w += r.w * (held[3] + extra[3] * now.w), held[3] = held[3] * w.w + now.w;
    }
    return across(sum_of_four(y));
}

// y = r (S + bonus k vT), S = w S + k vT; r, k, v, y (B, T, H size); `decay` is log w, (H, size), or
// as r where `by_token`; a text's memory is (H, size, size) as [key, value].
// Blocks: (every LINES value channels, heads, texts).
extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    wkv6(float* __restrict__ y, const float* __restrict__ r, const float* __restrict__ k,
         const float* __restrict__ v, const float* __restrict__ decay, int by_token,
         const float* __restrict__ bonus, const u64* __restrict__ table, int first, int steps, int size) {
    SHARED Staged staged;
    if (WHOLE) size = COLUMNS;
    const int head = blockIdx.y, heads = gridDim.y;
    const int lane = threadIdx.x % WARP / VALUES;
    const int value = blockIdx.x * LINES + threadIdx.x / WARP * VALUES + threadIdx.x % VALUES;
    const bool mine = value < size;
    float* memory = memory_of(table, blockIdx.z, first) + i64(head) * size * size + value;
    const i64 width = i64(heads) * size, begin = blockIdx.z * (steps * width) + head * size;
    float state[HELD], extra[HELD];
#pragma unroll
    for (int i = 0; i < HELD; ++i) {
        const int key = column_of(i / 4, lane) + i % 4;
        state[i] = mine && key < size ? memory[key * size] : 0.0f;
        extra[i] = key < size ? bonus[head * size + key] : 0.0f;
    }

    // each thread brings four numbers of each vector of one of the next tokens
    const int brought = threadIdx.x * 4 / COLUMNS, column = threadIdx.x * 4 % COLUMNS;
    const auto fetch = [&](int t) {
        Fetched next = {};
        if (t + brought >= steps) return next;
        const i64 at = begin + (t + brought) * width;
        next.r = load_four(r + at, column, size), next.k = load_four(k + at, column, size);
        next.v = load_four(v + at, column, size);
        next.fall = load_four(decay + (by_token ? at : i64(head) * size), column, size);
        return next;
    };
    Fetched next = fetch(0);
    for (int t = 0; t < steps; t += STEPS) {
        __syncthreads();  // whoever still reads the tokens before
        stage_four(&staged.r[brought][column], next.r), stage_four(&staged.k[brought][column], next.k);
        stage_four(&staged.v[brought][column], next.v);
        stage_four(&staged.w[brought][column], exponentials(next.fall));
        __syncthreads();
        next = fetch(t + STEPS);
        const auto advance = [&](int s) {
            const float out = step(state, extra, staged, s, lane, value);
            if (mine && lane == 0) y[begin + (t + s) * width + value] = out;
        };
        if (t + STEPS <= steps) {
#pragma unroll
            for (int s = 0; s < STEPS; ++s) advance(s);
        } else {
#pragma unroll 1
            for (int s = 0; t + s < steps; ++s) advance(s);
        }
    }
#pragma unroll
    for (int i = 0; i < HELD; ++i) {
        const int key = column_of(i / 4, lane) + i % 4;
        if (mine && key < size) memory[key * size] = state[i];
    }
}
