// Products of one or two rows with packed matrices by output.  Constants: KIND, ROWS (1, 2).
//
// A block takes one panel after the other and shares its inputs out to its warps, 8 chunks each at a
// time, the next of them always on their way.  It makes the activations whole numbers for itself:
// that is done while the first weights come, and a kernel of its own would take longer to begin
// than a small matrix takes to be read.
#include "packed.cuh"

constexpr int MOST_WARPS = 8, MOST_INPUTS = 8192;  // inputs: of all rows, in shared memory
constexpr int SLOTS = 8;                           // chunks that a warp takes at once
constexpr int LINES = FOUR ? 4 : 2;                // of 16 bytes that hold a chunk's inputs

struct Matrix {
    const u8* codes;
    const fp16* scales;
    int chunks, groups, panels;
};

// What a lane has of one chunk of a panel: 16 bytes of each row and the scales of its outputs.
struct Share {
    uint4 rows[4];
    Scales scales;
};

// Where a lane's share of a chunk lies.  If there is no such chunk its scales are zero.
struct Source {
    const u8* codes;
    const fp16* scales;

    __device__ __forceinline__ Source(const Matrix& w, int panel, int chunk, int quarter) {
        const bool there = panel < w.panels && chunk < w.chunks;
        codes = there ? w.codes + (i64(panel) * w.chunks + chunk) * CHUNK_BYTES + quarter * 16 : nullptr;
        scales = w.scales + (i64(panel) * w.groups + chunk / PER_GROUP) * PANEL + quarter * 4;
    }

    __device__ __forceinline__ void fetch_row(Share& to, int r) const {
        if (codes) to.rows[r] = load16_once(codes + r * ROW_BYTES);
    }
    __device__ __forceinline__ void fetch_scales(Share& to) const {
        to.scales.bits = make_uint2(0, 0);
        if (codes) to.scales = load_scales(scales);
    }
    __device__ __forceinline__ void fetch(Share& to) const {
#pragma unroll
        for (int r = 0; r < 4; ++r) fetch_row(to, r);
        fetch_scales(to);
    }
};

// All rows of x into `held`, [row][line][chunk] so that 8 chunks of a line are side by side.
DEVICE void hold(uint4* held, float* factors, const void* x, int form, int inputs, const Matrix& w) {
    const int pieces = w.chunks * (CHUNK / PIECE);
    for (int base = 0; base < ROWS * pieces; base += blockDim.x) {
        const int at = base + threadIdx.x, row = ROWS == 1 ? 0 : at / pieces, piece = at - row * pieces;
        const bool there = at < ROWS * pieces;
        float numbers[PIECE], factor;
        const int first = piece * PIECE;
        read_piece(x, form, i64(row) * inputs + first, there ? inputs - first : 0, numbers);
        const Piece made = whole_numbers<FOUR>(numbers, factor);
        if (!there) continue;
        const int chunk = piece * PIECE / CHUNK, line = row * LINES + piece % (CHUNK / PIECE) * 2;
        held[line * w.chunks + chunk] = make_uint4(made.high[0], made.high[1], made.high[2], made.high[3]);
        held[(line + 1) * w.chunks + chunk] =
            make_uint4(made.low[0], made.low[1], made.low[2], made.low[3]);
        if (first % GROUP == 0) factors[row * w.groups + first / GROUP] = factor;
    }
}

// sums[row][o] += the chunk's products of the lane's output o with a row of x; what was used makes
// room for the next.
DEVICE void add_chunk(float (&sums)[ROWS][4], Share& w, const Source& next, const uint4* held,
                      const float* factors, int chunk, const Matrix& matrix, const Table& table) {
    constexpr int PIECES = CHUNK / PIECE, EACH = 4 / PIECES;  // rows of the chunk for a piece
    int high[ROWS][4] = {}, low[ROWS][4] = {};
#pragma unroll
    for (int r = 0; r < 4; ++r) {
        Eight eight[4];
#pragma unroll
        for (int o = 0; o < 4; ++o) {
            const u32 codes = word_of(w.rows[r], o);
            eight[o] = FOUR ? table.at(codes) : Eight{codes ^ SIGNS, 0};
        }
        next.fetch_row(w, r);
#pragma unroll
        for (int row = 0; row < ROWS; ++row) {
            const uint4* line = held + (row * LINES + r / EACH * 2) * matrix.chunks + chunk;
            const uint4 upper = line[0], lower = line[matrix.chunks];
            const int at = r % EACH * PIECES;
#pragma unroll
            for (int o = 0; o < 4; ++o) {
                high[row][o] = __dp4a(int(eight[o].first), int(word_of(upper, at)), high[row][o]);
                low[row][o] = __dp4a(int(eight[o].first), int(word_of(lower, at)), low[row][o]);
                if (!FOUR) continue;
                high[row][o] = __dp4a(int(eight[o].second), int(word_of(upper, at + 1)), high[row][o]);
                low[row][o] = __dp4a(int(eight[o].second), int(word_of(lower, at + 1)), low[row][o]);
            }
        }
    }
#pragma unroll
    for (int row = 0; row < ROWS; ++row) {
        const float factor = factors[row * matrix.groups + chunk / PER_GROUP];
#pragma unroll
        for (int o = 0; o < 4; ++o)
            sums[row][o] += float(high[row][o] * 256 + low[row][o]) * (w.scales.at(o) * factor);
    }
    next.fetch_scales(w);
}

// The four sums of lanes whose numbers are equal but for bits 2 to 4, added up: each lane gets that
// of output `place_of(lane)`.
DEVICE float folded(const float (&sums)[4], int lane) {
    const bool second = lane & 4, odd = lane & 8;
    const float a = (second ? sums[2] : sums[0]) + __shfl_xor_sync(ALL, second ? sums[0] : sums[2], 4);
    const float b = (second ? sums[3] : sums[1]) + __shfl_xor_sync(ALL, second ? sums[1] : sums[3], 4);
    const float c = (odd ? b : a) + __shfl_xor_sync(ALL, odd ? a : b, 8);
    return c + __shfl_xor_sync(ALL, c, 16);
}

DEVICE int place_of(int lane) { return lane % 4 * 4 + lane / 4 % 2 * 2 + lane / 8 % 2; }

// y = act(x W^T), or y += gate * (x W^T): y (stack, ROWS, outputs), x (stack, ROWS, inputs) of
// `form`.  The grid is (blocks that share the panels, stack).
extern "C" __global__ void __launch_bounds__(MOST_WARPS* WARP, ROWS == 1 ? 3 : 2)
    packed(float* y, const void* x, const u8* codes, const fp16* scales, const float* gate, int outputs,
           int inputs, int form, int act, int onto) {
    SHARED uint4 held[MOST_INPUTS / 8];
    SHARED float factors[MOST_INPUTS / GROUP];
    SHARED float parts[2][MOST_WARPS][ROWS][PANEL];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    const int quarter = lane % 4, matrix = blockIdx.y;
    Matrix w;
    w.groups = (inputs + GROUP - 1) / GROUP, w.chunks = w.groups * PER_GROUP;
    w.panels = (outputs + PANEL - 1) / PANEL;
    w.codes = codes + i64(matrix) * w.panels * w.chunks * CHUNK_BYTES;
    w.scales = scales + i64(matrix) * w.panels * w.groups * PANEL;
    const int stride = warps * SLOTS, mine = warp * SLOTS + lane / 4;

    Share share = {};
    Source(w, blockIdx.x, mine, quarter).fetch(share);
    const Table table(0);
    const i64 width = form == FP32 ? 4 : 2;
    x = static_cast<const u8*>(x) + i64(matrix) * ROWS * inputs * width;
    hold(held, factors, x, form, inputs, w);
    __syncthreads();

    const Ending ending = {nullptr, gate, act, onto != 0};
    int turn = 0;
    for (int panel = blockIdx.x; panel < w.panels; panel += gridDim.x, turn ^= 1) {
        float sums[ROWS][4] = {};
        for (int begin = warp * SLOTS; begin < w.chunks; begin += stride) {
            const bool last = begin + stride >= w.chunks;
            const int then = last ? mine : begin + stride + lane / 4;
            const Source next(w, last ? panel + gridDim.x : panel, then, quarter);
            add_chunk(sums, share, next, held, factors, min(begin + lane / 4, w.chunks - 1), w, table);
        }
#pragma unroll
        for (int row = 0; row < ROWS; ++row) {
            const float sum = folded(sums[row], lane);
            if (lane < 16) parts[turn][warp][row][place_of(lane)] = sum;
        }
        __syncthreads();
        for (int i = threadIdx.x; i < ROWS * PANEL; i += blockDim.x) {
            const int row = i / PANEL, output = panel * PANEL + i % PANEL;
            float sum = 0.0f;
            for (int one = 0; one < warps; ++one) sum += parts[turn][one][row][i % PANEL];
            const i64 at = (i64(matrix) * ROWS + row) * outputs + output;
            if (output < outputs) ending.put(y, at, output, sum);
        }
    }
}
