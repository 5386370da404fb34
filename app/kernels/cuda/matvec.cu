// Products of few rows with matrices of floats.  Constants: WEIGHT (fp32, fp16, bf16), ROWS (1 to 8).
//
// A team of lanes takes OUTS outputs at once; each lane has 16 bytes of every row of weights in
// flight, and the same inputs of all ROWS rows of x.  Where outputs are few, several warps share the
// inputs.  What the lanes have is added up in a fixed order.
#include "products.cuh"

constexpr int WARP_LOG = 5, OUTS_LOG = 2;
constexpr int OUTS = 1 << OUTS_LOG;
constexpr int VALUES = OUTS * ROWS;  // sums a team makes
constexpr int MOST_WARPS = 8, MOST_TEAMS = 8;
constexpr int LOT = Sixteen<WEIGHT>::count;
constexpr int AHEAD = ROWS > 2 ? 1 : 2;   // lots in flight for each output
constexpr int BLOCKS = ROWS > 1 ? 2 : 3;  // that find room on a processor
constexpr int FIELD = 12;                 // bits of a matrix's own limit, in eights

// For each output o and row r, adds COUNT lots of their product, `step` inputs apart.
template <int COUNT, class X>
DEVICE void add_lots(float (&sums)[OUTS][ROWS], const WEIGHT* weight, const int (&of)[OUTS],
                     const X* x, const int (&from)[ROWS], int step) {
    constexpr int PIECE = Sixteen<X>::count;
    uint4 lots[COUNT][OUTS];
#pragma unroll
    for (int c = 0; c < COUNT; ++c)
#pragma unroll
        for (int o = 0; o < OUTS; ++o) lots[c][o] = load16_once(weight + of[o] + c * step);
#pragma unroll
    for (int c = 0; c < COUNT; ++c) {
        float weights[OUTS][LOT];
#pragma unroll
        for (int o = 0; o < OUTS; ++o) Sixteen<WEIGHT>::split(lots[c][o], weights[o]);
#pragma unroll
        for (int first = 0; first < LOT; first += PIECE)
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                float inputs[PIECE];
                Sixteen<X>::split(load16(x + from[r] + c * step + first), inputs);
#pragma unroll
                for (int i = 0; i < PIECE; ++i)
#pragma unroll
                    for (int o = 0; o < OUTS; ++o) sums[o][r] += weights[o][first + i] * inputs[i];
            }
    }
}

// Adds the sums of a team's lanes, which hold half as many after each step, into `parts`.
template <int FAR, int COUNT>
DEVICE void fold(float (&sums)[VALUES], int lane, int lanes, float* parts) {
    if constexpr (FAR < WARP) {
        if (FAR < lanes) {
            const bool upper = lane & FAR;
            if constexpr (COUNT == 1) {
                sums[0] += __shfl_xor_sync(ALL, sums[0], FAR);
            } else {
#pragma unroll
                for (int i = 0; i < COUNT / 2; ++i) {
                    const float low = sums[i], high = sums[COUNT / 2 + i];
                    sums[i] = (upper ? high : low) + __shfl_xor_sync(ALL, upper ? low : high, FAR);
                }
                parts += upper ? COUNT / 2 : 0;
            }
            return fold<2 * FAR, (COUNT + 1) / 2>(sums, lane, lanes, parts);
        }
    }
#pragma unroll
    for (int i = 0; i < COUNT; ++i) parts[i] = sums[i];
}

// The limit of one matrix of a stack, or `whole` where it has none of its own.
DEVICE int limit(i64 limits, int matrix, int whole) {
    const int eights = int(limits >> FIELD * matrix) & ((1 << FIELD) - 1);
    return eights ? min(8 * eights, whole) : whole;
}

// How the threads of a block share its work, all as powers of two: lanes of a team, warps that share
// the inputs of a group of outputs, and groups.
struct Teams {
    int lanes, split, groups;
};

template <class X>
DEVICE void product(float* y, const X* x, const WEIGHT* weight, const Ending& ending, int rows,
                    int outputs, int width, i64 most_outputs, i64 most_inputs, const Teams& by) {
    SHARED float parts[MOST_WARPS * MOST_TEAMS * VALUES];
    const int matrix = blockIdx.z;
    const int made = limit(most_outputs, matrix, outputs);
    const int inputs = limit(most_inputs, matrix, width);

    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const int team = lane >> by.lanes, part = warp & ((1 << by.split) - 1), group = warp >> by.split;
    const int teams = WARP_LOG - by.lanes, tall = teams + OUTS_LOG;  // of a warp: teams, and outputs
    const int tile = tall + by.groups;                               // outputs of the block
    const int begin = int(blockIdx.y) << tile;
    const int row = blockIdx.x * ROWS;  // passes over one tile run side by side: one reading
    if (begin >= made) return;

    // outputs and rows past the end are the last ones once more, which nobody writes
    x += (i64(matrix) * rows + row) * width;
    weight += (i64(matrix) * outputs + begin) * width;
    int from[ROWS], of[OUTS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) from[r] = min(r, rows - row - 1) * width;
#pragma unroll
    for (int o = 0; o < OUTS; ++o)
        of[o] = min((group << tall) + (o << teams) + team, made - begin - 1) * width;

    float sums[OUTS][ROWS] = {};
    const int step = 1 << (by.lanes + by.split);
    const int first = (part << by.lanes) + lane - (team << by.lanes);
    if (width % LOT == 0 && inputs % LOT == 0 && at16(x) && at16(weight)) {
        int k = first * LOT;
        if (AHEAD > 1)
            for (; k + (AHEAD - 1) * step * LOT < inputs; k += AHEAD * step * LOT)
                add_lots<AHEAD>(sums, weight + k, of, x + k, from, step * LOT);
        for (; k < inputs; k += step * LOT) add_lots<1>(sums, weight + k, of, x + k, from, 0);
    } else {
#pragma unroll 1
        for (int k = first; k < inputs; k += step)
#pragma unroll
            for (int r = 0; r < ROWS; ++r)
#pragma unroll
                for (int o = 0; o < OUTS; ++o)
                    sums[o][r] += widen(weight[of[o] + k]) * widen(x[from[r] + k]);
    }

    float flat[VALUES];
#pragma unroll
    for (int v = 0; v < VALUES; ++v) flat[v] = sums[v / ROWS][v % ROWS];
    fold<1, VALUES>(flat, lane, 1 << by.lanes, parts + ((warp << teams) + team) * VALUES);
    __syncthreads();

    for (int i = threadIdx.x; i < ROWS << tile; i += blockDim.x) {
        const int r = i >> tile, place = i & ((1 << tile) - 1), output = begin + place;
        if (row + r >= rows || output >= made) continue;
        const int o = place >> teams & (OUTS - 1), held = place & ((1 << teams) - 1);
        const float* from = parts + ((place >> tall << by.split << teams) + held) * VALUES + o * ROWS + r;
        float sum = 0.0f;
        for (int s = 0; s < 1 << by.split; ++s) sum += from[(s << teams) * VALUES];
        ending.put(y, (i64(matrix) * rows + row + r) * outputs + output, matrix * outputs + output, sum);
    }
}

// y (stack, rows, outputs) from x (stack, rows, width) and weight (stack, outputs, width); bias
// (stack, outputs) and gate like y, or null.  Grid: passes of ROWS rows, tiles of outputs, stack.
// `acts` has two bits a matrix; `most_outputs` and `most_inputs` 12 bits, in eights, where a matrix
// has fewer than the stack (0: it has all).  The last three are a Teams.
#define MATVEC(NAME, X)                                                                               \
    extern "C" __global__ void __launch_bounds__(MOST_WARPS* WARP, BLOCKS)                            \
        NAME(float* y, const X* x, const WEIGHT* weight, const float* bias, const float* gate,        \
             int rows, int outputs, int width, i64 most_outputs, i64 most_inputs, int acts, int onto, \
             int lanes, int split, int groups) {                                                      \
        const int act = acts >> 2 * blockIdx.z & 3;                                                   \
        product(y, x, weight, Ending{bias, gate, act, onto != 0}, rows, outputs, width, most_outputs, \
                most_inputs, Teams{lanes, split, groups});                                            \
    }

MATVEC(matvec, float)
MATVEC(matvec_short, WEIGHT)
