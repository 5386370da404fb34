// What stands around a product of many rows with some panels of a packed matrix, which are made
// float16 for it.  Constant: KIND.
//
// Weights are taken times a power of two that brings the largest of the matrix to 2^13 or more, and
// each row of activations likewise: nothing overflows, and what is too small for float16 is below
// 2^-24 of the largest.  `finish` takes both off again.
#include "packed.cuh"

constexpr int THREADS = 256;
constexpr int ROW = 128;  // bytes of an input in a panel by unit
constexpr int WIDE = FOUR ? 256 : 128;
constexpr int HIGHEST = 13;  // exponent of the largest number
constexpr int LEAST = -100;  // exponent of a row that is taken for nothing

DEVICE float power_of_two(int exponent) { return __uint_as_float(u32(127 + exponent) << 23); }

DEVICE u32 two(float a, float b) { return u32(fp16_bits(a)) | u32(fp16_bits(b)) << 16; }

DEVICE float byte_of(u32 word, int i) { return float(int(i8(word >> 8 * i))); }

DEVICE void store16(fp16* p, const u32 (&words)[4]) {
#ifdef EMULATED
    emulated_check_aligned(p, 16);
#endif
    *reinterpret_cast<uint4*>(p) = make_uint4(words[0], words[1], words[2], words[3]);
}

// Panels by output to w (rows, padded inputs), the first `rows` outputs of them.
// The grid shares out (panels, chunks, 4).
extern "C" __global__ void __launch_bounds__(THREADS)
    tile_outputs(fp16* w, const u8* codes, const fp16* scales, int rows, int groups, int exponent) {
    const int chunks = groups * PER_GROUP, padded = groups * GROUP;
    const i64 at = i64(blockIdx.x) * THREADS + threadIdx.x, place = at / 4;
    const int quarter = at % 4, panel = place / chunks, chunk = place % chunks;
    if (panel * PANEL + quarter * 4 >= rows) return;
    const Table table(0);
    uint4 lines[4];
#pragma unroll
    for (int r = 0; r < 4; ++r)
        lines[r] = load16_once(codes + place * CHUNK_BYTES + r * ROW_BYTES + quarter * 16);
    const Scales four =
        load_scales(scales + (i64(panel) * groups + chunk / PER_GROUP) * PANEL + quarter * 4);
#pragma unroll
    for (int o = 0; o < 4; ++o) {
        const int row = panel * PANEL + quarter * 4 + o;
        if (row >= rows) return;
        const float by = four.at(o) * power_of_two(exponent);
        fp16* to = w + i64(row) * padded + chunk * CHUNK;
#pragma unroll
        for (int r = 0; r < 4; r += FOUR ? 1 : 2) {
            Eight eight = {word_of(lines[r], o) ^ SIGNS, word_of(lines[(r + 1) % 4], o) ^ SIGNS};
            if (FOUR) eight = in_order(table.at(word_of(lines[r], o)));
            u32 words[4];
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const u32 word = i < 2 ? eight.first : eight.second;
                words[i] = two(byte_of(word, i % 2 * 2) * by, byte_of(word, i % 2 * 2 + 1) * by);
            }
            store16(to + r * (CHUNK / 4), words);
        }
    }
}

// Panels by unit to w (padded inputs, panels * WIDE).  The grid shares out (panels, inputs, 8).
extern "C" __global__ void __launch_bounds__(THREADS)
    tile_units(fp16* w, const u8* codes, const fp16* scales, int panels, int groups, int exponent) {
    const int inputs = groups * GROUP;
    const i64 at = i64(blockIdx.x) * THREADS + threadIdx.x, place = at / 8;
    const int part = at % 8, panel = place / inputs, input = place % inputs;
    if (panel >= panels) return;
    const Table table(0);
    const uint4 line = load16_once(codes + place * ROW + part * 16);
    const int within = part / 4 * (WIDE / 2) + part % 4 * 4;
    const fp16* factors = scales + (i64(panel) * groups + input / GROUP) * WIDE + within;
    fp16* to = w + i64(input) * panels * WIDE + panel * WIDE + within;
#pragma unroll
    for (int b = 0; b < 4; ++b) {
        Eight eight = {word_of(line, b) ^ SIGNS, 0};
        if (FOUR) eight = in_order(table.at(word_of(line, b)));
#pragma unroll
        for (int half = 0; half < (FOUR ? 2 : 1); ++half) {
            const int first = half * 64 + b * 16;
            const u32 word = half ? eight.second : eight.first;
            const Scales four = load_scales(factors + first);
            const float by = power_of_two(exponent);
            uint2 words;
            words.x = two(byte_of(word, 0) * (four.at(0) * by), byte_of(word, 1) * (four.at(1) * by));
            words.y = two(byte_of(word, 2) * (four.at(2) * by), byte_of(word, 3) * (four.at(3) * by));
            *reinterpret_cast<uint2*>(to + first) = words;
        }
    }
}

// x (rows, inputs) of `form` to (rows, padded inputs) and the powers of two that undo it (rows).
// A block has a row.
extern "C" __global__ void __launch_bounds__(THREADS)
    halves(fp16* to, float* undo, const void* x, int inputs, int groups, int form) {
    SHARED float parts[THREADS / WARP];
    const int pieces = groups * GROUP / PIECE, row = blockIdx.x;
    const float infinite = __uint_as_float(0x7f800000u);
    float most = 0.0f;
    for (int piece = threadIdx.x; piece < pieces; piece += THREADS) {
        float numbers[PIECE];
        read_piece(x, form, i64(row) * inputs + piece * PIECE, inputs - piece * PIECE, numbers);
#pragma unroll
        for (int i = 0; i < PIECE; ++i)
            most = fmaxf(most, fabsf(numbers[i]) < infinite ? fabsf(numbers[i]) : 0.0f);
    }
    most = most_of_warp(most);
    if (threadIdx.x % WARP == 0) parts[threadIdx.x / WARP] = most;
    __syncthreads();
#pragma unroll
    for (int i = 0; i < THREADS / WARP; ++i) most = fmaxf(most, parts[i]);
    const int exponent = max(int(__float_as_uint(most) >> 23) - 127, LEAST);
    if (threadIdx.x == 0) undo[row] = power_of_two(exponent - HIGHEST);
    const float by = power_of_two(HIGHEST - exponent);
    for (int piece = threadIdx.x; piece < pieces; piece += THREADS) {
        float numbers[PIECE];
        read_piece(x, form, i64(row) * inputs + piece * PIECE, inputs - piece * PIECE, numbers);
#pragma unroll
        for (int half = 0; half < 2; ++half) {
            u32 words[4];
#pragma unroll
            for (int i = 0; i < 4; ++i)
                words[i] = two(numbers[8 * half + 2 * i] * by, numbers[8 * half + 2 * i + 1] * by);
            store16(to + (i64(row) * pieces + piece) * PIECE + half * 8, words);
        }
    }
}

// 16-bit numbers of `form` as float32.
extern "C" __global__ void __launch_bounds__(THREADS) floats(float* to, const void* x, int count, int form) {
    const int i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= count) return;
    to[i] = form == FP16 ? widen(static_cast<const fp16*>(x)[i]) : widen(static_cast<const bf16*>(x)[i]);
}

// y = act(sums * undo / 2^exponent), or y += gate * that: sums (rows, count) lie `pitch` apart and
// belong to the outputs from `first` on.  A block has THREADS outputs of a row.
extern "C" __global__ void __launch_bounds__(THREADS)
    finish(float* y, const float* sums, const float* undo, const float* gate, int count, int pitch,
           int first, int outputs, int exponent, int act, int onto) {
    const int i = blockIdx.y * THREADS + threadIdx.x, row = blockIdx.x;
    if (i >= count) return;
    const Ending ending = {nullptr, gate, act, onto != 0};
    const float sum = sums[i64(row) * pitch + i] * undo[row] * power_of_two(-exponent);
    ending.put(y, i64(row) * outputs + first + i, first + i, sum);
}
