// Low-rank chains side by side for a few rows, each chain read up to its own rank.

constexpr int FIRST_RANK = 13;  // of the arguments; two for each chain

struct Chains {
    int64_t count, rows, width, rank, outputs;

    RK_MEMBER int64_t rank_of(const Call& call, int64_t chain) const {
        return call[FIRST_RANK + 2 * int(chain)];
    }
};

// The products of LINES rows of a matrix with x.
template <int LINES, class X, class T>
RK_INLINE void lines_times(float* y, const T* lines, int64_t distance, const X* x, int64_t width) {
    F totals[LINES];
    for (int line = 0; line < LINES; ++line) totals[line] = zero();
    int64_t i = 0;
    for (; i + W <= width; i += W)
        for (int line = 0; line < LINES; ++line)
            totals[line] = fma(load(lines + line * distance + i), load(x + i), totals[line]);
    if (i < width)
        for (int line = 0; line < LINES; ++line)
            totals[line] = fma(load_first(lines + line * distance + i, width - i),
                               load_first(x + i, width - i), totals[line]);
    for (int line = 0; line < LINES; ++line) y[line] = sum(totals[line]);
}

// All products of lines `mine` of a matrix with x, to y[0...].
template <class X, class T>
RK_INLINE void all_lines_times(float* y, const T* lines, int64_t distance, const X* x, int64_t width,
                        int64_t count) {
    int64_t line = 0;
    for (; line + 4 <= count; line += 4)
        lines_times<4>(y + line, lines + line * distance, distance, x, width);
    for (; line < count; ++line) lines_times<1>(y + line, lines + line * distance, distance, x, width);
}

RK_INLINE void activate(float* y, int64_t count, int64_t act) {
    if (act == NO_ACT) return;
    for (int64_t i = 0; i < count; i += W)
        store_first(y + i, act_of(load_first(y + i, count - i), act), count - i);
}

// The part of one chain that is in `mine`, where the chain's lines begin at `begin`.
RK_INLINE Range cut(Range mine, int64_t begin, int64_t count) {
    const int64_t from = most(0, mine.begin - begin), to = least(count, mine.end - begin);
    return {from, most(from, to)};
}

template <class X, class T>
RK_INLINE void go_down(const Call& call, const Team& team, const Chains& c) {
    int64_t total = 0;
    for (int64_t chain = 0; chain < c.count; ++chain) total += c.rank_of(call, chain);
    const Range mine = team.share(total, W);
    for (int64_t chain = 0, begin = 0; chain < c.count; begin += c.rank_of(call, chain++)) {
        const Range part = cut(mine, begin, c.rank_of(call, chain));
        const T* lines = call.at<const T>(3) + (chain * c.rank + part.begin) * c.width;
        for (int64_t row = 0; row < c.rows && part.begin < part.end; ++row) {
            const int64_t at = chain * c.rows + row;
            float* low = call.at<float>(1) + at * c.rank + part.begin;
            const X* x = call.at<const X>(2) + at * c.width;
            all_lines_times(low, lines, c.width, x, c.width, part.end - part.begin);
            activate(low, part.end - part.begin, call[FIRST_RANK + 2 * int(chain) + 1]);
        }
    }
}

template <class T>
RK_INLINE void go_up(const Call& call, const Team& team, const Chains& c) {
    const Range mine = team.share(c.count * c.outputs, W);
    for (int64_t chain = 0; chain < c.count; ++chain) {
        const Range part = cut(mine, chain * c.outputs, c.outputs);
        const int64_t count = part.end - part.begin;
        const T* lines = call.at<const T>(4) + (chain * c.outputs + part.begin) * c.rank;
        const float* bias = call.at<const float>(5) + chain * c.outputs + part.begin;
        for (int64_t row = 0; row < c.rows && count > 0; ++row) {
            const int64_t at = chain * c.rows + row;
            const float* low = call.at<const float>(1) + at * c.rank;
            float* y = call.at<float>(0) + at * c.outputs + part.begin;
            all_lines_times(y, lines, c.rank, low, c.rank_of(call, chain), count);
            for (int64_t i = 0; i < count; i += W)
                store_first(y + i, load_first(y + i, count - i) + load_first(bias + i, count - i),
                            count - i);
        }
    }
}

template <class X, class T>
RK_INLINE void loras_as(const Call& call, const Team& team) {
    const Chains chains{call[6], call[7], call[8], call[9], call[10]};
    go_down<X, T>(call, team, chains);
    team.barrier();
    go_up<T>(call, team, chains);
}

template <class T>
RK_INLINE void loras_of(const Call& call, const Team& team) {
    if (call[11] == FP32) return loras_as<float, T>(call, team);
    loras_as<T, T>(call, team);
}

// bias + up act(down x) for each chain; arguments: 0 y (n, rows, A), 1 scratch (n, rows, D),
// 2 x (n, rows, C), 3 down (n, D, C), 4 up (n, A, D), 5 bias (n, A), 6 n, 7 rows, 8 C, 9 D, 10 A,
// 11 kind of x (float32 or as the matrices), 12 kind of the matrices, from 13 on each chain's rank and act (matvec16.h)
RK_KERNEL(loras) {
    switch (call[12]) {
        case BF16: return loras_of<bf16>(call, team);
        case FP16: return loras_of<fp16>(call, team);
        default: return loras_of<float>(call, team);
    }
}

// 0 y (n, rows, C), 1 pair (h, change), 2 low (rows, n D), 3 up (n, C, D), 4 mixes (n, C),
// 5 n, 6 rows, 7 C, 8 D
template <class Y, class L, class T>
RK_INLINE void mix6_as(const Call& call, const Team& team) {
    const int64_t n = call[5], rows = call[6], width = call[7], rank = call[8];
    const Range mine = team.share(n * width, W);
    for (int64_t blend = 0; blend < n; ++blend) {
        const Range part = cut(mine, blend * width, width);
        for (int64_t i = part.begin; i < part.end; i += W) {
            const int64_t count = least(W, part.end - i);
            const T* lines = call.at<const T>(3) + (blend * width + i) * rank;
            for (int64_t row = 0; row < rows; ++row) {
                const L* low = call.at<const L>(2) + (row * n + blend) * rank;
                float high[W];
                all_lines_times(high, lines, rank, low, rank, count);
                const F share = load_first(high, count) +
                                load_first(call.at<const T>(4) + blend * width + i, count);
                const float* h = call.at<const float>(1) + row * width + i;
                store_first(call.at<Y>(0) + (blend * rows + row) * width + i,
                            fma(load_first(h + rows * width, count), share, load_first(h, count)),
                            count);
            }
        }
    }
}

template <class T>
RK_INLINE void mix6_of(const Call& call, const Team& team) {
    const bool wide = call[9] == FP32;
    if (call[11] == FP32) return wide ? mix6_as<float, float, T>(call, team)
                                      : mix6_as<float, T, T>(call, team);
    return wide ? mix6_as<T, float, T>(call, team) : mix6_as<T, T, T>(call, team);
}

// y[j] = h + change * (mixes[j] + up[j] low[j]) for a few rows; arguments: as in mix6_as, then
// 9 kind of low, 10 kind of up and mixes, 11 kind of y; low and y are float32 or as the mixes
RK_KERNEL(mix6) {
    switch (call[10]) {
        case BF16: return mix6_of<bf16>(call, team);
        case FP16: return mix6_of<fp16>(call, team);
        default: return mix6_of<float>(call, team);
    }
}
