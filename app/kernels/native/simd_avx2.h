// 8 floats in an AVX register, with FMA and F16C.

constexpr int64_t W = 8;
constexpr unsigned READS = 1u << FP32 | 1u << BF16 | 1u << FP16;

struct F {
    __m256 v;
};

RK_INLINE F zero() { return {_mm256_setzero_ps()}; }
RK_INLINE F all(float x) { return {_mm256_set1_ps(x)}; }

RK_INLINE F from_bf16(__m128i bits) {
    return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16))};
}

RK_INLINE __m128i bits_of(const void* p) { return _mm_loadu_si128(static_cast<const __m128i*>(p)); }

RK_INLINE F load(const float* p) { return {_mm256_loadu_ps(p)}; }
RK_INLINE F load(const bf16* p) { return from_bf16(bits_of(p)); }
RK_INLINE F load(const fp16* p) { return {_mm256_cvtph_ps(bits_of(p))}; }

RK_INLINE F load(const int8_t* p) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes))};
}

RK_INLINE __m256i mask_of(int64_t n) {
    const __m256i place = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(int(least(n, W))), place);
}

RK_INLINE F load_first(const float* p, int64_t n) {
    return {n >= W ? _mm256_loadu_ps(p) : _mm256_maskload_ps(p, mask_of(n))};
}

template <class T>
RK_INLINE F load_first(const T* p, int64_t n) {
    if (n >= W) return load(p);
    T some[W] = {};
    for (int64_t i = 0; i < n; ++i) some[i] = p[i];
    return load(some);
}

RK_INLINE F first(F x, int64_t n) {
    return {_mm256_and_ps(x.v, _mm256_castsi256_ps(mask_of(n)))};
}

// To the nearest even.
RK_INLINE __m128i to_bf16(F x) {
    const __m256i bits = _mm256_castps_si256(x.v);
    const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
    const __m256i up = _mm256_add_epi32(odd, _mm256_set1_epi32(0x7fff));
    const __m256i high = _mm256_srli_epi32(_mm256_add_epi32(bits, up), 16);
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(high, high), 0x08);
    return _mm256_castsi256_si128(packed);
}

RK_INLINE __m128i to_fp16(F x) { return _mm256_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT); }

RK_INLINE void store(float* p, F x) { _mm256_storeu_ps(p, x.v); }
RK_INLINE void store(bf16* p, F x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_bf16(x)); }
RK_INLINE void store(fp16* p, F x) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), to_fp16(x)); }

RK_INLINE void store_first(float* p, F x, int64_t n) {
    if (n >= W) return _mm256_storeu_ps(p, x.v);
    _mm256_maskstore_ps(p, mask_of(n), x.v);
}

template <class T>
RK_INLINE void store_first(T* p, F x, int64_t n) {
    if (n >= W) return store(p, x);
    T some[W];
    store(some, x);
    for (int64_t i = 0; i < n; ++i) p[i] = some[i];
}

RK_INLINE F operator+(F a, F b) { return {_mm256_add_ps(a.v, b.v)}; }
RK_INLINE F operator-(F a, F b) { return {_mm256_sub_ps(a.v, b.v)}; }
RK_INLINE F operator*(F a, F b) { return {_mm256_mul_ps(a.v, b.v)}; }
RK_INLINE F operator/(F a, F b) { return {_mm256_div_ps(a.v, b.v)}; }
RK_INLINE F fma(F a, F b, F c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
RK_INLINE F fnma(F a, F b, F c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
RK_INLINE F greater(F a, F b) { return {_mm256_max_ps(a.v, b.v)}; }
RK_INLINE F lesser(F a, F b) { return {_mm256_min_ps(a.v, b.v)}; }
RK_INLINE F root(F x) { return {_mm256_sqrt_ps(x.v)}; }

RK_INLINE F where_less(F a, F b, F x, F y) {
    return {_mm256_blendv_ps(y.v, x.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
}

RK_INLINE float sum(F x) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

RK_INLINE float largest(F x) {
    __m128 half = _mm_max_ps(_mm256_castps256_ps128(x.v), _mm256_extractf128_ps(x.v, 1));
    half = _mm_max_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_max_ss(half, _mm_movehdup_ps(half)));
}

RK_INLINE F nearest(F x) {
    return {_mm256_round_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

// x * 2^n for whole n of -126 to 128: in two halves, as 2^128 itself is no float
RK_INLINE F doubled(F x, F n) {
    const __m256i whole = _mm256_cvtps_epi32(n.v);
    const __m256i half = _mm256_srai_epi32(whole, 1);
    const __m256i rest = _mm256_sub_epi32(whole, half);
    const __m256i one = _mm256_set1_epi32(127);
    const F a = {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, one), 23))};
    const F b = {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, one), 23))};
    return x * a * b;
}

RK_INLINE void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
RK_INLINE void prefetch_far(const void* p) {
    _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1);
}
