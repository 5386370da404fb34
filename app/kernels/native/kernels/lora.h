// Low-rank chains side by side for a few rows, each chain read up to its own rank.

constexpr int FIRST_RANK = 13;  // of the arguments; two for each chain

struct Chains {
    int64_t count, rows, width, rank, outputs;

    RK_MEMBER int64_t rank_of(const Call& call, int64_t chain) const {
        return call[FIRST_RANK + 2 * int(chain)];
    }
};

// Rows of inputs or of results, `step` numbers apart.
template <class T>
struct Rows {
    T* at;
    int64_t step;
};

// L lines of a matrix, `distance` numbers apart, times M rows of x, U vectors at a time.
template <int U, int L, int M, class X, class T>
RK_INLINE void lines_times(
    Rows<float> y, const T* lines, int64_t distance, Rows<const X> x, int64_t width) {
    F sums[U][L][M];
    for (int u = 0; u < U; ++u)
        for (int l = 0; l < L; ++l)
            for (int m = 0; m < M; ++m) sums[u][l][m] = zero();
    int64_t i = 0;
    for (; i + U * W <= width; i += U * W)
        for (int u = 0; u < U; ++u) {
            F weight[L];
            for (int l = 0; l < L; ++l) weight[l] = load(lines + l * distance + i + u * W);
            for (int m = 0; m < M; ++m) {
                const F some = load(x.at + m * x.step + i + u * W);
                for (int l = 0; l < L; ++l) sums[u][l][m] = fma(weight[l], some, sums[u][l][m]);
            }
        }
    for (; i < width; i += W)
        for (int m = 0; m < M; ++m) {
            const F some = load_first(x.at + m * x.step + i, width - i);
            for (int l = 0; l < L; ++l) {
                const F weight = load_first(lines + l * distance + i, width - i);
                sums[0][l][m] = fma(weight, some, sums[0][l][m]);
            }
        }
    for (int m = 0; m < M; ++m)
        for (int l = 0; l < L; ++l) {
            F total = sums[0][l][m];
            for (int u = 1; u < U; ++u) total = total + sums[u][l][m];
            y.at[m * y.step + l] = sum(total);
        }
}

// L lines times all rows of x: each weight is read once for up to BATCH of them.
template <int L, class X, class T>
RK_INLINE void lines_times_all(
    Rows<float> y, const T* lines, int64_t distance, Rows<const X> x, int64_t width,
    int64_t rows) {
    constexpr int U = L == 1 ? 4 : 1;
    int64_t row = 0;
    for (; row + BATCH <= rows; row += BATCH, y.at += BATCH * y.step, x.at += BATCH * x.step)
        for (int l = 0; l < L; ++l)
            lines_times<1, 1, BATCH, X, T>(
                {y.at + l, y.step}, lines + l * distance, distance, x, width);
    for (; row + 2 <= rows; row += 2, y.at += 2 * y.step, x.at += 2 * x.step)
        lines_times<U, L, 2, X, T>(y, lines, distance, x, width);
    if (row < rows) lines_times<U, L, 1, X, T>(y, lines, distance, x, width);
}

constexpr int FOUR_LINES = 4;  // as many sums as a processor's units need to be busy

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

// The lines of the matrices up that a thread will read after the barrier: they are fetched, some
// with each line of a matrix down, while that one's numbers are on their way.
template <class T>
struct Fetcher {
    const T* lines;    // of the present chain, from the thread's first on
    int64_t count;     // lines left of it
    int64_t chain, at; // the chain, and the line of the cache in its line

    RK_MEMBER void enter(const Call& call, const Chains& c, Range mine, int64_t first) {
        for (chain = first, count = 0; chain < c.count; ++chain) {
            const Range part = cut(mine, chain * c.outputs, c.outputs);
            lines = call.at<const T>(4) + (chain * c.outputs + part.begin) * c.rank;
            count = part.end - part.begin, at = 0;
            if (count > 0) return;
        }
    }

    RK_MEMBER void fetch(const Call& call, const Chains& c, Range mine, int64_t most_lines) {
        constexpr int64_t NUMBERS = LINE / int64_t(sizeof(T));
        for (int64_t i = 0; i < most_lines && count > 0; ++i) {
            prefetch(lines + at);
            at += NUMBERS;
            if (at < c.rank_of(call, chain)) continue;
            at = 0, lines += c.rank, --count;
            if (count == 0) enter(call, c, mine, chain + 1);
        }
    }
};

template <class X, class T>
RK_INLINE void go_down(const Call& call, const Team& team, const Chains& c) {
    int64_t total = 0;
    for (int64_t chain = 0; chain < c.count; ++chain) total += c.rank_of(call, chain);
    const Range mine = team.share(total, W), later = team.share(c.count * c.outputs, W);
    const int64_t with_each = most(1, c.outputs / most(1, LINE / int64_t(sizeof(T)))) + 1;
    Fetcher<T> fetcher;
    fetcher.enter(call, c, later, 0);
    for (int64_t chain = 0, begin = 0; chain < c.count; begin += c.rank_of(call, chain++)) {
        const Range part = cut(mine, begin, c.rank_of(call, chain));
        const int64_t at = chain * c.rows, act = call[FIRST_RANK + 2 * int(chain) + 1];
        const T* lines = call.at<const T>(3) + chain * c.rank * c.width;
        float* low = call.at<float>(1) + at * c.rank;
        const Rows<const X> x = {call.at<const X>(2) + at * c.width, c.width};
        // one line after the other, as they are one long stream out of memory
        for (int64_t line = part.begin; line < part.end; ++line) {
            fetcher.fetch(call, c, later, with_each);
            lines_times_all<1, X, T>(
                {low + line, c.rank}, lines + line * c.width, c.width, x, c.width, c.rows);
        }
        for (int64_t row = 0; row < c.rows && part.begin < part.end; ++row)
            activate(low + row * c.rank + part.begin, part.end - part.begin, act);
    }
}

template <class T>
RK_INLINE void go_up(const Call& call, const Team& team, const Chains& c) {
    const Range mine = team.share(c.count * c.outputs, W);
    for (int64_t chain = 0; chain < c.count; ++chain) {
        const Range part = cut(mine, chain * c.outputs, c.outputs);
        const int64_t count = part.end - part.begin, at = chain * c.rows;
        const T* lines = call.at<const T>(4) + (chain * c.outputs + part.begin) * c.rank;
        const float* bias = call.at<const float>(5) + chain * c.outputs + part.begin;
        const Rows<const float> low = {call.at<const float>(1) + at * c.rank, c.rank};
        float* y = call.at<float>(0) + at * c.outputs + part.begin;
        const int64_t rank = c.rank_of(call, chain);
        int64_t line = 0;
        for (; line + FOUR_LINES <= count; line += FOUR_LINES)
            lines_times_all<FOUR_LINES, float, T>(
                {y + line, c.outputs}, lines + line * c.rank, c.rank, low, rank, c.rows);
        for (; line < count; ++line)
            lines_times_all<1, float, T>(
                {y + line, c.outputs}, lines + line * c.rank, c.rank, low, rank, c.rows);
        for (int64_t row = 0; row < c.rows; ++row, y += c.outputs)
            for (int64_t i = 0; i < count; i += W)
                store_first(y + i, load_first(y + i, count - i) + load_first(bias + i, count - i),
                            count - i);
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
                int64_t line = 0;
                for (; line + FOUR_LINES <= count; line += FOUR_LINES)
                    lines_times<1, FOUR_LINES, 1, L, T>(
                        {high + line, 1}, lines + line * rank, rank, {low, 1}, rank);
                for (; line < count; ++line)
                    lines_times<1, 1, 1, L, T>(
                        {high + line, 1}, lines + line * rank, rank, {low, 1}, rank);
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
