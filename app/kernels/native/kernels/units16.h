// Products of a few rows with matrices of floats by unit.

template <class T>
constexpr int64_t FLOAT_ROW = FLOAT_PANEL * int64_t(sizeof(T));  // bytes of a unit in a panel

// U vectors of a panel's outputs for M rows of x, `step` numbers apart; `rows` are a group's and
// `totals` (M, 128) the panel's, both from the first output on.
template <int U, int M, class T>
RK_INLINE void float_units(
    const T* rows, const uint8_t* ids, int64_t count, Ahead<FLOAT_ROW<T>>& ahead, const float* x,
    int64_t step, float* totals) {
    F sums[U][M];
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m) sums[u][m] = load(totals + m * FLOAT_PANEL + u * W);
    constexpr int64_t LINES = U * W * int(sizeof(T)) / LINE, TOGETHER = M == 1 ? 1 : 8;
    for (int64_t i = 0; i < count; ++i) {
        if (i % TOGETHER == 0) ahead.fetch(LINES * TOGETHER);
        F by[M];
        for (int m = 0; m < M; ++m) by[m] = all(x[m * step + ids[i]]);
        for (int u = 0; u < U; ++u) {
            const F weight = load(rows + ids[i] * FLOAT_PANEL + u * W);
            for (int m = 0; m < M; ++m) sums[u][m] = fma(weight, by[m], sums[u][m]);
        }
    }
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m) store(totals + m * FLOAT_PANEL + u * W, sums[u][m]);
}

// A group's rows for M rows of x.
template <int M, class T>
RK_INLINE void float_group(
    const T* rows, const uint8_t* ids, int64_t count, Ahead<FLOAT_ROW<T>>& ahead, const float* x,
    int64_t step, float* totals) {
    constexpr int U = M == 1 ? 8 : M == 8 ? 2 : 4;
    for (int64_t at = 0; at < FLOAT_PANEL; at += U * W)
        float_units<U, M>(rows + at, ids, count, ahead, x, step, totals + at);
}

// The same for M rows that lie far apart: in the cache such rows would take each other's places.
template <int M, class T>
RK_INLINE void float_group_near(
    const T* rows, const uint8_t* ids, int64_t count, Ahead<FLOAT_ROW<T>>& ahead, const float* x,
    int64_t width, int64_t n, float* totals) {
    constexpr int64_t STEP = FLOAT_GROUP + LINE / int64_t(sizeof(float));
    float near[M * STEP];
    for (int m = 0; m < M; ++m)
        for (int64_t i = 0; i < n; i += W)
            store(near + m * STEP + i, load_first(x + m * width + i, n - i));
    float_group<M>(rows, ids, count, ahead, near, STEP, totals);
}

// Groups `some` of a panel of floats for all rows of x; `totals` (rows, 128).
template <class T>
RK_INLINE void float_groups(
    const T* panel, Range some, const float* x, int64_t rows, int64_t width, float* totals,
    Ahead<FLOAT_ROW<T>>& ahead) {
    for (int64_t g = some.begin; g < some.end; ++g) {
        const int64_t begin = g * FLOAT_GROUP, n = least(FLOAT_GROUP, width - begin);
        const T* w = panel + begin * FLOAT_PANEL;
        const uint8_t* ids = ahead.chosen.ids + begin;
        const int64_t count = ahead.chosen.counts[g];
        ahead.allow(g);
        const float* from = x + begin;
        int64_t row = 0;
        if (MANY_REGISTERS)
            for (; row + 8 <= rows; row += 8)
                float_group_near<8>(w, ids, count, ahead, from + row * width, width, n,
                                    totals + row * FLOAT_PANEL);
        for (; row + 4 <= rows; row += 4)
            float_group_near<4>(w, ids, count, ahead, from + row * width, width, n,
                                totals + row * FLOAT_PANEL);
        for (; row < rows; ++row)
            float_group<1>(
                w, ids, count, ahead, from + row * width, width, totals + row * FLOAT_PANEL);
        ahead.fetch_rest();
    }
}

template <class T>
RK_INLINE void units_of(const Call& call, const Team& team) {
    const int64_t rows = call[3], outputs = call[4], width = call[5];
    const float* x = call.at<const float>(1);
    const int64_t groups = (width + FLOAT_GROUP - 1) / FLOAT_GROUP;
    const int64_t panels = (outputs + FLOAT_PANEL - 1) / FLOAT_PANEL;
    const Slices cut =
        slices_in(call.at<uint8_t>(7), panels, groups, call[10], rows * FLOAT_PANEL);
    const Chosen chosen = chosen_in(cut.end(), groups, FLOAT_GROUP);
    none_ended(cut, team);
    const int64_t sparse = call[9] == 0 || rows > UNION_ROWS ? ALL_UNITS : SPARSE_FLOATS;
    const Range chosen_here = team.share(groups, 1);
    for (int64_t g = chosen_here.begin; g < chosen_here.end; ++g) {
        const int64_t begin = g * FLOAT_GROUP, n = least(FLOAT_GROUP, width - begin);
        chosen.counts[g] = int32_t(choose_units(
            x + begin, rows, width, n, sparse, chosen.ids + g * FLOAT_GROUP));
    }
    team.barrier();

    const Target to = {call.at<float>(0), call.at<const float>(8), outputs, NO_ACT, true};
    const T* w = call.at<const T>(2);
    const uint8_t* end = reinterpret_cast<const uint8_t*>(w + panels * width * FLOAT_PANEL);
    Ahead<FLOAT_ROW<T>> ahead = {chosen,  width,   groups,  0, end, nullptr,
                                 nullptr, nullptr, 0,       0, 0,   0};
    Range part, before = {0, -1};
    for (; team.next(cut.parts(), 1, part); before = part) {
        const int64_t at = part.begin / cut.count(), first = at * FLOAT_PANEL;
        const T* panel = w + first * width;
        const Range some = cut.groups_of(part.begin);
        const T* its_rows = panel + some.begin * FLOAT_GROUP * FLOAT_PANEL;
        if (part.begin != before.end)
            ahead.begin(some.begin, reinterpret_cast<const uint8_t*>(its_rows), nullptr, rows);
        float* mine = cut.totals_of(part.begin);
        memset(mine, 0, size_t(cut.size) * sizeof(float));
        float_groups(panel, some, x, rows, width, mine, ahead);
        const float* sums = ended(cut, part.begin);
        for (int64_t row = 0; sums && row < rows; ++row)
            finish(to, row, first, least(FLOAT_PANEL, outputs - first), sums + row * FLOAT_PANEL);
    }
}

// out += gate * (x W^T), W of floats by unit (panels, width, 128).
// Arguments: out (rows, outputs), x (rows, width), W, rows, outputs, width, kind of W, scratch,
// gate (rows, outputs) or 0, whether to skip, groups of a slice.
RK_KERNEL(units) {
    if (call[6] == FP32)
        units_of<float>(call, team);
    else if (call[6] == BF16)
        units_of<bf16>(call, team);
    else
        units_of<fp16>(call, team);
}
