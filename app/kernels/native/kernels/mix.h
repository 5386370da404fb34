// Norm, token shift and blends of a token with the one before.

struct Mixing {
    float *pair, *last;
    const float *x, *gain, *bias;
    int64_t blends, batch, steps, width;
    float eps;

    RK_MEMBER Normed<float> row(int64_t index) const {
        return normed(x + index * width, gain, bias, width, eps);
    }
};

// What comes of places i and on of row `row`, given what it holds and how the one before differs.
template <class Y, class T>
RK_INLINE void put_blends(const Mixing& m, Y* y, const T* mixes, int64_t row, int64_t i, F h,
                          F change) {
    const int64_t all_rows = m.batch * m.steps * m.width, n = m.width - i;
    const int64_t at = row * m.width + i;
    for (int64_t blend = 0; blend < m.blends; ++blend) {
        const F share = load_first(mixes + blend * m.width + i, n);
        store_first(y + blend * all_rows + at, fma(change, share, h), n);
    }
    if (m.pair) {
        store_first(m.pair + at, h, n);
        store_first(m.pair + all_rows + at, change, n);
    }
}

// One token of each text: the channels are shared.
template <class Y, class T>
RK_INLINE void mix_step(const Mixing& m, Y* y, const T* mixes, const Team& team) {
    const Range mine = team.share(m.width, 4 * W);
    if (mine.begin == mine.end) return;
    for (int64_t row = 0; row < m.batch; ++row) {
        const Normed<float> now = m.row(row);
        float* last = m.last + row * m.width;
        for (int64_t i = mine.begin; i < mine.end; i += W) {
            const int64_t n = m.width - i;
            const F h = now.at(i, n);
            put_blends(m, y, mixes, row, i, h, load_first(last + i, n) - h);
            store_first(last + i, h, n);
        }
    }
}

// Many tokens: they are shared.  `last` is written when all have read it.
template <class Y, class T>
RK_INLINE void mix_steps(const Mixing& m, Y* y, const T* mixes, const Team& team) {
    const Range rows = team.share(m.batch * m.steps, 1);
    Normed<float> before{};
    for (int64_t row = rows.begin; row < rows.end; ++row) {
        const Normed<float> now = m.row(row);
        const bool begins = row % m.steps == 0;
        if (!begins && row == rows.begin) before = m.row(row - 1);
        const float* last = m.last + row / m.steps * m.width;
        for (int64_t i = 0; i < m.width; i += W) {
            const int64_t n = m.width - i;
            const F h = now.at(i, n);
            const F past = begins ? load_first(last + i, n) : before.at(i, n);
            put_blends(m, y, mixes, row, i, h, past - h);
        }
        before = now;
    }
    team.barrier();
    for (int64_t row = rows.begin; row < rows.end; ++row)
        if (row % m.steps == m.steps - 1)
            norm_row(m.last + row / m.steps * m.width, m.row(row), m.width);
}

template <class Y, class T>
RK_INLINE void mix_as(const Call& call, const Team& team) {
    const Mixing m{call.at<float>(1),       call.at<float>(5),       call.at<const float>(2),
                   call.at<const float>(3), call.at<const float>(4), call[7],
                   call[8],                 call[9],                 call[10],
                   float(call.real(11))};
    Y* y = call.at<Y>(0);
    const T* mixes = call.at<const T>(6);
    if (m.steps == 1) return mix_step(m, y, mixes, team);
    mix_steps(m, y, mixes, team);
}

template <class T>
RK_INLINE void mix_of(const Call& call, const Team& team) {
    if (call[13] == FP32) return mix_as<float, T>(call, team);
    mix_as<T, T>(call, team);
}

// y[j] = h + (p - h) * mixes[j], h being norm(x) and p the h before; arguments: y, a pair
// (h, p - h) to be written or null, x, gain, bias, last (moves on), mixes, blends, batch, steps,
// width, eps, kind of the mixes, kind of y (float32 or that of the mixes)
RK_KERNEL(mix) {
    switch (call[12]) {
        case BF16: return mix_of<bf16>(call, team);
        case FP16: return mix_of<fp16>(call, team);
        default: return mix_of<float>(call, team);
    }
}

// h + change * (mixes + high) for one blend's row.
template <class T, class V>
RK_INLINE void blend_row(T* y, const float* h, const float* change, const V* high,
                         const T* mixes, int64_t width) {
    for (int64_t i = 0; i < width; i += W) {
        const int64_t n = width - i;
        const F share = load_first(mixes + i, n) + load_first(high + i, n);
        store_first(y + i, fma(load_first(change + i, n), share, load_first(h + i, n)), n);
    }
}

template <class T>
RK_INLINE void blend6_as(const Call& call, const Team& team) {
    T* y = call.at<T>(0);
    const float* pair = call.at<const float>(1);
    const T *high = call.at<const T>(2), *mixes = call.at<const T>(3);
    const int64_t blends = call[4], count = call[5], width = call[6], whole = count * width;
    const Range rows = team.share(count, 1);
    for (int64_t row = rows.begin; row < rows.end; ++row)
        for (int64_t blend = 0; blend < blends; ++blend) {
            const int64_t at = row * width;
            blend_row(y + blend * whole + at, pair + at, pair + whole + at,
                      high + blend * whole + at, mixes + blend * width, width);
        }
}

// y[j] = h + change * (mixes[j] + high[j]); arguments: y, pair (h, change), high, mixes, blends,
// rows, width, kind of all but the pair
RK_KERNEL(blend6) {
    switch (call[7]) {
        case BF16: return blend6_as<bf16>(call, team);
        case FP16: return blend6_as<fp16>(call, team);
        default: return blend6_as<float>(call, team);
    }
}
