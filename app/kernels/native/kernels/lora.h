// Low-rank chains side by side for a few rows, each chain read up to its own rank.
//
// Down, a chain's lines are (rank, C); up, it lies by unit: panels of 128 outputs as (rank, 128), so
// that a number of the low side meets many outputs at once and nothing is summed across a vector.

constexpr int64_t UP_PANEL = FLOAT_PANEL;
// Vectors of outputs that are made at once for one or two rows; of four rows half as many.
constexpr int UP_VECTORS = MANY_REGISTERS ? 8 : 4;

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

// The same as with U = SUMS, one of the sums after the other, so that registers hold more lines and
// rows.
template <int L, int M, class X, class T>
RK_INLINE void lines_in_rounds(
    Rows<float> y, const T* lines, int64_t distance, Rows<const X> x, int64_t width) {
    const int64_t whole = width / ROUND * ROUND;
    F totals[L][M];
    for (int u = 0; u < SUMS; ++u) {
        F sums[L][M];
        for (int l = 0; l < L; ++l)
            for (int m = 0; m < M; ++m) sums[l][m] = zero();
        for (int64_t i = u * W; i < whole; i += ROUND) {
            F weight[L];
            for (int l = 0; l < L; ++l) weight[l] = load(lines + l * distance + i);
            for (int m = 0; m < M; ++m) {
                const F some = load(x.at + m * x.step + i);
                for (int l = 0; l < L; ++l) sums[l][m] = fma(weight[l], some, sums[l][m]);
            }
        }
        for (int64_t i = whole; u == 0 && i < width; i += W)
            for (int m = 0; m < M; ++m) {
                const F some = load_first(x.at + m * x.step + i, width - i);
                for (int l = 0; l < L; ++l)
                    sums[l][m] =
                        fma(load_first(lines + l * distance + i, width - i), some, sums[l][m]);
            }
        for (int l = 0; l < L; ++l)
            for (int m = 0; m < M; ++m)
                totals[l][m] = u == 0 ? sums[l][m] : totals[l][m] + sums[l][m];
    }
    for (int m = 0; m < M; ++m)
        for (int l = 0; l < L; ++l) y.at[m * y.step + l] = sum(totals[l][m]);
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

constexpr int DOWN_ROWS = 4, DOWN_LINES = MANY_REGISTERS ? 6 : 2;  // that go together

// `count` lines of a chain, one behind the other, times all rows of x, each of which may have to come
// to the bits that it comes to alone.
template <class X, class T>
RK_INLINE void chain_times(
    Rows<float> y, const T* lines, int64_t count, Rows<const X> x, int64_t width, int64_t rows,
    bool alike) {
    constexpr int M = DOWN_ROWS, L = DOWN_LINES;
    int64_t row = 0;
    // so few rows stay in the first cache while all lines pass
    for (; row + M <= rows; row += M, y.at += M * y.step, x.at += M * x.step) {
        int64_t line = 0;
        for (; alike && line + L <= count; line += L)
            lines_in_rounds<L, M, X, T>(
                {y.at + line, y.step}, lines + line * width, width, x, width);
        for (; alike && line < count; ++line)
            lines_in_rounds<1, M, X, T>(
                {y.at + line, y.step}, lines + line * width, width, x, width);
        for (; line + L <= count; line += L)
            lines_times<1, L, M, X, T>(
                {y.at + line, y.step}, lines + line * width, width, x, width);
        for (; line < count; ++line)  // in the same order: which ones are left depends on the threads
            lines_times<1, 1, M, X, T>(
                {y.at + line, y.step}, lines + line * width, width, x, width);
    }
    // fewer wait for memory, which likes one line after the other as one long stream
    for (int64_t line = 0; line < count && row < rows; ++line, lines += width) {
        Rows<float> to = {y.at + line, y.step};
        Rows<const X> from = x;
        int64_t left = rows - row;
        for (; left >= 2; left -= 2, to.at += 2 * y.step, from.at += 2 * x.step)
            lines_times<SUMS, 1, 2, X, T>(to, lines, width, from, width);
        if (left) lines_times<SUMS, 1, 1, X, T>(to, lines, width, from, width);
    }
}

constexpr int DOWN_ALIKE = 9;  // of the arguments
constexpr int DOWN_RANK = 10;  // two for each chain

template <class X, class T>
RK_INLINE void down_as(const Call& call, const Team& team) {
    const int64_t count = call[3], rows = call[4], width = call[5], rank = call[6];
    int64_t total = 0;
    for (int chain = 0; chain < count; ++chain) total += call[DOWN_RANK + 2 * chain];
    const Range mine = team.share(total, total < W * team.size ? FOUR_LINES : W);
    for (int64_t chain = 0, begin = 0; chain < count; ++chain) {
        const int64_t lines = call[DOWN_RANK + 2 * int(chain)];
        const Range part = cut(mine, begin, lines);
        begin += lines;
        const T* down = call.at<const T>(2) + chain * rank * width;
        float* low = call.at<float>(0) + chain * rows * rank;
        const Rows<const X> x = {call.at<const X>(1) + chain * rows * width, width};
        chain_times<X, T>({low + part.begin, rank}, down + part.begin * width,
                          part.end - part.begin, x, width, rows, call[DOWN_ALIKE] != 0);
        for (int64_t row = 0; row < rows && part.begin < part.end; ++row)
            activate(low + row * rank + part.begin, part.end - part.begin,
                     call[DOWN_RANK + 2 * int(chain) + 1]);
    }
}

template <class T>
RK_INLINE void down_of(const Call& call, const Team& team) {
    if (call[7] == FP32) return down_as<float, T>(call, team);
    down_as<T, T>(call, team);
}

// act(down x) of each chain; arguments: 0 low (n, rows, D), 1 x (n, rows, C), 2 down (n, D, C),
// 3 n, 4 rows, 5 C, 6 D, 7 kind of x (float32 or as the matrices), 8 kind of the matrices, 9 whether
// each row comes to the bits that it comes to alone, from 10 on each chain's rank and act (matvec16.h)
RK_KERNEL(lora_down) {
    switch (call[8]) {
        case BF16: return down_of<bf16>(call, team);
        case FP16: return down_of<fp16>(call, team);
        default: return down_of<float>(call, team);
    }
}

// The way up of one chain.
template <class T>
struct Up {
    const T* w;         // (panels, rank, UP_PANEL)
    const float* bias;  // of each output
    int64_t rank;
};

// Outputs `at` and on, no more than U vectors of one panel and `n` in all, of M rows; WHOLE where
// all U vectors are there.  With each step what is `coming` comes nearer.
template <bool WHOLE, int U, int M, class T>
RK_INLINE void up_vectors(
    const Up<T>& up, Rows<const float> low, Rows<float> y, int64_t at, int64_t n, Coming& coming) {
    const T* w = up.w + at / UP_PANEL * UP_PANEL * up.rank + at % UP_PANEL;
    F sums[U][M];
    int64_t left[U];
    for (int u = 0; u < U; ++u) {
        left[u] = most(0, n - u * W);
        for (int m = 0; m < M; ++m) sums[u][m] = load_first(up.bias + at + u * W, left[u]);
    }
    for (int64_t r = 0; r < up.rank; ++r, w += UP_PANEL) {
        coming.next();
        F by[M];
        for (int m = 0; m < M; ++m) by[m] = all(low.at[m * low.step + r]);
        for (int u = 0; u < U; ++u) {
            const F weight = WHOLE ? load(w + u * W) : load_first(w + u * W, left[u]);
            for (int m = 0; m < M; ++m) sums[u][m] = fma(weight, by[m], sums[u][m]);
        }
    }
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m)
            store_first(y.at + m * y.step + u * W, sums[u][m], left[u]);
}

template <int M, class T>
RK_INLINE void up_rows(
    const Up<T>& up, Rows<const float> low, Rows<float> y, int64_t at, int64_t n, Coming& coming) {
    constexpr int U = M == 4 ? UP_VECTORS / 2 : UP_VECTORS;
    for (; n > 0; n -= U * W, at += U * W, y.at += U * W)
        if (n >= U * W)
            up_vectors<true, U, M, T>(up, low, y, at, n, coming);
        else
            up_vectors<false, U, M, T>(up, low, y, at, n, coming);
}

// Outputs `some` of all rows; y begins with the first of them.
template <class T>
RK_INLINE void up_outputs(
    const Up<T>& up, Rows<const float> low, Rows<float> y, Range some, int64_t rows,
    Coming& coming) {
    for (int64_t at = some.begin, end; at < some.end; at = end) {
        end = least(some.end, least(at + UP_VECTORS * W, (at / UP_PANEL + 1) * UP_PANEL));
        Rows<const float> from = low;
        Rows<float> to = {y.at + at - some.begin, y.step};
        int64_t row = 0;
        for (; row + 4 <= rows; row += 4, from.at += 4 * from.step, to.at += 4 * to.step)
            up_rows<4, T>(up, from, to, at, end - at, coming);
        for (; row + 2 <= rows; row += 2, from.at += 2 * from.step, to.at += 2 * to.step)
            up_rows<2, T>(up, from, to, at, end - at, coming);
        if (row < rows) up_rows<1, T>(up, from, to, at, end - at, coming);
    }
}

// Numbers of a chain's way up.
RK_INLINE int64_t up_size(int64_t outputs, int64_t rank) {
    return (outputs + UP_PANEL - 1) / UP_PANEL * UP_PANEL * rank;
}

constexpr int UP_RANK = 9;  // of the arguments; one for each chain

template <class T>
RK_INLINE void up_as(const Call& call, const Team& team) {
    const int64_t count = call[4], rows = call[5], rank = call[6], outputs = call[7];
    const Range mine = team.share(count * outputs, UP_VECTORS * W);
    const T* w = call.at<const T>(2);
    Coming nothing{};
    for (int64_t chain = 0; chain < count; ++chain) {
        const Up<T> up = {w, call.at<const float>(3) + chain * outputs, call[UP_RANK + int(chain)]};
        const Range part = cut(mine, chain * outputs, outputs);
        const int64_t at = chain * rows;
        up_outputs<T>(up, {call.at<const float>(1) + at * rank, rank},
                      {call.at<float>(0) + at * outputs + part.begin, outputs}, part, rows,
                      nothing);
        w += up_size(outputs, up.rank);
    }
}

// bias + up low for each chain; arguments: 0 y (n, rows, A), 1 low (n, rows, D), 2 up, chain after
// chain by unit, 3 bias (n, A), 4 n, 5 rows, 6 D, 7 A, 8 kind of up, from 9 on each chain's rank
RK_KERNEL(lora_up) {
    switch (call[8]) {
        case BF16: return up_as<bf16>(call, team);
        case FP16: return up_as<fp16>(call, team);
        default: return up_as<float>(call, team);
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
                const int64_t at = blend * width + i;
                const F mix = call[12] == FP32 ? load_first(call.at<const float>(4) + at, count)
                                               : load_first(call.at<const T>(4) + at, count);
                const F share = load_first(high, count) + mix;
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
// 9 kind of low, 10 kind of up, 11 kind of y, 12 kind of mixes; these are float32 or as up
RK_KERNEL(mix6) {
    switch (call[10]) {
        case BF16: return mix6_of<bf16>(call, team);
        case FP16: return mix6_of<fp16>(call, team);
        default: return mix6_of<float>(call, team);
    }
}
