// Packed matrices on matrix units for signed bytes: products of 8 rows of x at a time.
#pragma once
#include "packed.cuh"

constexpr int TILE = 8;  // rows of one product

// c += 16 x 16 signed bytes times 16 x 8.  Lane 4 g + t has columns 4 t to 4 t + 3 of the rows g (a)
// and g + 8 (b), those rows of column g (x), and in c columns 2 t and 2 t + 1 of row g, then of g + 8.
DEVICE void multiply(int (&c)[4], u32 a, u32 b, u32 x) {
#ifdef EMULATED
    emulated_multiply(c[0], c[1], a, x);
    emulated_multiply(c[2], c[3], b, x);
#elif __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
        : "+r"(c[0]), "+r"(c[1]), "+r"(c[2]), "+r"(c[3])
        : "r"(a), "r"(b), "r"(x));
#else
    asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
        : "+r"(c[0]), "+r"(c[1])
        : "r"(a), "r"(x));
    asm("mma.sync.aligned.m8n8k16.row.col.s32.s8.s8.s32 {%0, %1}, {%2}, {%3}, {%0, %1};"
        : "+r"(c[2]), "+r"(c[3])
        : "r"(b), "r"(x));
#endif
}

// x (stack, rows, inputs) of `form` as whole numbers, as `multiply` wants them: `words` (stack, tiles,
// chunks, 32 lanes, high and low of one or two products) and the factors (stack, tiles, groups,
// TILE); rows that are not there are zero.  TURNS tells that chunks are those of int4 by output;
// else they are of 16 inputs.  The grid shares out (the pieces of all rows of the tiles, stack).
template <bool TURNS>
DEVICE void make_whole(u32* words, float* factors, const void* x, int rows, int inputs, int form,
                       int tiles) {
    constexpr int EACH = TURNS ? 2 : 1;  // pieces of a chunk, and products
    const int groups = (inputs + GROUP - 1) / GROUP, pieces = groups * GROUP / PIECE;
    const int at = blockIdx.x * blockDim.x + threadIdx.x, row = at / pieces, piece = at - row * pieces;
    const int first = piece * PIECE;
    const i64 from = (i64(blockIdx.y) * rows + row) * inputs + first;
    float numbers[PIECE], factor;
    read_piece(x, form, from, row < rows ? inputs - first : 0, numbers);
    const Piece made = whole_numbers<TURNS>(numbers, factor);
    if (row >= tiles * TILE) return;
    const i64 tile = i64(blockIdx.y) * tiles + row / TILE, chunk = tile * (pieces / EACH) + piece / EACH;
    const int lane = row % TILE * 4 + piece % EACH * 2;
    u32* to = words + (chunk * WARP + lane) * 2 * EACH;
#pragma unroll
    for (int i = 0; i < 4; ++i) to[2 * i] = made.high[i], to[2 * i + 1] = made.low[i];
    if (first % GROUP == 0) factors[(tile * groups + first / GROUP) * TILE + row % TILE] = factor;
}
