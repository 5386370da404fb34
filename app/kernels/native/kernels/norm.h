// Layer norm, and the embedding that begins with one.

// Mean, and 1 / deviation, of n numbers.
struct Moments {
    float mean, scale;
};

template <class T>
RK_INLINE Moments moments(const T* x, int64_t n, float eps) {
    F total = zero();
    for (int64_t i = 0; i < n; i += W) total = total + load_first(x + i, n - i);
    const float mean = sum(total) / float(n);
    F squares = zero();
    for (int64_t i = 0; i < n; i += W) {
        // beyond the end the difference must be 0, not -mean
        const F apart = load_first(x + i, n - i) - first(all(mean), n - i);
        squares = fma(apart, apart, squares);
    }
    return {mean, 1.0f / sqrtf(sum(squares) / float(n) + eps)};
}

// One row of a layer norm, computed where it is asked for.
template <class T>
struct Normed {
    const T* x;
    const float *gain, *bias;
    Moments m;

    RK_MEMBER F at(int64_t i, int64_t n) const {
        const F even = (load_first(x + i, n) - all(m.mean)) * all(m.scale);
        return fma(even, load_first(gain + i, n), load_first(bias + i, n));
    }
};

template <class T>
RK_INLINE Normed<T> normed(const T* x, const float* gain, const float* bias, int64_t width,
                           float eps) {
    return {x, gain, bias, moments(x, width, eps)};
}

template <class T>
RK_INLINE void norm_row(float* y, const Normed<T>& row, int64_t width) {
    for (int64_t i = 0; i < width; i += W) store_first(y + i, row.at(i, width - i), width - i);
}

// y = norm(x) * gain + bias, row by row; arguments: y, x, gain, bias, rows, width, eps
RK_KERNEL(norm) {
    float* y = call.at<float>(0);
    const float* x = call.at<const float>(1);
    const float *gain = call.at<const float>(2), *bias = call.at<const float>(3);
    const int64_t width = call[5];
    const Range rows = team.share(call[4], 1);
    for (int64_t row = rows.begin; row < rows.end; ++row)
        norm_row(y + row * width, normed(x + row * width, gain, bias, width, float(call.real(6))),
                 width);
}

template <class T>
RK_INLINE void embed_rows(const Call& call, const Team& team) {
    float* y = call.at<float>(0);
    const T* table = call.at<const T>(1);
    const int64_t* tokens = call.at<const int64_t>(2);
    const float *gain = call.at<const float>(3), *bias = call.at<const float>(4);
    const int64_t steps = call[6], width = call[7];
    const Range rows = team.share(call[5] * steps, 1);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
        const int64_t token = tokens[row / steps * call[8] + row % steps * call[9]];
        norm_row(y + row * width,
                 normed(table + token * width, gain, bias, width, float(call.real(10))), width);
    }
}

// Rows of a table, normed; arguments: y, table, tokens, gain, bias, batch, steps, width,
// the tokens' distance from text to text and from token to token, eps, kind of the table
RK_KERNEL(embed) {
    switch (call[11]) {
        case BF16: return embed_rows<bf16>(call, team);
        case FP16: return embed_rows<fp16>(call, team);
        default: return embed_rows<float>(call, team);
    }
}
