// Activations as whole numbers: each group of inputs that shares a scale in the weights becomes
// 16-bit integers times one float, which loses 2^-16 of the group's largest number.

constexpr int64_t QUAD = 4;
constexpr int64_t PANEL = 16;
constexpr int64_t MOST_GROUP = 64;
constexpr int64_t FLOAT_PANEL = 128;  // outputs of a panel of floats by unit
constexpr float TOP = 32512;  // 127 * 256: the upper of two signed bytes stays one
constexpr int ZERO = 128;     // what the unsigned bytes of weights are too large by

// Rows that are multiplied at once: as many as have their sums in registers.
#if RK_AVX512
constexpr int64_t STRIP_ROWS = 8;
#elif RK_NEON
constexpr int64_t STRIP_ROWS = 4;
#else
constexpr int64_t STRIP_ROWS = 2;
#endif

// Rows `first` and on, 1, 2, 4 or 8 of them.
struct Strip {
    int64_t first, rows;
};

// Rows of inputs, groups of each; everything lies in the call's scratch memory.  What a strip needs
// at once lies together: of each group and quad the numbers of all its rows.
struct Inputs {
    int64_t batch;  // rows of one matrix; strips are cut of these
    int64_t rows, groups, group;
    uint8_t* quads;    // of each strip (groups, group / 4, rows) of 8 bytes
    float* scales;     // of each strip (groups, rows)
    int32_t* offsets;  // the same: what takes ZERO off again

    // The strip that a row belongs to.
    RK_MEMBER Strip strip_of(int64_t row) const {
        if (batch == 1) return {row, 1};
        const int64_t place = row % batch, first = place / STRIP_ROWS * STRIP_ROWS;
        Strip strip = {row - place + first, STRIP_ROWS};
        int64_t left = batch - first;
        while (left < strip.rows) strip.rows /= 2;
        while (row >= strip.first + strip.rows) {
            strip.first += strip.rows, left -= strip.rows;
            while (left < strip.rows) strip.rows /= 2;
        }
        return strip;
    }
    RK_MEMBER uint8_t* at(Strip strip, int64_t g) const {
        return quads + (strip.first * groups + g * strip.rows) * group * 2;
    }
    RK_MEMBER float* scale(Strip strip, int64_t g) const {
        return scales + strip.first * groups + g * strip.rows;
    }
    RK_MEMBER int32_t* offset(Strip strip, int64_t g) const {
        return offsets + strip.first * groups + g * strip.rows;
    }
    // the first byte behind it all
    RK_MEMBER uint8_t* end() const { return reinterpret_cast<uint8_t*>(offsets + rows * groups); }
};

RK_INLINE Inputs inputs_in(
    uint8_t* scratch, int64_t batch, int64_t rows, int64_t groups, int64_t group) {
    float* scales = reinterpret_cast<float*>(scratch + rows * groups * group * 2);
    int32_t* offsets = reinterpret_cast<int32_t*>(scales + rows * groups);
    return {batch, rows, groups, group, scratch, scales, offsets};
}

// Where a group's numbers go: of each quad 8 bytes, `step` bytes apart.
struct FixedGroup {
    uint8_t* quads;
    int64_t step;
    float* scale;
    int32_t* offset;
};

#if RK_AVX512

// 16 whole numbers as four quads, as add() of quads.h wants them: of each two signed bytes, upper
// ones first, or 16 bits.
RK_INLINE void put_quads(__m512i q, uint8_t* to, int64_t step) {
#if RK_VNNI
    const __m512i high = _mm512_srai_epi32(_mm512_add_epi32(q, _mm512_set1_epi32(128)), 8);
    const __m128i upper = _mm512_cvtepi32_epi8(high), lower = _mm512_cvtepi32_epi8(q);
    const __m128i a = _mm_unpacklo_epi32(upper, lower), b = _mm_unpackhi_epi32(upper, lower);
#else
    const __m256i small = _mm512_cvtepi32_epi16(q);
    const __m128i a = _mm256_castsi256_si128(small), b = _mm256_extracti128_si256(small, 1);
#endif
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to), a);
    _mm_storeh_pd(reinterpret_cast<double*>(to + step), _mm_castsi128_pd(a));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(to + 2 * step), b);
    _mm_storeh_pd(reinterpret_cast<double*>(to + 3 * step), _mm_castsi128_pd(b));
}

template <int GROUP>
RK_INLINE void fix_group(const float* x, int64_t n, const FixedGroup& to) {
    constexpr int COUNT = GROUP / W;
    // without their signs numbers are ordered as their bits are, and what is none comes last
    const __m512i unsigned_bits = _mm512_set1_epi32(0x7fffffff);
    F v[COUNT];
    __m512i most = _mm512_setzero_si512();
    for (int i = 0; i < COUNT; ++i) {
        v[i] = load_first(x + i * W, n > i * W ? n - i * W : 0);
        most = _mm512_max_epu32(most, _mm512_and_si512(_mm512_castps_si512(v[i].v), unsigned_bits));
    }
    const uint32_t bits = _mm512_reduce_max_epu32(most);
    const bool whole = bits < 0x7f800000;
    float top;
    memcpy(&top, &bits, sizeof top);
    const F by = all(whole && top > 1e-30f ? TOP / top : 0);
    __m512i total = _mm512_setzero_si512();
    for (int i = 0; i < COUNT; ++i) {
        const __m512i q = _mm512_cvtps_epi32((whole ? v[i] * by : zero()).v);
        total = _mm512_add_epi32(total, q);
        put_quads(q, to.quads + i * (W / QUAD) * to.step, to.step);
    }
    *to.offset = -ZERO * _mm512_reduce_add_epi32(total);
    *to.scale = whole ? top / TOP : NAN;
}

#else

template <int GROUP>
RK_INLINE void fix_group(const float* x, int64_t n, const FixedGroup& to) {
    float even[GROUP];
    F most = zero(), broken = zero();
    for (int64_t i = 0; i < GROUP; i += W) {
        const F v = load_first(x + i, n > i ? n - i : 0);
        most = greater(most, greater(v, zero() - v));
        broken = fma(v, zero(), broken);
        store(even + i, v);
    }
    const bool whole = sum(broken) == 0;
    const float top = largest(most), by = whole && top > 1e-30f ? TOP / top : 0;
    for (int64_t i = 0; i < GROUP; i += W) {
        const F v = whole ? load(even + i) : zero();
        store(even + i, nearest(v * all(by)));
    }
    int32_t total = 0;
    for (int64_t i = 0; i < GROUP; i += QUAD) {
        int16_t small[QUAD];
        for (int64_t j = 0; j < QUAD; ++j) total += small[j] = int16_t(even[i + j]);
        memcpy(to.quads + i / QUAD * to.step, small, sizeof small);
    }
    *to.offset = -ZERO * total;
    *to.scale = whole ? top / TOP : NAN;
}

#endif

// The first n numbers at x, and zeros behind them, as group g of a row of a strip.  A NaN or an
// infinity makes the scale NaN.
RK_INLINE void fix(
    const float* x, int64_t n, const Inputs& in, Strip strip, int64_t row, int64_t g) {
    const int64_t place = row - strip.first;
    const FixedGroup to = {in.at(strip, g) + 8 * place, 8 * strip.rows, in.scale(strip, g) + place,
                       in.offset(strip, g) + place};
    if (in.group == 64)
        fix_group<64>(x, n, to);
    else if (in.group == 32)
        fix_group<32>(x, n, to);
    else
        fix_group<16>(x, n, to);
}
