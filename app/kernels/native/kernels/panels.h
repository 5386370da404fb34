// What products of many rows are made of: both factors packed for tiles that stay in registers.
//
// x lies in strips of STRIP rows, the matrix in panels of COLUMNS side by side, as wide as two
// vectors.  With BF16 a packed number is a pair of bfloat16 and every sum is of products of pairs;
// else it is a float.

constexpr int64_t COLUMNS = 2 * W;

#if RK_AVX512
constexpr int STRIP = 12;
#elif RK_NEON
constexpr int STRIP = 8;
#else
constexpr int STRIP = 4;
#endif

#if RK_AVX512
RK_INLINE __m128i quarter(const char* p) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// 16 vectors, 16 numbers of 32 bits each, that begin `distance` bytes after each other: number i of
// all becomes vector i.  A quarter of four vectors is read at a time, so that what is left to be
// turned lies within quarters.
RK_INLINE void transposed(const char* from, int64_t distance, __m512i (&y)[16]) {
    for (int q = 0; q < 4; ++q) {
        __m512i x[4];
        for (int j = 0; j < 4; ++j) {
            const char* at = from + j * distance + q * 16;
            x[j] = _mm512_broadcast_i32x4(quarter(at));
            x[j] = _mm512_mask_broadcast_i32x4(x[j], 0x00f0, quarter(at + 4 * distance));
            x[j] = _mm512_mask_broadcast_i32x4(x[j], 0x0f00, quarter(at + 8 * distance));
            x[j] = _mm512_mask_broadcast_i32x4(x[j], 0xf000, quarter(at + 12 * distance));
        }
        const __m512i a = _mm512_unpacklo_epi32(x[0], x[1]), b = _mm512_unpacklo_epi32(x[2], x[3]);
        const __m512i c = _mm512_unpackhi_epi32(x[0], x[1]), d = _mm512_unpackhi_epi32(x[2], x[3]);
        y[4 * q] = _mm512_unpacklo_epi64(a, b);
        y[4 * q + 1] = _mm512_unpackhi_epi64(a, b);
        y[4 * q + 2] = _mm512_unpacklo_epi64(c, d);
        y[4 * q + 3] = _mm512_unpackhi_epi64(c, d);
    }
}
#endif

// One float a packed number.
struct Single {
    using Part = float;
    static constexpr int64_t STEP = 1;  // numbers in a part
    template <class T>
    static constexpr bool PACKED = sizeof(T) == sizeof(Part);  // in memory as they are packed

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
    template <class T>
    static constexpr bool PACKED = sizeof(T) == sizeof(bf16);

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
        const F low = load_first(p, most(0, n)), high = n > W ? load_first(p + W, n - W) : zero();
        const __m512bh both = _mm512_cvtne2ps_pbh(high.v, low.v);
        F bits;
        memcpy(&bits.v, &both, sizeof bits);
        return bits;
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

// Parts of a row of a packed strip, which is whole vectors.
RK_INLINE int64_t padded(int64_t steps) { return (steps + W - 1) / W * W; }

// A strip of x that begins with row `row`: a vector of each row in turn, so part s of its row r is
// at to[s / W * STRIP * W + r * W + s % W]; missing numbers are zeros.
template <class P, class X>
RK_INLINE void pack_strip(typename P::Part* to, const X* x, const Tiling& t, int64_t row) {
    const int64_t rows = least(STRIP, t.rows - row);
    const X* from = x + row * t.x_row;
    for (int64_t s = 0; s < t.steps; s += W, to += STRIP * W) {
        const int64_t at = s * P::STEP;
        for (int64_t r = 0; r < STRIP; ++r) {
            const F some = r < rows ? P::take(from + r * t.x_row + at, t.width - at) : zero();
            memcpy(to + r * W, &some, sizeof some);
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
        if (P::template PACKED<T> && count >= W && at + W * P::STEP <= t.width) {
            transposed(reinterpret_cast<const char*>(w + at), t.line * int64_t(sizeof(T)), lines);
        } else {
            char some[W * LINE];
            for (int c = 0; c < W; ++c) {
                const F line = c < count ? P::take(w + c * t.line + at, t.width - at) : zero();
                memcpy(some + c * LINE, &line, LINE);
            }
            transposed(some, LINE, lines);
        }
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
