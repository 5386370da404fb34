// Layer norm.

// Mean, and 1 / deviation, of n numbers.
struct Moments {
    float mean, scale;
};

RK_INLINE Moments moments(const float* x, int64_t n, float eps) {
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

// y = norm(x) * gain + bias, row by row; arguments: y, x, gain, bias, rows, width, eps
RK_KERNEL(norm) {
    float* y = call.at<float>(0);
    const float* x = call.at<const float>(1);
    const float *gain = call.at<const float>(2), *bias = call.at<const float>(3);
    const int64_t width = call[5];
    const Range rows = team.share(call[4], 1);
    for (int64_t row = rows.begin; row < rows.end; ++row) {
        const float* from = x + row * width;
        float* to = y + row * width;
        const Moments m = moments(from, width, float(call.real(6)));
        for (int64_t i = 0; i < width; i += W) {
            const int64_t n = width - i;
            const F even = (load_first(from + i, n) - all(m.mean)) * all(m.scale);
            store_first(to + i, fma(even, load_first(gain + i, n), load_first(bias + i, n)), n);
        }
    }
}
