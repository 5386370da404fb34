// Products of many rows with a matrix, in tiles that stay in registers.
//
// x is packed once, by all threads: STRIP rows side by side.  Then each thread takes some of the
// matrix's rows at a time, packs them into panels of COLUMNS side by side, as wide as two vectors,
// and lets all strips pass.  With BF16 a packed number is a pair of bfloat16 and every sum is of
// products of pairs; else it is a float.

constexpr int64_t COLUMNS = 2 * W;

#if RK_AVX512
constexpr int STRIP = 12;
#elif RK_NEON
constexpr int STRIP = 8;
#else
constexpr int STRIP = 4;
#endif

#if RK_AVX512
// Rows become columns, 16 x 16.
RK_INLINE void transpose(__m512i (&x)[16]) {
    __m512i y[16];
    for (int i = 0; i < 16; i += 2) {
        y[i] = _mm512_unpacklo_epi32(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_epi32(x[i], x[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        x[i] = _mm512_unpacklo_epi64(y[i], y[i + 2]);
        x[i + 1] = _mm512_unpackhi_epi64(y[i], y[i + 2]);
        x[i + 2] = _mm512_unpacklo_epi64(y[i + 1], y[i + 3]);
        x[i + 3] = _mm512_unpackhi_epi64(y[i + 1], y[i + 3]);
    }
    for (int i = 0; i < 4; ++i) {
        y[i] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0x88);
        y[i + 4] = _mm512_shuffle_i32x4(x[i], x[i + 4], 0xdd);
        y[i + 8] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0x88);
        y[i + 12] = _mm512_shuffle_i32x4(x[i + 8], x[i + 12], 0xdd);
    }
    for (int i = 0; i < 8; ++i) {
        x[i] = _mm512_shuffle_i32x4(y[i], y[i + 8], 0x88);
        x[i + 8] = _mm512_shuffle_i32x4(y[i], y[i + 8], 0xdd);
    }
}
#endif

// One float a packed number.
struct Single {
    using Part = float;
    static constexpr int64_t STEP = 1;  // numbers in a part

    RK_MEMBER static F broadcast(const Part* p) { return all(*p); }
    RK_MEMBER static F get(const Part* p) { return load(p); }
    RK_MEMBER static F add(F total, F a, F b) { return fma(a, b, total); }

    // W parts of a row that has n numbers more
    template <class T>
    RK_MEMBER static F take(const T* p, int64_t n) {
        return load_first(p, n);
    }

    // one part of each of W columns, `n` of them there, of a matrix with `more` rows from here on
    template <class T>
    RK_MEMBER static F take_across(const T* p, int64_t, int64_t, int64_t n) {
        return load_first(p, n);
    }
};

#if RK_BF16
// Two bfloat16 a packed number.
struct Double {
    using Part = uint32_t;
    static constexpr int64_t STEP = 2;

    RK_MEMBER static F broadcast(const Part* p) {
        return {_mm512_castsi512_ps(_mm512_set1_epi32(int(*p)))};
    }
    RK_MEMBER static F get(const Part* p) {
        return {_mm512_loadu_ps(reinterpret_cast<const float*>(p))};
    }
    RK_MEMBER static F add(F total, F a, F b) {
        return {_mm512_dpbf16_ps(total.v, as_bf16(a), as_bf16(b))};
    }
    RK_MEMBER static __m512bh as_bf16(F x) {
        __m512bh bits;
        memcpy(&bits, &x.v, sizeof bits);
        return bits;
    }

    RK_MEMBER static F take(const bf16* p, int64_t n) {
        const __mmask32 some = n >= 2 * W ? ~0u : n <= 0 ? 0u : (1u << n) - 1;
        return {_mm512_castsi512_ps(_mm512_maskz_loadu_epi16(some, p))};
    }
    template <class T>
    RK_MEMBER static F take(const T* p, int64_t n) {
        const __m512i low = _mm512_castsi256_si512(to_bf16(load_first(p, most(0, n))));
        const __m256i high = n > W ? to_bf16(load_first(p + W, n - W)) : _mm256_setzero_si256();
        return {_mm512_castsi512_ps(_mm512_inserti64x4(low, high, 1))};
    }

    RK_MEMBER static F take_across(const bf16* p, int64_t distance, int64_t more, int64_t n) {
        const __mmask16 there = mask_of(n), both = more > 1 ? there : __mmask16(0);
        const __m256i first = _mm256_maskz_loadu_epi16(there, p);
        const __m256i second = _mm256_maskz_loadu_epi16(both, p + (more > 1 ? distance : 0));
        return {_mm512_castsi512_ps(
            _mm512_or_si512(_mm512_cvtepu16_epi32(first),
                            _mm512_slli_epi32(_mm512_cvtepu16_epi32(second), 16)))};
    }
};
#endif

// One product of a stack: M rows of x, K numbers each, and N outputs.
struct Tiling {
    int64_t rows, outputs, width;
    int64_t steps;     // parts of K numbers
    int64_t x_row;     // from a row of x to the next
    int64_t line;      // from a row of the matrix, as it is stored, to the next
    int64_t y_row;     // from a row of the result to the next
};

// Strip `strip` of x: part s of its row r is at to[s * STRIP + r]; missing rows are zeros.
template <class P, class X>
RK_INLINE void pack_strip(typename P::Part* to, const X* x, const Tiling& t, int64_t strip) {
    for (int64_t r = 0; r < STRIP; ++r) {
        const int64_t index = strip * STRIP + r;
        const X* row = x + index * t.x_row;
        for (int64_t s = 0; s < t.steps; s += W) {
            typename P::Part parts[W];
            const int64_t at = s * P::STEP;
            const F some = index < t.rows ? P::take(row + at, t.width - at) : zero();
            memcpy(parts, &some, sizeof parts);
            const int64_t count = least(W, t.steps - s);
            for (int64_t i = 0; i < count; ++i) to[(s + i) * STRIP + r] = parts[i];
        }
    }
}

// W rows of the matrix (N, K), `count` of them there: part s of row c is at to[s * COLUMNS + c].
template <class P, class T>
RK_INLINE void pack_rows(typename P::Part* to, const T* w, const Tiling& t, int64_t count) {
    for (int64_t s = 0; s < t.steps; s += W) {
        const int64_t at = s * P::STEP, parts = least(W, t.steps - s);
#if RK_AVX512
        __m512i lines[W];
        for (int c = 0; c < W; ++c)
            lines[c] = _mm512_castps_si512(
                c < count ? P::take(w + c * t.line + at, t.width - at).v : zero().v);
        transpose(lines);
        for (int64_t i = 0; i < parts; ++i) _mm512_storeu_si512(to + (s + i) * COLUMNS, lines[i]);
#else
        for (int64_t c = 0; c < W; ++c) {
            typename P::Part line[W];
            const F some = c < count ? P::take(w + c * t.line + at, t.width - at) : zero();
            memcpy(line, &some, sizeof line);
            for (int64_t i = 0; i < parts; ++i) to[(s + i) * COLUMNS + c] = line[i];
        }
#endif
    }
}

// The same of a matrix that is stored by unit, as panels of (K, FLOAT_PANEL).
template <class P, class T>
RK_INLINE void pack_units(typename P::Part* to, const T* w, const Tiling& t, int64_t count) {
    for (int64_t s = 0; s < t.steps; ++s) {
        const int64_t at = s * P::STEP;
        const F some = P::take_across(w + at * t.line, t.line, t.width - at, count);
        memcpy(to + s * COLUMNS, &some, sizeof some);
    }
}

// Where sums go, and what is done to them on the way.
struct Finish {
    int64_t act;
    const float* gate;  // of the same shape as the result, or null
    const float* bias;  // (N,), or null
    bool onto;

    template <class Y>
    RK_MEMBER void put(Y* y, int64_t at, int64_t column, F total, int64_t n) const {
        if (bias) total = total + load_first(bias + column, n);
        F value = act_of(total, act);
        if (gate) value = value * load_first(gate + at, n);
        if (onto) value = value + load_first(y + at, n);
        store_first(y + at, value, n);
    }
};

// R rows of a strip times a panel, whose first `n` columns are there; the first is `column`.
template <class P, int R, class Y>
RK_INLINE void tile(const typename P::Part* x, const typename P::Part* w, const Tiling& t, Y* y,
                    int64_t row, int64_t column, int64_t n, const Finish& finish) {
    F totals[R][2];
    for (int r = 0; r < R; ++r) totals[r][0] = totals[r][1] = zero();
    for (int64_t s = 0; s < t.steps; ++s) {
        const F left = P::get(w + s * COLUMNS), right = P::get(w + s * COLUMNS + W);
        for (int r = 0; r < R; ++r) {
            const F one = P::broadcast(x + s * STRIP + r);
            totals[r][0] = P::add(totals[r][0], one, left);
            totals[r][1] = P::add(totals[r][1], one, right);
        }
    }
    for (int r = 0; r < R && row + r < t.rows; ++r) {
        const int64_t at = (row + r) * t.y_row + column;
        finish.put(y, at, column, totals[r][0], n);
        if (n > W) finish.put(y, at + W, column + W, totals[r][1], n - W);
    }
}

template <class P, class Y>
RK_INLINE void strips_times(const typename P::Part* x, int64_t strip_size,
                            const typename P::Part* w, const Tiling& t, Y* y, Range strips,
                            Range columns, const Finish& finish) {
    const int64_t panel = t.steps * COLUMNS;
    for (int64_t strip = strips.begin; strip < strips.end; ++strip) {
        const int64_t row = strip * STRIP, rows = t.rows - row;
        const typename P::Part *from = x + strip * strip_size, *to = w;
        for (int64_t c = columns.begin; c < columns.end; c += COLUMNS, to += panel) {
            const int64_t n = columns.end - c;
            if (rows > 8 || STRIP <= 4)
                tile<P, STRIP>(from, to, t, y, row, c, n, finish);
            else if (rows > 4)
                tile<P, (STRIP < 8 ? STRIP : 8)>(from, to, t, y, row, c, n, finish);
            else
                tile<P, 4>(from, to, t, y, row, c, n, finish);
        }
    }
}

constexpr int LIMITED = 5;  // matrices of a stack that may have sizes of their own

// The numbers of a call; see the kernel.
struct Tiles {
    int64_t stack, rows, outputs, width, x_row, wide, high, acts;
    bool by_unit;

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

template <class P, class X, class T, class Y>
RK_INLINE void tiles_of(const Call& call, const Team& team) {
    using Part = typename P::Part;
    const Tiles all_of{call[6],  call[7],  call[8],  call[9],      call[10],
                       call[17], call[18], call[14], call[20] != 0};
    const int64_t strips = (all_of.rows + STRIP - 1) / STRIP;
    const int64_t strip_size = (all_of.width + P::STEP - 1) / P::STEP * STRIP;
    const int64_t x_size = all_of.x_row ? all_of.width : all_of.rows * all_of.width;
    Part *packed = call.at<Part>(3), *panel = call.at<Part>(4) + team.id * call[5];
    Range mine;
    while (team.next(all_of.stack * strips, 1, mine)) {
        const int64_t which = mine.begin / strips;
        pack_strip<P>(packed + mine.begin * strip_size, call.at<const X>(1) + which * x_size,
                      all_of.of<P>(call, which), mine.begin % strips);
    }
    team.barrier();
    const int64_t wide = all_of.wide, high = most(1, all_of.high / STRIP);
    const int64_t parts = (all_of.outputs + wide - 1) / wide, floors = (strips + high - 1) / high;
    while (team.next(all_of.stack * parts * floors, 1, mine)) {
        const int64_t floor = mine.begin % floors, part = mine.begin / floors % parts;
        const int64_t which = mine.begin / floors / parts;
        const Tiling t = all_of.of<P>(call, which);
        const Range columns{part * wide, least(t.outputs, (part + 1) * wide)};
        const T* w = call.at<const T>(2) + which * all_of.outputs * all_of.width;
        for (int64_t c = columns.begin; c < columns.end; c += W) {
            const int64_t at = c - columns.begin;
            Part* to = panel + at / COLUMNS * t.steps * COLUMNS + at % COLUMNS;
            if (all_of.by_unit)
                pack_units<P>(
                    to, w + c / FLOAT_PANEL * FLOAT_PANEL * t.width + c % FLOAT_PANEL, t,
                    columns.end - c);
            else
                pack_rows<P>(to, w + c * t.line, t, columns.end - c);
        }
        const int64_t from = which * all_of.rows * all_of.outputs;
        const float* bias = call.at<const float>(19);
        const Finish finish{all_of.acts >> (2 * which) & 3, call.at<const float>(15),
                            bias ? bias + which * all_of.outputs : nullptr, call[16] != 0};
        strips_times<P>(packed + which * strips * strip_size, strip_size, panel, t,
                        call.at<Y>(0) + from, {floor * high, least(strips, (floor + 1) * high)},
                        columns, finish);
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
// (n, N) or null, 20 whether W is (n, K, N); for the first matrices, 0 for all there are:
// 21... how many outputs, 26... how many numbers of x they take
RK_KERNEL(tiles) {
    switch (call[11]) {
#if RK_BF16
        case BF16: return tiles_to<Double, bf16>(call, team);
#else
        case BF16: return tiles_to<Single, bf16>(call, team);
#endif
        case FP16: return tiles_to<Single, fp16>(call, team);
        default: return tiles_of<Single, float, float, float>(call, team);
    }
}
