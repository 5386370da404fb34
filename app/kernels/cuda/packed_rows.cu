// Products of some rows with packed matrices by output, on matrix units for signed bytes.
// Constants: KIND, ROWS (8, 16): how many rows share one reading of the weights, a pass.
//
// A warp takes a chunk of two panels at once: lane 4 g + t has row t of it and, for the g-th of
// eight lots, four outputs of a panel.  So what it reads lies in its registers as a product of
// matrices wants it: 16 outputs times 16 inputs of 8 rows, whose other factor `whole` has laid out.
#include "packed_multiply.cuh"

constexpr int TILES = ROWS / TILE;
constexpr int MOST_WARPS = 16;
constexpr int LOT = 4;               // chunks a warp has on their way
constexpr int WORDS = FOUR ? 4 : 2;  // a lane's share of a chunk's inputs
constexpr int PAIR = 2 * PANEL;

// x (stack, rows, inputs) of `form` as whole numbers; see make_whole.
// The grid shares out (the pieces of all rows of the tiles, stack).
extern "C" __global__ void __launch_bounds__(256)
    whole(u32* words, float* factors, const void* x, int rows, int inputs, int form, int tiles) {
    make_whole<FOUR>(words, factors, x, rows, inputs, form, tiles);
}

struct Matrix {
    const u8* codes;  // of the lane's panel, from its first bytes on
    const fp16* scales;
    const u32* words;  // of the lane
    const float* factors;
    int chunks, groups;
};

struct Share {
    uint4 rows[LOT];
};

DEVICE void fetch(Share& to, const Matrix& w, int first) {
#pragma unroll
    for (int i = 0; i < LOT; ++i)
        if (first + i < w.chunks) to.rows[i] = load16_once(w.codes + i64(first + i) * CHUNK_BYTES);
}

// The inputs of one chunk and tile: high and low bytes, of int4 for two products.
struct Inputs {
    u32 high[2], low[2];
};

DEVICE Inputs inputs_of(const Matrix& w, int tile, int chunk) {
    const u32* from = w.words + (i64(tile) * w.chunks + chunk) * WARP * WORDS;
    if (FOUR) {
        const uint4 v = load16(from);
        return {{v.x, v.z}, {v.y, v.w}};
    }
    const uint2 v = *reinterpret_cast<const uint2*>(from);
    return {{v.x, 0}, {v.y, 0}};
}

// Whole sums of a group: [tile][pair of outputs], as `multiply` has them.
typedef int Whole[TILES][2][4];

DEVICE void add_chunk(Whole& high, Whole& low, const uint4& codes, const Matrix& w, int chunk,
                      const Table& table) {
    Eight eight[4];
#pragma unroll
    for (int o = 0; o < 4; ++o) {
        const u32 word = word_of(codes, o);
        eight[o] = FOUR ? table.at(word) : Eight{word ^ SIGNS, 0};
    }
#pragma unroll
    for (int tile = 0; tile < TILES; ++tile) {
        const Inputs x = inputs_of(w, tile, chunk);
#pragma unroll
        for (int pair = 0; pair < 2; ++pair) {
            const Eight &a = eight[2 * pair], &b = eight[2 * pair + 1];
            multiply(high[tile][pair], a.first, b.first, x.high[0]);
            multiply(low[tile][pair], a.first, b.first, x.low[0]);
            if (!FOUR) continue;
            multiply(high[tile][pair], a.second, b.second, x.high[1]);
            multiply(low[tile][pair], a.second, b.second, x.low[1]);
        }
    }
}

DEVICE void add_group(float (&sums)[TILES][2][4], const Whole& high, const Whole& low, const Matrix& w,
                      int group, int column) {
    const Scales scales = load_scales(w.scales + i64(group) * PANEL);
#pragma unroll
    for (int tile = 0; tile < TILES; ++tile) {
        const float* factors = w.factors + (i64(tile) * w.groups + group) * TILE + column;
        const float factor[2] = {factors[0], factors[1]};
#pragma unroll
        for (int pair = 0; pair < 2; ++pair)
#pragma unroll
            for (int i = 0; i < 4; ++i)
                sums[tile][pair][i] += float(high[tile][pair][i] * 256 + low[tile][pair][i]) *
                                       (scales.at(2 * pair + i / 2) * factor[i % 2]);
    }
}

// y = act(x W^T), or y += gate * (x W^T), with what `whole` made of x.  y is (stack, rows, outputs).
// The grid is (pairs of panels and, within each, passes, stack): the passes of a pair run at about
// the same time, so that most of them find its weights in the second cache.
extern "C" __global__ void __launch_bounds__(MOST_WARPS* WARP)
    packed_rows(float* y, const u32* words, const float* factors, const u8* codes, const fp16* scales,
                const float* gate, int rows, int outputs, int inputs, int act, int onto) {
    SHARED float parts[MOST_WARPS][ROWS][PAIR];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    const int matrix = blockIdx.y, panels = (outputs + PANEL - 1) / PANEL;
    const int lot = lane / 4, column = lane % 4 * 2;
    const int passes = (rows + ROWS - 1) / ROWS, pair = blockIdx.x / passes, pass = blockIdx.x % passes;
    const int panel = min(pair * 2 + lot / 4, panels - 1);  // the last may be alone
    const int first_row = pass * ROWS;
    Matrix w;
    w.groups = (inputs + GROUP - 1) / GROUP, w.chunks = w.groups * PER_GROUP;
    const i64 before = i64(matrix) * panels + panel;
    w.codes = codes + before * w.chunks * CHUNK_BYTES + lane % 4 * ROW_BYTES + lot % 4 * 16;
    w.scales = scales + before * w.groups * PANEL + lot % 4 * 4;
    const i64 tile = (i64(matrix) * passes + pass) * TILES;
    w.words = words + (tile * w.chunks * WARP + lane) * WORDS;
    w.factors = factors + tile * w.groups * TILE;

    const Table table(0);
    float sums[TILES][2][4] = {};
    Share ahead = {};
    fetch(ahead, w, warp * LOT);
    for (int first = warp * LOT; first < w.chunks; first += warps * LOT) {
        const Share share = ahead;
        fetch(ahead, w, first + warps * LOT);
#pragma unroll
        for (int group = 0; group < LOT / PER_GROUP; ++group) {
            if (first + group * PER_GROUP >= w.chunks) break;
            Whole high = {}, low = {};
#pragma unroll
            for (int i = 0; i < PER_GROUP; ++i) {
                const int at = group * PER_GROUP + i;
                add_chunk(high, low, share.rows[at], w, first + at, table);
            }
            add_group(sums, high, low, w, first / PER_GROUP + group, column);
        }
    }
#pragma unroll
    for (int tile = 0; tile < TILES; ++tile)
#pragma unroll
        for (int i = 0; i < 8; ++i) {
            const int output = lot * 4 + i / 2, row = tile * TILE + column + i % 2;
            parts[warp][row][output] = sums[tile][i / 4][i % 4];
        }
    __syncthreads();
    const Ending ending = {nullptr, gate, act, onto != 0};
    for (int i = threadIdx.x; i < min(rows - first_row, ROWS) * PAIR; i += blockDim.x) {
        const int row = i / PAIR, output = pair * PAIR + i % PAIR;
        float sum = 0.0f;
        for (int one = 0; one < warps; ++one) sum += parts[one][row][i % PAIR];
        const i64 at = (i64(matrix) * rows + first_row + row) * outputs + output;
        if (output < outputs) ending.put(y, at, output, sum);
    }
}
