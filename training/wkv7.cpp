// The RWKV-7 state recurrence for training: forward and backward over whole sequences on the CPU.
// It knows nothing of models or of torch; every array is contiguous fp32 in (batch, time, head, N).
//
//   sa_i = sum_j S_ij a_j          S_ij <- S_ij w_j + sa_i b_j + v_i k_j          y_i = sum_j S_ij r_j
//
// i is the value index, j the key index. The forward pass keeps the state before every 16th step;
// the backward pass recomputes the 16 states in between and never divides by the decay.

#include <cstdint>
#include <cstring>
#include <vector>

namespace {

constexpr int64_t kStride = 16;  // steps between two kept states

struct Inputs {
    const float *r, *w, *k, *v, *a, *b;
};

struct Gradients {
    float *r, *w, *k, *v, *a, *b;
};

template <int N>
void step(float* __restrict S, const float* __restrict w, const float* __restrict k,
          const float* __restrict v, const float* __restrict a, const float* __restrict b,
          float* __restrict sa_out) {
    for (int i = 0; i < N; ++i) {
        float* row = S + i * N;
        float sa = 0.f;
        for (int j = 0; j < N; ++j) sa += row[j] * a[j];
        const float vi = v[i];
        for (int j = 0; j < N; ++j) row[j] = row[j] * w[j] + sa * b[j] + vi * k[j];
        sa_out[i] = sa;
    }
}

template <int N>
void forward_head(int64_t T, int64_t stride, Inputs in, float* y, float* kept) {
    alignas(64) float S[N * N] = {};
    alignas(64) float sa[N];
    for (int64_t t = 0; t < T; ++t) {
        if (t % kStride == 0) std::memcpy(kept + (t / kStride) * N * N, S, sizeof(S));
        const int64_t at = t * stride;
        step<N>(S, in.w + at, in.k + at, in.v + at, in.a + at, in.b + at, sa);
        const float* __restrict r = in.r + at;
        for (int i = 0; i < N; ++i) {
            float sum = 0.f;
            for (int j = 0; j < N; ++j) sum += S[i * N + j] * r[j];
            y[at + i] = sum;
        }
    }
}

template <int N>
void backward_head(int64_t T, int64_t stride, Inputs in, const float* dy_all, const float* kept,
                   Gradients out) {
    // before[n] is the state before step n of the chunk; before[n + 1] the one after it.
    std::vector<float> before((kStride + 1) * N * N);
    std::vector<float> sa_chunk(kStride * N);
    alignas(64) float dS[N * N] = {};
    for (int64_t start = ((T - 1) / kStride) * kStride; start >= 0; start -= kStride) {
        const int64_t steps = (T - start < kStride) ? T - start : kStride;
        std::memcpy(before.data(), kept + (start / kStride) * N * N, sizeof(float) * N * N);
        for (int64_t n = 0; n < steps; ++n) {
            float* next = before.data() + (n + 1) * N * N;
            std::memcpy(next, next - N * N, sizeof(float) * N * N);
            const int64_t at = (start + n) * stride;
            step<N>(next, in.w + at, in.k + at, in.v + at, in.a + at, in.b + at,
                    sa_chunk.data() + n * N);
        }
        for (int64_t n = steps - 1; n >= 0; --n) {
            const int64_t at = (start + n) * stride;
            const float *__restrict r = in.r + at, *__restrict w = in.w + at,
                        *__restrict k = in.k + at, *__restrict v = in.v + at,
                        *__restrict a = in.a + at, *__restrict b = in.b + at,
                        *__restrict dy = dy_all + at, *__restrict sa = sa_chunk.data() + n * N;
            const float* __restrict old = before.data() + n * N * N;
            const float* __restrict now = old + N * N;
            alignas(64) float dr[N] = {}, dw[N] = {}, dk[N] = {}, da[N] = {}, db[N] = {};
            for (int i = 0; i < N; ++i) {
                float* __restrict grad = dS + i * N;
                const float dyi = dy[i], vi = v[i], sai = sa[i];
                float dv = 0.f, dsa = 0.f;
                for (int j = 0; j < N; ++j) {
                    const float g = grad[j] + dyi * r[j];
                    grad[j] = g;
                    dr[j] += dyi * now[i * N + j];
                    dw[j] += g * old[i * N + j];
                    dk[j] += g * vi;
                    db[j] += g * sai;
                    dv += g * k[j];
                    dsa += g * b[j];
                }
                for (int j = 0; j < N; ++j) {
                    da[j] += dsa * old[i * N + j];
                    grad[j] = grad[j] * w[j] + dsa * a[j];
                }
                out.v[at + i] = dv;
            }
            for (int j = 0; j < N; ++j) {
                out.r[at + j] = dr[j];
                out.w[at + j] = dw[j];
                out.k[at + j] = dk[j];
                out.a[at + j] = da[j];
                out.b[at + j] = db[j];
            }
        }
    }
}

template <int N>
void forward_all(int64_t B, int64_t T, int64_t H, Inputs in, float* y, float* kept) {
    const int64_t chunks = (T + kStride - 1) / kStride;
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (int64_t row = 0; row < B; ++row)
        for (int64_t head = 0; head < H; ++head) {
            const int64_t at = row * T * H * N + head * N;
            const Inputs here{in.r + at, in.w + at, in.k + at, in.v + at, in.a + at, in.b + at};
            forward_head<N>(T, H * N, here, y + at, kept + (row * H + head) * chunks * N * N);
        }
}

template <int N>
void backward_all(int64_t B, int64_t T, int64_t H, Inputs in, const float* dy, const float* kept,
                  Gradients out) {
    const int64_t chunks = (T + kStride - 1) / kStride;
#pragma omp parallel for collapse(2) schedule(dynamic)
    for (int64_t row = 0; row < B; ++row)
        for (int64_t head = 0; head < H; ++head) {
            const int64_t at = row * T * H * N + head * N;
            const Inputs here{in.r + at, in.w + at, in.k + at, in.v + at, in.a + at, in.b + at};
            const Gradients there{out.r + at, out.w + at, out.k + at,
                                  out.v + at, out.a + at, out.b + at};
            backward_head<N>(T, H * N, here, dy + at, kept + (row * H + head) * chunks * N * N,
                             there);
        }
}

}  // namespace

extern "C" {

// Returns 0, or 1 for a head size that is not compiled in.
int wkv7_forward(int64_t B, int64_t T, int64_t H, int64_t N, const float* r, const float* w,
                 const float* k, const float* v, const float* a, const float* b, float* y,
                 float* kept) {
    const Inputs in{r, w, k, v, a, b};
    if (N == 64) return forward_all<64>(B, T, H, in, y, kept), 0;
    if (N == 32) return forward_all<32>(B, T, H, in, y, kept), 0;
    return 1;
}

int wkv7_backward(int64_t B, int64_t T, int64_t H, int64_t N, const float* r, const float* w,
                  const float* k, const float* v, const float* a, const float* b, const float* dy,
                  const float* kept, float* dr, float* dw, float* dk, float* dv, float* da,
                  float* db) {
    const Inputs in{r, w, k, v, a, b};
    const Gradients out{dr, dw, dk, dv, da, db};
    if (N == 64) return backward_all<64>(B, T, H, in, dy, kept, out), 0;
    if (N == 32) return backward_all<32>(B, T, H, in, dy, kept, out), 0;
    return 1;
}
}
