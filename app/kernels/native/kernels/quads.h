// Products of unsigned bytes with 16-bit integers, exact, for 16 outputs at once.
//
//     Quads                      64 bytes: 4 inputs of output 0, 4 of output 1, ... (or any bytes)
//     quads_at(p)                from memory
//     interleave(rows, out)      four rows of 64 bytes to the quads of 4 panels
//     Table, table_at(p)         16 bytes; halves(p, table, low, high) looks both halves of 64
//                                bytes up in it
//     Sums                       16 whole numbers
//     start(s, offset)           where they begin; see Inputs
//     add(s, w, x)               adds the products of w with the 4 inputs at x; see put_group
//     join(s, t)                 s += t
//     floats_of(s, f)            the 16 numbers as PANEL / W vectors

#if RK_AVX512

struct Quads {
    __m512i v;
};

struct Table {
    __m512i v;
};

RK_INLINE Quads quads_at(const uint8_t* p) { return {_mm512_loadu_si512(p)}; }

RK_INLINE Table table_at(const uint8_t* p) {
    return {_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}

RK_INLINE void halves(const uint8_t* p, const Table& table, Quads& low, Quads& high) {
    const __m512i both = _mm512_loadu_si512(p), mask = _mm512_set1_epi8(15);
    low.v = _mm512_shuffle_epi8(table.v, _mm512_and_si512(both, mask));
    high.v = _mm512_shuffle_epi8(table.v, _mm512_and_si512(_mm512_srli_epi16(both, 4), mask));
}

RK_INLINE void interleave(const Quads* rows, Quads* out) {
    const __m512i a = _mm512_unpacklo_epi8(rows[0].v, rows[1].v);
    const __m512i b = _mm512_unpackhi_epi8(rows[0].v, rows[1].v);
    const __m512i c = _mm512_unpacklo_epi8(rows[2].v, rows[3].v);
    const __m512i d = _mm512_unpackhi_epi8(rows[2].v, rows[3].v);
    out[0].v = _mm512_unpacklo_epi16(a, c), out[1].v = _mm512_unpackhi_epi16(a, c);
    out[2].v = _mm512_unpacklo_epi16(b, d), out[3].v = _mm512_unpackhi_epi16(b, d);
}

#if RK_VNNI

// gcc keeps sums in registers, without copies, if their type is the one that the instruction has
#if defined(__GNUC__)
typedef int32_t Whole __attribute__((vector_size(64)));
#else
typedef __m512i Whole;
#endif

struct Sums {
    Whole high, low;
};

RK_INLINE void start(Sums& s, int32_t offset) {
    s.high = (Whole)_mm512_setzero_si512(), s.low = (Whole)_mm512_set1_epi32(offset);
}

RK_INLINE __m512i four_of(const uint8_t* x) {
    int32_t word;
    memcpy(&word, x, sizeof word);
    return _mm512_set1_epi32(word);
}

RK_INLINE void add(Sums& s, const Quads& w, const uint8_t* x) {
    s.high = (Whole)_mm512_dpbusd_epi32((__m512i)s.high, w.v, four_of(x));
    s.low = (Whole)_mm512_dpbusd_epi32((__m512i)s.low, w.v, four_of(x + QUAD));
}

RK_INLINE void join(Sums& s, const Sums& t) {
    s.high = (Whole)_mm512_add_epi32((__m512i)s.high, (__m512i)t.high);
    s.low = (Whole)_mm512_add_epi32((__m512i)s.low, (__m512i)t.low);
}

RK_INLINE void floats_of(const Sums& s, F* f) {
    const __m512i high = _mm512_slli_epi32((__m512i)s.high, 8);
    f[0].v = _mm512_cvtepi32_ps(_mm512_add_epi32(high, (__m512i)s.low));
}

#else

// Of each output two numbers, side by side.
struct Sums {
    __m512i first, second;
};

RK_INLINE void start(Sums& s, int32_t offset) {
    s.first = s.second = _mm512_set1_epi64(int64_t(uint32_t(offset)));
}

RK_INLINE void add(Sums& s, const Quads& w, const uint8_t* x) {
    int64_t word;
    memcpy(&word, x, sizeof word);
    const __m512i four = _mm512_set1_epi64(word);
    const __m512i first = _mm512_cvtepu8_epi16(_mm512_castsi512_si256(w.v));
    const __m512i second = _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(w.v, 1));
    s.first = _mm512_add_epi32(s.first, _mm512_madd_epi16(first, four));
    s.second = _mm512_add_epi32(s.second, _mm512_madd_epi16(second, four));
}

RK_INLINE void join(Sums& s, const Sums& t) {
    s.first = _mm512_add_epi32(s.first, t.first), s.second = _mm512_add_epi32(s.second, t.second);
}

RK_INLINE void floats_of(const Sums& s, F* f) {
    const __m512i a = _mm512_add_epi32(s.first, _mm512_srli_epi64(s.first, 32));
    const __m512i b = _mm512_add_epi32(s.second, _mm512_srli_epi64(s.second, 32));
    const __m512i low = _mm512_castsi256_si512(_mm512_cvtepi64_epi32(a));
    f[0].v = _mm512_cvtepi32_ps(_mm512_inserti64x4(low, _mm512_cvtepi64_epi32(b), 1));
}

#endif

#elif RK_AVX2

struct Quads {
    __m256i v[2];
};

struct Table {
    __m256i v;
};

RK_INLINE Quads quads_at(const uint8_t* p) {
    const __m256i* at = reinterpret_cast<const __m256i*>(p);
    return {{_mm256_loadu_si256(at), _mm256_loadu_si256(at + 1)}};
}

RK_INLINE Table table_at(const uint8_t* p) {
    return {_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}

RK_INLINE void halves(const uint8_t* p, const Table& table, Quads& low, Quads& high) {
    const Quads both = quads_at(p);
    const __m256i mask = _mm256_set1_epi8(15);
    for (int i = 0; i < 2; ++i) {
        const __m256i upper = _mm256_srli_epi16(both.v[i], 4);
        low.v[i] = _mm256_shuffle_epi8(table.v, _mm256_and_si256(both.v[i], mask));
        high.v[i] = _mm256_shuffle_epi8(table.v, _mm256_and_si256(upper, mask));
    }
}

RK_INLINE void interleave(const Quads* rows, Quads* out) {
    for (int i = 0; i < 2; ++i) {
        const __m256i a = _mm256_unpacklo_epi8(rows[0].v[i], rows[1].v[i]);
        const __m256i b = _mm256_unpackhi_epi8(rows[0].v[i], rows[1].v[i]);
        const __m256i c = _mm256_unpacklo_epi8(rows[2].v[i], rows[3].v[i]);
        const __m256i d = _mm256_unpackhi_epi8(rows[2].v[i], rows[3].v[i]);
        out[0].v[i] = _mm256_unpacklo_epi16(a, c), out[1].v[i] = _mm256_unpackhi_epi16(a, c);
        out[2].v[i] = _mm256_unpacklo_epi16(b, d), out[3].v[i] = _mm256_unpackhi_epi16(b, d);
    }
}

// Of each output two numbers, side by side.
struct Sums {
    __m256i v[4];
};

RK_INLINE void start(Sums& s, int32_t offset) {
    for (int i = 0; i < 4; ++i) s.v[i] = _mm256_set1_epi64x(int64_t(uint32_t(offset)));
}

RK_INLINE void add(Sums& s, const Quads& w, const uint8_t* x) {
    int64_t word;
    memcpy(&word, x, sizeof word);
    const __m256i four = _mm256_set1_epi64x(word);
    for (int i = 0; i < 2; ++i) {
        const __m256i first = _mm256_cvtepu8_epi16(_mm256_castsi256_si128(w.v[i]));
        const __m256i second = _mm256_cvtepu8_epi16(_mm256_extracti128_si256(w.v[i], 1));
        s.v[2 * i] = _mm256_add_epi32(s.v[2 * i], _mm256_madd_epi16(first, four));
        s.v[2 * i + 1] = _mm256_add_epi32(s.v[2 * i + 1], _mm256_madd_epi16(second, four));
    }
}

RK_INLINE void join(Sums& s, const Sums& t) {
    for (int i = 0; i < 4; ++i) s.v[i] = _mm256_add_epi32(s.v[i], t.v[i]);
}

RK_INLINE void floats_of(const Sums& s, F* f) {
    for (int i = 0; i < 2; ++i) {
        const __m256i pairs = _mm256_hadd_epi32(s.v[2 * i], s.v[2 * i + 1]);
        f[i].v = _mm256_cvtepi32_ps(_mm256_permute4x64_epi64(pairs, 0xd8));
    }
}

#else

struct Quads {
    uint8_t v[64];
};

struct Table {
    uint8_t v[16];
};

RK_INLINE Quads quads_at(const uint8_t* p) {
    Quads made;
    memcpy(made.v, p, sizeof made.v);
    return made;
}

RK_INLINE Table table_at(const uint8_t* p) {
    Table made;
    memcpy(made.v, p, sizeof made.v);
    return made;
}

RK_INLINE void halves(const uint8_t* p, const Table& table, Quads& low, Quads& high) {
    for (int i = 0; i < 64; ++i) low.v[i] = table.v[p[i] & 15], high.v[i] = table.v[p[i] >> 4];
}

RK_INLINE void interleave(const Quads* rows, Quads* out) {
    for (int v = 0; v < 4; ++v)
        for (int o = 0; o < PANEL; ++o)
            for (int j = 0; j < QUAD; ++j)
                out[v].v[o * QUAD + j] = rows[j].v[o / 4 * PANEL + 4 * v + o % 4];
}

struct Sums {
    int32_t v[PANEL];
};

RK_INLINE void start(Sums& s, int32_t offset) {
    for (int o = 0; o < PANEL; ++o) s.v[o] = offset;
}

RK_INLINE void add(Sums& s, const Quads& w, const uint8_t* x) {
    int16_t four[QUAD];
    memcpy(four, x, sizeof four);
    for (int o = 0; o < PANEL; ++o)
        for (int j = 0; j < QUAD; ++j) s.v[o] += int32_t(w.v[o * QUAD + j]) * four[j];
}

RK_INLINE void join(Sums& s, const Sums& t) {
    for (int o = 0; o < PANEL; ++o) s.v[o] += t.v[o];
}

RK_INLINE void floats_of(const Sums& s, F* f) {
    float raw[PANEL];
    for (int o = 0; o < PANEL; ++o) raw[o] = float(s.v[o]);
    for (int i = 0; i < PANEL / W; ++i) f[i] = load(raw + i * W);
}

#endif
