// Products of many rows with a matrix, in tiles that stay in registers.
//
// x is packed once, by all threads.  Then each thread takes some of the matrix's rows at a time,
// packs them into panels and lets all strips of x pass.  While it multiplies, it asks memory for
// those rows of the matrix that it will probably take next.

// Where sums go, and what is done to them on the way.
struct Finish {
    int64_t act;
    const float* gate;  // of the same shape as the result, or null
    const float* bias;  // (N,), or null
    bool onto;

    RK_MEMBER bool plain() const { return !act && !gate && !bias && !onto; }

    template <class Y>
    RK_MEMBER void put(Y* y, int64_t at, int64_t column, F total, int64_t n) const {
        if (bias) total = total + load_first(bias + column, n);
        F value = act_of(total, act);
        if (gate) value = value * load_first(gate + at, n);
        if (onto) value = value + load_first(y + at, n);
        store_first(y + at, value, n);
    }

    // What put() is going to read or write.
    template <class Y>
    RK_MEMBER void expect(const Y* y, int64_t at, int64_t n) const {
        for (int64_t i = 0; i < n; i += LINE / int64_t(sizeof(Y))) prefetch(y + at + i);
        if (gate)
            for (int64_t i = 0; i < n; i += LINE / int64_t(sizeof(float))) prefetch(gate + at + i);
    }
};

template <class P, int R>
RK_INLINE void step(F (&totals)[R][2], const typename P::Part* x, const typename P::Part* w) {
    const F left = P::get(w), right = P::get(w + W);
    for (int r = 0; r < R; ++r) {
        const F one = P::broadcast(x + r * W);
        totals[r][0] = P::add(totals[r][0], one, left);
        totals[r][1] = P::add(totals[r][1], one, right);
    }
}

// R rows of a strip times a panel, whose first `n` columns are there; the first is `column`.
template <class P, int R, class Y>
RK_INLINE void tile(const typename P::Part* x, const typename P::Part* w, const Tiling& t, Y* y,
                    int64_t row, int64_t column, int64_t n, const Finish& finish, Coming& coming) {
    const int64_t rows = least(R, t.rows - row);
    for (int64_t r = 0; r < rows; ++r)
        finish.expect(y, (row + r) * t.y_row + column, least(n, COLUMNS));
    F totals[R][2];
    for (int r = 0; r < R; ++r) totals[r][0] = totals[r][1] = zero();
    int64_t s = 0;
    for (; s + W <= t.steps; s += W, x += (STRIP - 1) * W) {
        coming.next();
        coming.next();
        for (int64_t i = 0; i < W; ++i, ++x, w += COLUMNS) step<P, R>(totals, x, w);
    }
    for (; s < t.steps; ++s, ++x, w += COLUMNS) step<P, R>(totals, x, w);
    const bool plain = finish.plain() && n >= COLUMNS;
    for (int r = 0; r < R && r < rows; ++r) {
        const int64_t at = (row + r) * t.y_row + column;
        if (plain) {
            store(y + at, totals[r][0]);
            store(y + at + W, totals[r][1]);
        } else {
            finish.put(y, at, column, totals[r][0], n);
            if (n > W) finish.put(y, at + W, column + W, totals[r][1], n - W);
        }
    }
}

// Rows `rows` of x, in strips, times panels of the columns `columns`.
template <class P, class Y>
RK_INLINE void strips_times(const typename P::Part* x, int64_t strip_size,
                            const typename P::Part* w, Tiling t, Y* y, Range rows,
                            Range columns, const Finish& finish, Coming& coming) {
    const int64_t panel = t.steps * COLUMNS;
    t.rows = rows.end;
    for (int64_t row = rows.begin; row < rows.end; row += STRIP, x += strip_size) {
        const int64_t left = rows.end - row;
        const typename P::Part* to = w;
        for (int64_t c = columns.begin; c < columns.end; c += COLUMNS, to += panel) {
            const int64_t n = columns.end - c;
            if (left > 8 || STRIP <= 4)
                tile<P, STRIP>(x, to, t, y, row, c, n, finish, coming);
            else if (left > 4)
                tile<P, (STRIP < 8 ? STRIP : 8)>(x, to, t, y, row, c, n, finish, coming);
            else
                tile<P, 4>(x, to, t, y, row, c, n, finish, coming);
        }
    }
}

// How W lies, and whether x stays float32 where pairs of bfloat16 would be faster; the numbers are
// those of ops_products.py.
enum Lying : int64_t { BY_OUTPUT = 0, BY_UNIT = 1, APART = 2, EXACT = 4 };

constexpr int LIMITED = 5;  // matrices of a stack that may have sizes of their own

// The numbers of a call; see the kernel.
struct Tiles {
    int64_t stack, rows, outputs, width, x_row, wide, high, acts;
    bool by_unit, apart;

    template <class P>
    RK_MEMBER Tiling of(const Call& call, int64_t which) const {
        const int at = int(least(which, LIMITED - 1));
        const int64_t narrow = call[21 + at], thin = call[21 + LIMITED + at];
        const int64_t across = thin ? thin : width;
        return {rows,
                narrow ? narrow : outputs,
                across,
                (across + P::STEP - 1) / P::STEP,
                x_row ? x_row : width,
                by_unit ? FLOAT_PANEL : width,
                outputs};
    }
};

// Where column c of a matrix begins that is stored by unit.
template <class T>
RK_INLINE const T* unit_of(const T* w, const Tiling& t, int64_t c) {
    return w + c / FLOAT_PANEL * FLOAT_PANEL * t.width + c % FLOAT_PANEL;
}

// Columns `c` and on, `wide` of them.
template <class T>
RK_INLINE Coming coming_of(const T* w, const Tiling& t, int64_t c, int64_t wide, bool by_unit) {
    const int64_t n = least(wide, t.outputs - c), size = sizeof(T);
    const T* begin = by_unit ? unit_of(w, t, c) : w + c * t.line;
    return {reinterpret_cast<const char*>(begin), (by_unit ? n : t.width) * size, t.line * size,
            by_unit ? t.width : n, 0};
}

// What a thread does at once: some columns of a matrix for some rows of x; it will probably go on
// with part `next` of the columns.
struct Work {
    int64_t which, part, next;
    Range rows;
};

template <class P, class T, class Y>
RK_INLINE void part_of(const Call& call, const Tiles& all_of, const Work& work,
                       typename P::Part* panel, const typename P::Part* x, int64_t strip_size) {
    const Tiling t = all_of.of<P>(call, work.which);
    const int64_t wide = all_of.wide;
    const Range columns{work.part * wide, least(t.outputs, (work.part + 1) * wide)};
    const T* w =
        matrix_of<T>(call, 2, all_of.apart, work.which, all_of.outputs * all_of.width);
    for (int64_t c = columns.begin; c < columns.end; c += W) {
        const int64_t at = c - columns.begin;
        typename P::Part* to = panel + at / COLUMNS * t.steps * COLUMNS + at % COLUMNS;
        if (all_of.by_unit)
            pack_units<P>(to, unit_of(w, t, c), t, columns.end - c);
        else
            pack_rows<P>(to, w + c * t.line, t, columns.end - c);
    }
    Coming coming{};
    if (work.next * wide < t.outputs)
        coming = coming_of(w, t, work.next * wide, wide, all_of.by_unit);
    const float* bias = call.at<const float>(19);
    const Finish finish{all_of.acts >> (2 * work.which) & 3, call.at<const float>(15),
                        bias ? bias + work.which * all_of.outputs : nullptr, call[16] != 0};
    Y* y = call.at<Y>(0) + work.which * all_of.rows * all_of.outputs;
    strips_times<P>(x, strip_size, panel, t, y, work.rows, columns, finish, coming);
}

// Where one thread finds x and packs what it multiplies.
template <class P, class X>
struct Places {
    const X* x;
    typename P::Part *packed, *panel;
    int64_t x_size, strip_size;  // from the x of a matrix to the next, from a packed strip
    int64_t parts;               // of the columns
};

template <class P, class X, class T, class Y>
RK_INLINE void tiles_of(const Call& call, const Team& team) {
    const Tiles all_of{call[6],  call[7],  call[8],  call[9],      call[10],
                       call[17], call[18], call[14], (call[20] & BY_UNIT) != 0, (call[20] & APART) != 0};
    const Places<P, X> places{call.at<const X>(1),
                              call.at<typename P::Part>(3),
                              call.at<typename P::Part>(4) + team.id * call[5],
                              all_of.x_row ? all_of.width : all_of.rows * all_of.width,
                              padded((all_of.width + P::STEP - 1) / P::STEP) * STRIP,
                              (all_of.outputs + all_of.wide - 1) / all_of.wide};
    const int64_t strips = (all_of.rows + STRIP - 1) / STRIP;
    Range mine;
    while (team.next(all_of.stack * strips, 1, mine)) {
        const int64_t which = mine.begin / strips, row = mine.begin % strips * STRIP;
        pack_strip<P>(places.packed + mine.begin * places.strip_size,
                      places.x + which * places.x_size, all_of.of<P>(call, which), row);
    }
    team.barrier();
    const int64_t high = all_of.high, floors = (all_of.rows + high - 1) / high;
    while (team.next(all_of.stack * places.parts * floors, 1, mine)) {
        const int64_t floor = mine.begin % floors, part = mine.begin / floors % places.parts;
        const int64_t which = mine.begin / floors / places.parts;
        const Range rows{floor * high, least(all_of.rows, (floor + 1) * high)};
        const auto* packed =
            places.packed + (which * strips + rows.begin / STRIP) * places.strip_size;
        const int64_t next = (mine.begin + 1) / floors % places.parts;
        part_of<P, T, Y>(call, all_of, {which, part, next, rows},
                         places.panel, packed, places.strip_size);
    }
}

template <class P, class T, class Y>
RK_INLINE void tiles_from(const Call& call, const Team& team) {
    if (call[12] == FP32) return tiles_of<P, float, T, Y>(call, team);
    tiles_of<P, T, T, Y>(call, team);
}

template <class P, class T>
RK_INLINE void tiles_to(const Call& call, const Team& team) {
    if (call[13] == FP32) return tiles_from<P, T, float>(call, team);
    tiles_from<P, T, T>(call, team);
}

// y = act(x W^T + bias), or y += gate * (...), for each matrix of a stack with its own x.
// 0 y (n, M, N), 1 x (n, M, K), 2 W (n, N, K) or (n, K, N), 3 scratch for x, 4 scratch for panels,
// 5 its parts a thread, 6 n, 7 M, 8 N, 9 K, 10 from a row of x to the next where the xs lie side by
// side in a row, else 0; the kinds (x and y float32 or as W) of 11 W, 12 x, 13 y; 14 acts, two bits
// a matrix, 15 gate or null, 16 whether to add to y, 17 columns and 18 rows of one part, 19 bias
// (n, N) or null, 20 how W lies: 0 as told, 1 (n, K, N), 2 W is a table of n addresses of (N, K), and
// 4 more where x and y are float32 and x is not to be rounded; for the first matrices, 0 for all
// there are:
// 21... how many outputs, 26... how many numbers of x they take
RK_KERNEL(tiles) {
    switch (call[11]) {
#if RK_BF16
        case BF16:
            if (call[20] & EXACT) return tiles_of<Single, float, bf16, float>(call, team);
            return tiles_to<Double, bf16>(call, team);
#else
        case BF16: return tiles_to<Single, bf16>(call, team);
#endif
        case FP16: return tiles_to<Single, fp16>(call, team);
        default: return tiles_of<Single, float, float, float>(call, team);
    }
}
