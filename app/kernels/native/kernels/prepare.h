// From projections and low-rank chains to what the recurrences take.

// -exp(x); arguments: y, x, count
RK_KERNEL(decay6) {
    float* y = call.at<float>(0);
    const float* x = call.at<const float>(1);
    const Range mine = team.share(call[2], 4 * W);
    for (int64_t i = mine.begin; i < mine.end; i += W) {
        const int64_t n = mine.end - i;
        store_first(y + i, zero() - exp(load_first(x + i, n)), n);
    }
}

constexpr float LEAST_LENGTH = 1e-12f;
constexpr float HALF_DECAY = -0.606531f;  // -e^(-1/2), as official implementations have it

// Generation 7's delta from k, v and the raw chains (value,) decay, rate; arguments:
// 0 log_decay, 1 k, 2 v (null without a value chain), 3 kk, 4 rate: all to be written; may be
// what is read
// 5 k, 6 v, 7 raw value chain or null, 8 raw decay, 9 raw rate, 10 first or null, 11 keys (3, A),
// 12 rows, 13 heads, 14 size
RK_KERNEL(prepare7) {
    const int64_t heads = call[13], size = call[14], width = heads * size;
    const Range mine = team.share(call[12] * heads, 1);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
        const int64_t at = unit * size;
        const float* keys = call.at<const float>(11) + unit % heads * size;
        const float* k = call.at<const float>(5) + at;
        float* kk = call.at<float>(3) + at;
        F squares = zero();
        for (int64_t i = 0; i < size; i += W) {
            const int64_t n = size - i;
            const F one = load_first(k + i, n) * load_first(keys + i, n);
            squares = fma(one, one, squares);
            store_first(kk + i, one, n);
        }
        const float length = sqrtf(sum(squares));
        const F inverse = all(1.0f / (length > LEAST_LENGTH ? length : LEAST_LENGTH));
        for (int64_t i = 0; i < size; i += W) {
            const int64_t n = size - i, j = at + i;
            store_first(kk + i, load_first(kk + i, n) * inverse, n);
            const F rate = sigmoid(load_first(call.at<const float>(9) + j, n));
            store_first(call.at<float>(4) + j, rate, n);
            const F decay = sigmoid(load_first(call.at<const float>(8) + j, n));
            store_first(call.at<float>(0) + j, decay * all(HALF_DECAY), n);
            const F kept = load_first(keys + 2 * width + i, n);
            const F changed = load_first(keys + width + i, n);
            store_first(call.at<float>(1) + j, load_first(k + i, n) * fma(changed, rate, kept), n);
            if (call.at<const float>(10)) {
                const F v = load_first(call.at<const float>(6) + j, n);
                const F share = sigmoid(load_first(call.at<const float>(7) + j, n));
                const F first = load_first(call.at<const float>(10) + j, n);
                store_first(call.at<float>(2) + j, fma(share, first - v, v), n);
            }
        }
    }
}
