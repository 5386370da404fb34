// LayerNorm of rows, and of the rows of an embedding table.  Constants: TABLE, the table's type.
#include "rows.cuh"

template <int COUNT, class T>
DEVICE void write_normed(float* y, const T* x, const float* gain, const float* bias, int width,
                         Moments moments) {
    for (int c = threadIdx.x * COUNT; c < width; c += blockDim.x * COUNT) {
        const auto from = load_group<COUNT>(x + c);
        const auto gains = load_group<COUNT>(gain + c), biases = load_group<COUNT>(bias + c);
        Group<float, COUNT> to;
#pragma unroll
        for (int j = 0; j < COUNT; ++j)
            to.at[j] = (widen(from.at[j]) - moments.mean) * moments.scale * gains.at[j] + biases.at[j];
        store_group<COUNT>(y + c, to);
    }
}

template <class T>
DEVICE void norm_row(float* y, const T* x, const float* gain, const float* bias, int width) {
    const Moments moments = moments_of(x, width);
    if (width % 4 == 0 && reinterpret_cast<u64>(x) % (4 * sizeof(T)) == 0)
        write_normed<4>(y, x, gain, bias, width, moments);
    else
        write_normed<1>(y, x, gain, bias, width, moments);
}

// y[row] = norm(x[row]); x's rows lie `stride` numbers apart, y's follow each other.  A block a row.
extern "C" __global__ void __launch_bounds__(512)
    layer_norm(float* __restrict__ y, const float* __restrict__ x, const float* __restrict__ gain,
               const float* __restrict__ bias, int width, i64 stride) {
    norm_row(y + i64(blockIdx.x) * width, x + blockIdx.x * stride, gain, bias, width);
}

// y[row] = norm(table[tokens[row]]).  A block a row.
extern "C" __global__ void __launch_bounds__(512)
    embed(float* __restrict__ y, const TABLE* __restrict__ table, const int* __restrict__ tokens,
          const float* __restrict__ gain, const float* __restrict__ bias, int width) {
    const i64 token = tokens[blockIdx.x];
    norm_row(y + i64(blockIdx.x) * width, table + token * width, gain, bias, width);
}
