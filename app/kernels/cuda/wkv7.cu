// Generation 7: the delta rule, of sequences and, with all that is around it, of one token.
// Constants: COLUMNS, at least the head's size, and WHOLE, whether it is that.
#include "delta.cuh"
#include "heads.cuh"

template <int COUNT>
struct __align__(16) Staged {
    float r[COUNT][COLUMNS], w[COUNT][COLUMNS], k[COUNT][COLUMNS], v[COUNT][COLUMNS];
    float kk[COUNT][COLUMNS], removal[COUNT][COLUMNS];  // removal: kk times the rate
};

struct Fetched {
    float4 r, fall, k, v, kk, rate;
};

// Adds up what the lanes of a line have; they lie side by side.
DEVICE float across(float x) {
#pragma unroll
    for (int far = 1; far < LANES; far *= 2) x += __shfl_xor_sync(ALL, x, far);
    return x;
}

DEVICE void read_line(float* state, const float* memory, int line, int lane, int size) {
#pragma unroll
    for (int g = 0; g < HELD / 4; ++g) {
        float4 four = {0.0f, 0.0f, 0.0f, 0.0f};
        if (line < size) four = load_four(memory + i64(line) * size, column_of(g, lane), size);
        state[4 * g] = four.x, state[4 * g + 1] = four.y;
        state[4 * g + 2] = four.z, state[4 * g + 3] = four.w;
    }
}

DEVICE void write_line(float* memory, const float* state, int line, int lane, int size) {
    if (line >= size) return;
    memory += i64(line) * size;
#pragma unroll
    for (int g = 0; g < HELD / 4; ++g) {
        const int column = column_of(g, lane);
#if WHOLE
        stage_four(memory + column,
                   {state[4 * g], state[4 * g + 1], state[4 * g + 2], state[4 * g + 3]});
#else
#pragma unroll
        for (int i = 0; i < 4; ++i)
            if (column + i < size) memory[column + i] = state[4 * g + i];
#endif
    }
}

// y of one token and one value channel; moves the channel's row of the state on.
template <int COUNT>
DEVICE float step(float* state, const Staged<COUNT>& at, int s, int lane, int line) {
    float4 sum = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int g = 0; g < HELD / 4; ++g) {
        const float4 kk = staged_four(&at.kk[s][column_of(g, lane)]);
        const float* held = state + 4 * g;
        sum.x += held[0] * kk.x, sum.y += held[1] * kk.y;
        sum.z += held[2] * kk.z, sum.w += held[3] * kk.w;
    }
    const float recalled = across(sum_of_four(sum)), v = at.v[s][line];
    float4 y = {0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int g = 0; g < HELD / 4; ++g) {
        const int column = column_of(g, lane);
        const float4 w = staged_four(&at.w[s][column]), k = staged_four(&at.k[s][column]);
        const float4 removal = staged_four(&at.removal[s][column]);
        const float4 r = staged_four(&at.r[s][column]);
        float* held = state + 4 * g;
        held[0] = held[0] * w.x - recalled * removal.x + v * k.x, y.x += held[0] * r.x;
        held[1] = held[1] * w.y - recalled * removal.y + v * k.y, y.y += held[1] * r.y;
        held[2] = held[2] * w.z - recalled * removal.z + v * k.z, y.z += held[2] * r.z;
        held[3] = held[3] * w.w - recalled * removal.w + v * k.w, y.w += held[3] * r.w;
    }
    return across(sum_of_four(y));
}

// S = S diag(w) - (S kk) (kk rate)T + v kT, y = S r; all (B, T, H size), `decay` is log w; a text's
// memory is (H, size, size) as [value, key].  Blocks: (every LINES value channels, heads, texts).
extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    wkv7(float* __restrict__ y, const float* __restrict__ r, const float* __restrict__ decay,
         const float* __restrict__ k, const float* __restrict__ v, const float* __restrict__ kk,
         const float* __restrict__ rate, const u64* __restrict__ table, int first, int steps, int size) {
    SHARED Staged<STEPS> staged;
    if (WHOLE) size = COLUMNS;
    const int head = blockIdx.y, heads = gridDim.y;
    const int lane = threadIdx.x % LANES, line = blockIdx.x * LINES + threadIdx.x / LANES;
    float* memory = memory_of(table, blockIdx.z, first) + i64(head) * size * size;
    const i64 width = i64(heads) * size, begin = blockIdx.z * (steps * width) + head * size;
    float state[HELD];
    read_line(state, memory, line, lane, size);

    // each thread brings four numbers of each vector of one of the next tokens
    const int brought = threadIdx.x * 4 / COLUMNS, column = threadIdx.x * 4 % COLUMNS;
    const auto fetch = [&](int t) {
        Fetched next = {};
        if (t + brought >= steps) return next;
        const i64 at = begin + (t + brought) * width;
        next.r = load_four(r + at, column, size), next.fall = load_four(decay + at, column, size);
        next.k = load_four(k + at, column, size), next.v = load_four(v + at, column, size);
        next.kk = load_four(kk + at, column, size), next.rate = load_four(rate + at, column, size);
        return next;
    };
    Fetched next = fetch(0);
    for (int t = 0; t < steps; t += STEPS) {
        __syncthreads();  // whoever still reads the tokens before
        stage_four(&staged.r[brought][column], next.r);
        stage_four(&staged.w[brought][column], exponentials(next.fall));
        stage_four(&staged.k[brought][column], next.k), stage_four(&staged.v[brought][column], next.v);
        stage_four(&staged.kk[brought][column], next.kk);
        stage_four(&staged.removal[brought][column], times(next.kk, next.rate));
        __syncthreads();
        next = fetch(t + STEPS);
        const auto advance = [&](int s) {
            const float out = step(state, staged, s, lane, line);
            if (line < size && lane == 0) y[begin + (t + s) * width + line] = out;
        };
        if (t + STEPS <= steps) {
#pragma unroll
            for (int s = 0; s < STEPS; ++s) advance(s);
        } else {
#pragma unroll 1
            for (int s = 0; t + s < steps; ++s) advance(s);
        }
    }
    write_line(memory, state, line, lane, size);
}

#if COLUMNS <= 128
// One token: prepare7, wkv7 and gate7 in one; y, r and all of them (B, H size).  bonus, gain and bias
// (H size).  Blocks: (heads, texts), with a thread for every HELD numbers of the state.
extern "C" __global__ void __launch_bounds__(COLUMNS * LANES, COLUMNS <= 64 ? 3 : 1)
    attend7(float* __restrict__ y, const float* __restrict__ r, const float* __restrict__ k,
            const float* __restrict__ v, const float* __restrict__ value, const float* __restrict__ decay,
            const float* __restrict__ rate, const float* __restrict__ first, const float* __restrict__ keys,
            const float* __restrict__ gate, const float* __restrict__ bonus, const float* __restrict__ gain,
            const float* __restrict__ bias, const u64* __restrict__ table, int part, int size) {
    SHARED Staged<1> staged;
    SHARED float outputs[COLUMNS], gates[COLUMNS], gains[COLUMNS], biases[COLUMNS];
    if (WHOLE) size = COLUMNS;
    const int head = blockIdx.x, heads = gridDim.x, i = threadIdx.x;
    const int lane = i % LANES, line = i / LANES, width = heads * size, c = head * size + i;
    const i64 at = i64(blockIdx.y) * width + c;
    const bool mine = i < size;
    float* memory = memory_of(table, blockIdx.y, part) + i64(head) * size * size;
    float state[HELD];
    read_line(state, memory, line, lane, size);

    // the first threads, each a channel
    Channel now = {};
    float read = 0.0f, weight = 0.0f;
    if (mine) {
        now = channel_of({k, v, value, decay, rate, first, keys}, at, c, width);
        read = r[at], weight = bonus[c];
        gates[i] = gate[at], gains[i] = gain[c], biases[i] = bias[c];
    }
    now.kk *= to_length_one(sum_of_block(now.kk * now.kk));
    const float strength = sum_of_block(read * now.k * weight);
    if (i < COLUMNS) {
        staged.r[0][i] = read, staged.w[0][i] = expf(now.fall), staged.k[0][i] = now.k;
        staged.v[0][i] = now.v, staged.kk[0][i] = now.kk, staged.removal[0][i] = now.kk * now.rate;
    }
    __syncthreads();
    const float out = step(state, staged, 0, lane, line);
    if (lane == 0) outputs[line] = out;
    write_line(memory, state, line, lane, size);
    __syncthreads();
    const float whole = mine ? outputs[i] : 0.0f;
    const float mean = sum_of_block(whole) / size, apart = mine ? whole - mean : 0.0f;
    const float scale = rsqrtf(sum_of_block(apart * apart) / size + GROUP_EPS);
    if (mine) y[at] = (apart * scale * gains[i] + biases[i] + strength * staged.v[0][i]) * gates[i];
}
#endif
