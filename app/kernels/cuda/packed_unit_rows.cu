// Products of some rows with packed matrices by unit, on matrix units for signed bytes.
// Constant: KIND.
//
// Where there are more than two rows few inputs are zero in all of them, so all are read.  A warp
// takes 16 inputs of a panel at once: lane 4 g + t has 16 bytes, the g-th of eight lots, of four of
// them.  Bytes of four inputs put together are a row of a product of matrices, as `multiply` wants it.
#include "packed_multiply.cuh"
#include "packed_split.cuh"

constexpr int WARPS = 4;
constexpr int DEPTH = 16;                         // inputs of a product
constexpr int STEP = GROUP < 32 ? GROUP : 32;     // inputs a warp has on their way; of one group
constexpr int STEPS = GROUP / STEP;               // of a group
constexpr int PRODUCTS = STEP / DEPTH;
constexpr int PARTS = FOUR ? 2 : 1;               // words that four codes make
constexpr int LINE = ROW * DEPTH;                 // bytes of a product's inputs

// Byte k of the four words, in turn, as word k.
DEVICE void turn(u32 (&w)[4]) {
    const u32 a = permuted(w[0], w[1], 0x5140), b = permuted(w[2], w[3], 0x5140);
    const u32 c = permuted(w[0], w[1], 0x7362), d = permuted(w[2], w[3], 0x7362);
    w[0] = permuted(a, b, 0x5410), w[1] = permuted(a, b, 0x7632);
    w[2] = permuted(c, d, 0x5410), w[3] = permuted(c, d, 0x7632);
}

// Output k of part p of word `word` of a lot, from the lot's first (layout.py).
DEVICE int output_of(int word, int p, int k) {
    return word * 16 + (FOUR ? 2 * p + k / 2 + k % 2 * 64 : k);
}

struct Step {
    uint4 rows[PRODUCTS][4];
};

// Sums of a word's outputs: [part][pair of outputs], as `multiply` has them.
template <class T>
struct Sums {
    T at[PARTS][2][4];
};

DEVICE void multiply_word(Sums<int>& high, Sums<int>& low, const Step& step, int word, const uint2* x,
                          const Table& table) {
#pragma unroll
    for (int product = 0; product < PRODUCTS; ++product) {
        u32 first[4], second[4];
#pragma unroll
        for (int u = 0; u < 4; ++u) {
            const u32 codes = word_of(step.rows[product][u], word);
            const Eight eight = FOUR ? table.at(codes) : Eight{codes ^ SIGNS, 0};
            first[u] = eight.first, second[u] = eight.second;
        }
        turn(first);
        if (FOUR) turn(second);
#pragma unroll
        for (int part = 0; part < PARTS; ++part)
#pragma unroll
            for (int pair = 0; pair < 2; ++pair) {
                const u32 a = part ? second[2 * pair] : first[2 * pair];
                const u32 b = part ? second[2 * pair + 1] : first[2 * pair + 1];
                multiply(high.at[part][pair], a, b, x[product].x);
                multiply(low.at[part][pair], a, b, x[product].y);
            }
    }
}

DEVICE void add_word(Sums<float>& sums, const Sums<int>& high, const Sums<int>& low,
                     const fp16* scales, float2 factor) {
    const Scales lower = load_scales(scales), upper = FOUR ? load_scales(scales + 64) : lower;
#pragma unroll
    for (int part = 0; part < PARTS; ++part)
#pragma unroll
        for (int pair = 0; pair < 2; ++pair)
#pragma unroll
            for (int i = 0; i < 4; ++i) {
                const int k = 2 * pair + i / 2, place = FOUR ? 2 * part + k / 2 : k;
                const float scale = FOUR && k % 2 ? upper.at(place) : lower.at(place);
                sums.at[part][pair][i] += float(high.at[part][pair][i] * 256 + low.at[part][pair][i]) *
                                          (scale * (i % 2 ? factor.y : factor.x));
            }
}

// x (rows, inputs) of `form` as whole numbers; see make_whole.
extern "C" __global__ void __launch_bounds__(256)
    whole_units(u32* words, float* factors, const void* x, int rows, int inputs, int form, int tiles) {
    make_whole<false>(words, factors, x, rows, inputs, form, tiles);
}

// out += gate * (x W^T) with what `whole_units` made of x: out (rows, outputs).  The grid is (panels
// and, within each, passes of TILE rows, blocks of a panel), each block with `span` groups; `left`
// and `come` are those of Split, for each pass.
extern "C" __global__ void __launch_bounds__(WARPS* WARP, FOUR ? 2 : 3)
    packed_unit_rows(float* out, const u32* words, const float* factors, const u8* codes,
                     const fp16* scales, const float* gate, float* left, int* come, int rows,
                     int outputs, int inputs, int span) {
    SHARED float parts[WARPS][TILE][WIDE];
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP, lot = lane / 4, column = lane % 4 * 2;
    const int passes = (rows + TILE - 1) / TILE, panel = blockIdx.x / passes, pass = blockIdx.x % passes;
    const int groups = (inputs + GROUP - 1) / GROUP, begin = blockIdx.y * span * STEPS;
    const int end = min(groups, int(blockIdx.y + 1) * span) * STEPS;
    const int first_output = lot / 4 * (WIDE / 2) + lot % 4 * 4;
    codes += i64(panel) * groups * GROUP * ROW + lane % 4 * 4 * ROW + lot * 16;
    scales += i64(panel) * groups * WIDE + first_output;
    words += i64(pass) * groups * (GROUP / DEPTH) * WARP * 2 + lane * 2;
    factors += i64(pass) * groups * TILE + column;

    const Table table(0);
    Sums<float> sums[4] = {};
    for (int at = begin + warp; at < end; at += WARPS) {
        const int group = at / STEPS;
        Step step;
        uint2 x[PRODUCTS];
#pragma unroll
        for (int product = 0; product < PRODUCTS; ++product) {
            const i64 place = i64(at) * PRODUCTS + product;
#pragma unroll
            for (int u = 0; u < 4; ++u)
                step.rows[product][u] = load16_once(codes + place * LINE + u * ROW);
            x[product] = *reinterpret_cast<const uint2*>(words + place * WARP * 2);
        }
        const float2 factor = *reinterpret_cast<const float2*>(factors + i64(group) * TILE);
#pragma unroll
        for (int word = 0; word < 4; ++word) {
            Sums<int> high = {}, low = {};
            multiply_word(high, low, step, word, x, table);
            add_word(sums[word], high, low, scales + i64(group) * WIDE + word * 16, factor);
        }
    }
#pragma unroll
    for (int word = 0; word < 4; ++word)
#pragma unroll
        for (int part = 0; part < PARTS; ++part)
#pragma unroll
            for (int i = 0; i < 8; ++i) {
                const int output = first_output + output_of(word, part, i / 2);
                parts[warp][column + i % 2][output] = sums[word].at[part][i / 4][i % 4];
            }
    __syncthreads();
    const int some = min(rows - pass * TILE, TILE), panels = gridDim.x / passes;
    left += i64(pass) * gridDim.y * TILE * panels * WIDE;
    const Split split = {left, come + blockIdx.x, panel, panels, TILE};
    for (int i = threadIdx.x; i < some * WIDE; i += WARPS * WARP) {
        float sum = 0.0f;
#pragma unroll
        for (int one = 0; one < WARPS; ++one) sum += parts[one][i / WIDE][i % WIDE];
        split.leave(i, sum);
    }
    const i64 before = i64(pass) * TILE * outputs;
    if (split.last()) split.add_all(out + before, gate ? gate + before : gate, some, outputs);
}
