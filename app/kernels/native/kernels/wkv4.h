// Generation 4's running softmax over the past, channel by channel.

// A logarithm in two floats: a slow decay, added to a peak hundreds of times, must not be lost in
// the rounding of each sum.
struct Peak {
    F high, low;

    RK_MEMBER Peak faded(F decay) const {
        const F step = decay + low, whole = high + step, taken = whole - high;
        return {whole, (high - (whole - taken)) + (step - taken)};
    }
};

// exp(a - peak) and exp(b - peak) of the larger as peak: one of them is 1.
struct Shares {
    F a, b;
    Peak peak;
};

RK_INLINE Shares shares(Peak a, F b) {
    const F apart = (a.high - b) + a.low, one = all(1.0f);
    const F small = exp(lesser(apart, zero() - apart));
    const F high = where_less(apart, zero(), b, a.high);
    const F low = where_less(apart, zero(), zero(), a.low);
    return {where_less(apart, zero(), small, one), where_less(apart, zero(), one, small),
            {high, low}};
}

// sigmoid(r) * (past + exp(bonus + k) v) / (...); arguments: y, r, k, v, decay (log w < 0), bonus,
// state (batch, 3, width: numerator, denominator, peak), batch, steps, width
RK_KERNEL(wkv4) {
    const int64_t batch = call[7], steps = call[8], width = call[9];
    const int64_t blocks = (width + W - 1) / W;
    const Range mine = team.share(batch * blocks, 1);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
        const int64_t text = unit / blocks, i = unit % blocks * W, n = width - i;
        const int64_t from = text * steps * width + i;
        float* y = call.at<float>(0) + from;
        const float *r = call.at<const float>(1) + from, *k = call.at<const float>(2) + from;
        const float* v = call.at<const float>(3) + from;
        float* state = call.at<float>(6) + text * 3 * width + i;
        // without infinities a difference is always a number
        const F decay = greater(all(-1e30f), load_first(call.at<const float>(4) + i, n));
        const F bonus = load_first(call.at<const float>(5) + i, n);
        F above = load_first(state, n), below = load_first(state + width, n);
        Peak peak{load_first(state + 2 * width, n), zero()};
        for (int64_t t = 0; t < steps; ++t) {
            const int64_t at = t * width;
            const F key = load_first(k + at, n), value = load_first(v + at, n);
            const Shares now = shares(peak, key + bonus);
            const F top = fma(now.b, value, now.a * above), bottom = fma(now.a, below, now.b);
            store_first(y + at, sigmoid(load_first(r + at, n)) * top / bottom, n);
            const Shares next = shares(peak.faded(decay), key);
            above = fma(next.b, value, next.a * above);
            below = fma(next.a, below, next.b);
            peak = next.peak;
        }
        store_first(state, above, n);
        store_first(state + width, below, n);
        store_first(state + 2 * width, peak.high, n);
    }
}
