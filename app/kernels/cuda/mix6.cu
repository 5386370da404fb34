// Generation 6's second mix, whose blends depend on the token.  Constants: UP and MIX, the types of
// the low-rank factor and of the blends.
#include "rows.cuh"

constexpr int THREADS = 128;
constexpr int ROWS = 8;    // at once, over one reading of the factor
constexpr int PIECE = 32;  // of the rank

struct __align__(16) Low {
    float at[ROWS][PIECE];
};

// ROWS pieces of the low-rank activations of blend `j`; zeros where there are none.
DEVICE void stage(Low& to, const void* low, int low_is_wide, int row, int rows, int j, int n, int d,
                  int rank) {
    for (int i = threadIdx.x; i < ROWS * PIECE; i += THREADS) {
        const int r = i / PIECE, piece = i % PIECE;
        float x = 0.0f;
        if (row + r < rows && d + piece < rank) {
            const i64 at = (i64(row + r) * n + j) * rank + d + piece;
            x = low_is_wide ? static_cast<const float*>(low)[at] : widen(static_cast<const UP*>(low)[at]);
        }
        to.at[r][piece] = x;
    }
}

// A piece of one channel's row of the factor.
DEVICE void read_factors(float* to, const UP* line, int d, int rank) {
    constexpr int COUNT = Sixteen<UP>::count;
    if (rank % COUNT == 0) {
#pragma unroll
        for (int i = 0; i < PIECE; i += COUNT) {
            const bool there = d + i < rank;
            Sixteen<UP>::split(there ? load16(line + d + i) : make_uint4(0, 0, 0, 0), to + i);
        }
    } else {
#pragma unroll
        for (int i = 0; i < PIECE; ++i) to[i] = d + i < rank ? widen(line[d + i]) : 0.0f;
    }
}

// y[j] = h + (p - h) (mixes[j] + up[j] low[j]) of `rows` tokens, where `shifted` is (h, p - h).
// Blocks: (slices of THREADS channels, blends, runs of `run` rows).
extern "C" __global__ void __launch_bounds__(THREADS)
    mix6(MIX* __restrict__ y, const float* __restrict__ shifted, const void* __restrict__ low,
         int low_is_wide, const UP* __restrict__ up, const MIX* __restrict__ mixes, int rows, int width,
         int rank, int run) {
    SHARED Low staged;
    const int c = blockIdx.x * THREADS + threadIdx.x, j = blockIdx.y, n = gridDim.y;
    const bool mine = c < width;
    const i64 whole = i64(rows) * width;
    const UP* line = up + (i64(j) * width + c) * rank;
    const float base = mine ? widen(mixes[i64(j) * width + c]) : 0.0f;
    const int begin = blockIdx.z * run, end = min(begin + run, rows);
    for (int row = begin; row < end; row += ROWS) {
        float sums[ROWS] = {};
        for (int d = 0; d < rank; d += PIECE) {
            __syncthreads();  // whoever still reads the piece before
            stage(staged, low, low_is_wide, row, end, j, n, d, rank);
            float factors[PIECE] = {};
            if (mine) read_factors(factors, line, d, rank);
            __syncthreads();
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                if (row + r >= end) break;
#pragma unroll
                for (int i = 0; i < PIECE; ++i) sums[r] += factors[i] * staged.at[r][i];
            }
        }
        if (!mine) continue;
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            if (row + r >= end) break;
            const i64 at = i64(row + r) * width + c;
            narrow(y + j * whole + at, shifted[at] + shifted[whole + at] * (base + sums[r]));
        }
    }
}
