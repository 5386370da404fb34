// Products of few rows with packed matrices by unit: what belongs to inputs of zero is not read.
// Constants: KIND, ROWS (1, 2).
//
// A block takes some groups of one panel.  It notes which inputs are not zero in every row, a bit for
// each; a slot of lanes, of which each has 16 outputs, takes the inputs of a run of at most 32 whose
// bits are set.  Numbers times scales are exact in float32, and so are these products' terms.  The
// blocks of a panel leave their sums side by side; the last to come adds them up, in order.
#include "packed_split.cuh"

constexpr int THREADS = 256, WARPS = THREADS / WARP;
constexpr int LANES = WIDE / 16;  // of a slot
constexpr int SLOTS = THREADS / LANES;
constexpr int RUN = GROUP < 32 ? GROUP : 32;
constexpr int RUNS = GROUP / RUN;  // of a group
constexpr int MOST_RUNS = 256;     // of a block
constexpr int AT_ONCE = 4;         // inputs a slot has on their way

// 16 outputs are four lots of four; where lot b of a lane begins in the panel (layout.py).
DEVICE int lot_of(int lane, int b) {
    if (FOUR) {
        const int line = lane / 8, a = lane % 8 / 2, word = lane % 2 * 2 + b / 2;
        return line * 128 + b % 2 * 64 + word * 16 + a * 4;
    }
    return lane / 4 * 64 + b * 16 + lane % 4 * 4;
}

// One input's codes for the outputs of a lane, as bytes of numbers plus 128 in the order of lots.
struct Codes {
    u32 lots[4];
};

DEVICE uint4 load_row(const u8* p) {
    if (!FOUR) return load16_once(p);
#ifdef EMULATED
    emulated_check_aligned(p, 8);
#endif
    const uint2 v = *reinterpret_cast<const uint2*>(p);
    return make_uint4(v.x, v.y, 0, 0);
}

DEVICE Codes codes_of(const uint4& row, const Table& table) {
    if (!FOUR) return {{row.x, row.y, row.z, row.w}};
    const Eight a = in_order(table.at(row.x)), b = in_order(table.at(row.y));
    return {{a.first, a.second, b.first, b.second}};
}

// Byte i of four as a float, less 128.
DEVICE float number_of(u32 four, int i) {
    return __uint_as_float(__byte_perm(four, 0x4b000000u, 0x7440u | i)) - 8388736.0f;
}

// The bits of the block's runs: inputs that some row wants.
DEVICE void note(u32* wanted, const float* x, int width, int begin, int runs, bool all) {
    const int lane = threadIdx.x % WARP;
    for (int run = threadIdx.x / WARP; run < runs; run += WARPS) {
        const int input = begin + run * RUN + lane;
        bool some = false;
        if (lane < RUN && input < width) {
            some = all;
            for (int row = 0; row < ROWS; ++row) some = some || x[i64(row) * width + input] != 0.0f;
        }
        const u32 bits = __ballot_sync(ALL, some);
        if (lane == 0) wanted[run] = bits;
    }
}

// A run's inputs whose bits are set, times the lane's outputs; x is that of the run's first input.
DEVICE void add_run(float (&sums)[ROWS][16], u32 wanted, const u8* codes, const float (&scales)[16],
                    const float* x, int width, const Table& table) {
    while (wanted) {
        const int count = min(__popc(wanted), AT_ONCE);
        uint4 some[AT_ONCE];
        float inputs[AT_ONCE][ROWS];
#pragma unroll
        for (int u = 0; u < AT_ONCE; ++u) {
            if (u >= count) continue;
            const int i = __ffs(wanted) - 1;
            wanted &= wanted - 1;
            some[u] = load_row(codes + i * ROW);
#pragma unroll
            for (int row = 0; row < ROWS; ++row) inputs[u][row] = x[i64(row) * width + i];
        }
#pragma unroll
        for (int u = 0; u < AT_ONCE; ++u) {
            if (u >= count) continue;
            const Codes found = codes_of(some[u], table);
#pragma unroll
            for (int i = 0; i < 16; ++i) {
                const float weight = number_of(found.lots[i / 4], i % 4) * scales[i];
#pragma unroll
                for (int row = 0; row < ROWS; ++row) sums[row][i] += weight * inputs[u][row];
            }
        }
    }
}

// out += gate * (x W^T): out (ROWS, outputs), x (ROWS, inputs).  The grid is
// (panels, blocks of a panel), each block with `span` groups; `left` and `come` are those of Split.
extern "C" __global__ void __launch_bounds__(THREADS, 2)
    packed_units(float* out, const float* x, const u8* codes, const fp16* scales, const float* gate,
                 float* left, int* come, int outputs, int inputs, int span, int all) {
    SHARED u32 wanted[MOST_RUNS];
    SHARED float parts[WARPS][ROWS][WIDE];
    const int lane = threadIdx.x % LANES, slot = threadIdx.x / LANES, panel = blockIdx.x;
    const int groups = (inputs + GROUP - 1) / GROUP, first = blockIdx.y * span;
    const int runs = max(min(groups - first, span), 0) * RUNS;
    note(wanted, x, inputs, first * GROUP, runs, all != 0);
    __syncthreads();

    const Table table(SIGNS);
    float sums[ROWS][16] = {};
    codes += i64(panel) * groups * GROUP * ROW + lane * (ROW / LANES);
    scales += i64(panel) * groups * WIDE;
    for (int run = slot; run < runs; run += SLOTS) {
        const u32 bits = wanted[run];
        if (!bits) continue;
        const int group = first + run / RUNS, input = first * GROUP + run * RUN;
        float factors[16];
#pragma unroll
        for (int b = 0; b < 4; ++b) {
            const Scales four = load_scales(scales + i64(group) * WIDE + lot_of(lane, b));
#pragma unroll
            for (int i = 0; i < 4; ++i) factors[4 * b + i] = four.at(i);
        }
        add_run(sums, bits, codes + i64(input) * ROW, factors, x + input, inputs, table);
    }
    __syncwarp();

    const int warp = threadIdx.x / WARP;
#pragma unroll
    for (int row = 0; row < ROWS; ++row)
#pragma unroll
        for (int i = 0; i < 16; ++i) {
            float sum = sums[row][i];
#pragma unroll
            for (int far = LANES; far < WARP; far *= 2) sum += __shfl_xor_sync(ALL, sum, far);
            if (threadIdx.x % WARP < LANES) parts[warp][row][lot_of(lane, i / 4) + i % 4] = sum;
        }
    __syncthreads();
    const Split split = {left, come + panel, panel, int(gridDim.x), ROWS};
    for (int i = threadIdx.x; i < ROWS * WIDE; i += THREADS) {
        float sum = 0.0f;
        for (int one = 0; one < WARPS; ++one) sum += parts[one][i / WIDE][i % WIDE];
        split.leave(i, sum);
    }
    if (split.last()) split.add_all(out, gate, ROWS, outputs);
}
