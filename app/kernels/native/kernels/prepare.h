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

// One head's projections and raw chains; `value` and `first` are null without a value chain.
struct Raw7 {
    const float *k, *v, *value, *decay, *rate, *first;
    const float* keys;  // (3, A), from the head's first channel on
};

// What becomes of them; v is not written without a value chain.
struct Made7 {
    float *log_decay, *k, *v, *kk, *rate;
};

RK_INLINE void prepare_head(const Raw7& raw, const Made7& made, int64_t size, int64_t width) {
    F squares = zero();
    for (int64_t i = 0; i < size; i += W) {
        const int64_t n = size - i;
        const F one = load_first(raw.k + i, n) * load_first(raw.keys + i, n);
        squares = fma(one, one, squares);
        store_first(made.kk + i, one, n);
    }
    const float length = sqrtf(sum(squares));
    const F inverse = all(1.0f / (length > LEAST_LENGTH ? length : LEAST_LENGTH));
    for (int64_t i = 0; i < size; i += W) {
        const int64_t n = size - i;
        store_first(made.kk + i, load_first(made.kk + i, n) * inverse, n);
        const F rate = sigmoid(load_first(raw.rate + i, n));
        store_first(made.rate + i, rate, n);
        store_first(made.log_decay + i, sigmoid(load_first(raw.decay + i, n)) * all(HALF_DECAY), n);
        const F kept = load_first(raw.keys + 2 * width + i, n);
        const F changed = load_first(raw.keys + width + i, n);
        store_first(made.k + i, load_first(raw.k + i, n) * fma(changed, rate, kept), n);
        if (raw.first) {
            const F v = load_first(raw.v + i, n), share = sigmoid(load_first(raw.value + i, n));
            store_first(made.v + i, fma(share, load_first(raw.first + i, n) - v, v), n);
        }
    }
}

// Generation 7's delta from k, v and the raw chains (value,) decay, rate; arguments:
// 0 log_decay, 1 k, 2 v (null without a value chain), 3 kk, 4 rate: all to be written; may be
// what is read
// 5 k, 6 v, 7 raw value chain or null, 8 raw decay, 9 raw rate, 10 first or null, 11 keys (3, A),
// 12 rows, 13 heads, 14 size
RK_KERNEL(prepare7) {
    const int64_t heads = call[13], size = call[14], width = heads * size;
    const bool chained = call[10] != 0;
    const Range mine = team.share(call[12] * heads, 1);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
        const int64_t at = unit * size;
        const Raw7 raw = {call.at<const float>(5) + at,
                          call.at<const float>(6) + at,
                          chained ? call.at<const float>(7) + at : nullptr,
                          call.at<const float>(8) + at,
                          call.at<const float>(9) + at,
                          chained ? call.at<const float>(10) + at : nullptr,
                          call.at<const float>(11) + unit % heads * size};
        const Made7 made = {call.at<float>(0) + at, call.at<float>(1) + at,
                            chained ? call.at<float>(2) + at : nullptr, call.at<float>(3) + at,
                            call.at<float>(4) + at};
        prepare_head(raw, made, size, width);
    }
}
