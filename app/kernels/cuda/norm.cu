// LayerNorm of rows.  Constants: none.
#include "core.cuh"

constexpr float LAYER_EPS = 1e-5f;

// y[row] = norm(x[row]); x's rows lie `stride` numbers apart, y's follow each other.  One block a row.
extern "C" __global__ void layer_norm(float* y, const float* x, const float* gain, const float* bias,
                                      int width, i64 stride) {
    x += blockIdx.x * stride;
    y += i64(blockIdx.x) * width;
    float sum = 0.0f;
    for (int i = threadIdx.x; i < width; i += blockDim.x) sum += x[i];
    const float mean = sum_of_block(sum) / width;
    float squares = 0.0f;
    for (int i = threadIdx.x; i < width; i += blockDim.x) squares += (x[i] - mean) * (x[i] - mean);
    const float scale = rsqrtf(sum_of_block(squares) / width + LAYER_EPS);
    for (int i = threadIdx.x; i < width; i += blockDim.x)
        y[i] = (x[i] - mean) * scale * gain[i] + bias[i];
}
