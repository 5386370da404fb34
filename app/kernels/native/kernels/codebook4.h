// The codebook of int4, 16 numbers at uneven distances: which of them is nearest to w / scale, and
// how well they fit a group of weights.
//
//     Codebook4, codebook4_of(table)   tables for looking up, made once a call
//     Weights, weights_at(w)           the numbers of a group
//     fit(w, by, book)                 the sums of w t and of t t, where t are the book's numbers
//                                      nearest to w * by; added up in the order of packing.py
//     codes_of(w, by, book, to)        the codes of these numbers, one a byte
//
// A product that is not a number counts as 0, as in packing.py.

constexpr int64_t FOUR_GROUP = 32;  // inputs of a group of int4
constexpr int64_t RUN = 16;         // whole numbers whose codes differ by two at most

// Whole numbers are taken as unsigned bytes, ZERO more than they are.
struct Codebook4 {
    uint8_t codes[256];              // the code of each
    int8_t numbers[16];              // what codes stand for
    uint8_t least_code[256 / RUN];   // of each run: its first one's code, and
    uint8_t next[256 / RUN];         // the last place that has it, and
    uint8_t last[256 / RUN];         // the last one before a second step
};

RK_INLINE Codebook4 codebook4_of(const uint8_t* table) {
    Codebook4 made;
    for (int k = 0; k < 16; ++k) made.numbers[k] = int8_t(int(table[k]) - ZERO);
    for (int at = 0, code = 0; at < 256; ++at) {
        // what lies halfway belongs to the lower one
        while (code < 15 && 2 * at > int(table[code]) + int(table[code + 1])) ++code;
        made.codes[at] = uint8_t(code);
    }
    for (int run = 0; run < 256 / RUN; ++run) {
        const uint8_t* codes = made.codes + run * RUN;
        int same = 0, near = 0;
        for (int i = 0; i < RUN; ++i)
            same += codes[i] == codes[0], near += codes[i] <= codes[0] + 1;
        made.least_code[run] = codes[0];
        made.next[run] = uint8_t(same - 1), made.last[run] = uint8_t(near - 1);
    }
    return made;
}

// Sums of w t and of t t; the second one is a whole number.
struct Fit {
    float cross, square;
};

#if RK_AVX512 || RK_AVX2

RK_INLINE __m256i sixteen(const void* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}

// The codes of 32 whole numbers from -128 to 127.
RK_INLINE __m256i nearest_codes(__m256i whole, const Codebook4& book) {
    const __m256i mask = _mm256_set1_epi8(15);
    const __m256i at = _mm256_xor_si256(whole, _mm256_set1_epi8(char(ZERO)));
    const __m256i place = _mm256_and_si256(at, mask);
    const __m256i run = _mm256_and_si256(_mm256_srli_epi16(at, 4), mask);
    const __m256i next = _mm256_shuffle_epi8(sixteen(book.next), run);
    const __m256i last = _mm256_shuffle_epi8(sixteen(book.last), run);
    const __m256i codes = _mm256_shuffle_epi8(sixteen(book.least_code), run);
    const __m256i one_more = _mm256_cmpgt_epi8(place, next);
    const __m256i another = _mm256_cmpgt_epi8(place, last);
    return _mm256_sub_epi8(codes, _mm256_add_epi8(one_more, another));
}

RK_INLINE float sum_of(__m128 x) {
    x = _mm_add_ps(x, _mm_movehl_ps(x, x));
    return _mm_cvtss_f32(_mm_add_ss(x, _mm_movehdup_ps(x)));
}

RK_INLINE float sum_of(__m256 x) {
    return sum_of(_mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1)));
}

RK_INLINE float squares_of(__m256i t) {
    const __m256i size = _mm256_abs_epi8(t);
    const __m256i pairs = _mm256_maddubs_epi16(size, size);
    const __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(fours), _mm256_extracti128_si256(fours, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4e));
    return float(_mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xb1))));
}

#if RK_AVX512

struct Weights {
    __m512 v[2];
};

RK_INLINE Weights weights_at(const float* w) {
    return {{_mm512_loadu_ps(w), _mm512_loadu_ps(w + 16)}};
}

// The whole number nearest to w * by, within bounds.
RK_INLINE __m128i whole_of(__m512 w, __m512 by) {
    const __m512 x = _mm512_mul_ps(w, by);
    const __mmask16 numbers = _mm512_cmp_ps_mask(x, x, _CMP_ORD_Q);
    const __m512 below = _mm512_min_ps(x, _mm512_set1_ps(127));
    return _mm512_cvtsepi32_epi8(_mm512_maskz_cvtps_epi32(numbers, below));
}

RK_INLINE __m256i codes_of(const Weights& w, float by, const Codebook4& book) {
    const __m512 each = _mm512_set1_ps(by);
    const __m128i low = whole_of(w.v[0], each), high = whole_of(w.v[1], each);
    return nearest_codes(_mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1), book);
}

RK_INLINE __m512 as_floats(__m128i t) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(t)); }

RK_INLINE float crossed(const Weights& w, __m256i t) {
    const __m512 low = _mm512_mul_ps(w.v[0], as_floats(_mm256_castsi256_si128(t)));
    const __m512 high = _mm512_mul_ps(w.v[1], as_floats(_mm256_extracti128_si256(t, 1)));
    const __m512 both = _mm512_add_ps(low, high);
    const __m256 upper = _mm512_extractf32x8_ps(both, 1);
    return sum_of(_mm256_add_ps(_mm512_castps512_ps256(both), upper));
}

#else

struct Weights {
    __m256 v[4];
};

RK_INLINE Weights weights_at(const float* w) {
    return {{_mm256_loadu_ps(w), _mm256_loadu_ps(w + 8), _mm256_loadu_ps(w + 16),
             _mm256_loadu_ps(w + 24)}};
}

// The whole numbers nearest to w * by; what is too small is left to the packing.
RK_INLINE __m256i whole_of(__m256 w, __m256 by) {
    const __m256 x = _mm256_mul_ps(w, by);
    const __m256 numbers = _mm256_and_ps(x, _mm256_cmp_ps(x, x, _CMP_ORD_Q));
    return _mm256_cvtps_epi32(_mm256_min_ps(numbers, _mm256_set1_ps(127)));
}

RK_INLINE __m256i codes_of(const Weights& w, float by, const Codebook4& book) {
    const __m256 each = _mm256_set1_ps(by);
    const __m256i low = _mm256_packs_epi32(whole_of(w.v[0], each), whole_of(w.v[1], each));
    const __m256i high = _mm256_packs_epi32(whole_of(w.v[2], each), whole_of(w.v[3], each));
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    const __m256i whole = _mm256_permutevar8x32_epi32(_mm256_packs_epi16(low, high), order);
    return nearest_codes(whole, book);
}

RK_INLINE __m256 as_floats(__m128i t) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(t)); }

RK_INLINE float crossed(const Weights& w, __m256i t) {
    const __m128i low = _mm256_castsi256_si128(t), high = _mm256_extracti128_si256(t, 1);
    const __m256 a = _mm256_mul_ps(w.v[0], as_floats(low));
    const __m256 b = _mm256_mul_ps(w.v[1], as_floats(_mm_srli_si128(low, 8)));
    const __m256 c = _mm256_mul_ps(w.v[2], as_floats(high));
    const __m256 d = _mm256_mul_ps(w.v[3], as_floats(_mm_srli_si128(high, 8)));
    return sum_of(_mm256_add_ps(_mm256_add_ps(a, c), _mm256_add_ps(b, d)));
}

#endif

RK_INLINE Fit fit(const Weights& w, float by, const Codebook4& book) {
    const __m256i t = _mm256_shuffle_epi8(sixteen(book.numbers), codes_of(w, by, book));
    return {crossed(w, t), squares_of(t)};
}

RK_INLINE void codes_of(const Weights& w, float by, const Codebook4& book, uint8_t* to) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), codes_of(w, by, book));
}

#else

struct Weights {
    float v[FOUR_GROUP];
};

RK_INLINE Weights weights_at(const float* w) {
    Weights made;
    memcpy(made.v, w, sizeof made.v);
    return made;
}

RK_INLINE void codes_of(const Weights& w, float by, const Codebook4& book, uint8_t* to) {
    float whole[FOUR_GROUP];
    for (int64_t i = 0; i < FOUR_GROUP; i += W) {
        const F x = nearest(load(w.v + i) * all(by));
        store(whole + i, lesser(greater(x, all(-ZERO)), all(ZERO - 1)));
    }
    for (int64_t i = 0; i < FOUR_GROUP; ++i) {
        const float x = w.v[i] * by;
        to[i] = book.codes[x == x ? int(whole[i]) + ZERO : ZERO];
    }
}

RK_INLINE Fit fit(const Weights& w, float by, const Codebook4& book) {
    uint8_t codes[FOUR_GROUP];
    codes_of(w, by, book, codes);
    float terms[FOUR_GROUP];
    int32_t square = 0;
    for (int64_t i = 0; i < FOUR_GROUP; ++i) {
        const int32_t t = book.numbers[codes[i]];
        terms[i] = w.v[i] * float(t), square += t * t;
    }
    for (int64_t half = FOUR_GROUP / 2; half > 0; half /= 2)
        for (int64_t i = 0; i < half; ++i) terms[i] += terms[i + half];
    return {terms[0], float(square)};
}

#endif
