// 16 floats in an AVX-512 register.

constexpr int64_t W = 16;
constexpr unsigned READS = 1u << FP32 | 1u << BF16 | 1u << FP16;

struct F {
    __m512 v;
};

RK_INLINE F zero() { return {_mm512_setzero_ps()}; }
RK_INLINE F all(float x) { return {_mm512_set1_ps(x)}; }

RK_INLINE F from_bf16(__m256i bits) {
    return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16))};
}

RK_INLINE __m256i bits_of(const void* p) {
    return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}

RK_INLINE F load(const float* p) { return {_mm512_loadu_ps(p)}; }
RK_INLINE F load(const bf16* p) { return from_bf16(bits_of(p)); }
RK_INLINE F load(const fp16* p) { return {_mm512_cvtph_ps(bits_of(p))}; }

RK_INLINE F load(const int8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))};
}

RK_INLINE __mmask16 mask_of(int64_t n) { return __mmask16(n >= W ? 0xffff : (1u << n) - 1); }

RK_INLINE F load_first(const float* p, int64_t n) { return {_mm512_maskz_loadu_ps(mask_of(n), p)}; }

RK_INLINE F load_first(const bf16* p, int64_t n) {
    return from_bf16(_mm256_maskz_loadu_epi16(mask_of(n), p));
}

RK_INLINE F load_first(const fp16* p, int64_t n) {
    return {_mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask_of(n), p))};
}

RK_INLINE F load_first(const int8_t* p, int64_t n) {
    const __m128i bytes = _mm_maskz_loadu_epi8(mask_of(n), p);
    return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes))};
}

RK_INLINE F first(F x, int64_t n) { return {_mm512_maskz_mov_ps(mask_of(n), x.v)}; }

// To the nearest even; the intrinsic of BF16 takes denormals for 0, as all else here does.
RK_INLINE __m256i to_bf16(F x) {
#if RK_BF16
    const __m256bh rounded = _mm512_cvtneps_pbh(x.v);
    __m256i found;
    memcpy(&found, &rounded, sizeof found);
    return found;
#else
    const __m512i bits = _mm512_castps_si512(x.v);
    const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
    const __m512i up = _mm512_add_epi32(odd, _mm512_set1_epi32(0x7fff));
    return _mm512_cvtepi32_epi16(_mm512_srli_epi32(_mm512_add_epi32(bits, up), 16));
#endif
}

RK_INLINE __m256i to_fp16(F x) {
    return _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

RK_INLINE void store(float* p, F x) { _mm512_storeu_ps(p, x.v); }
RK_INLINE void store(bf16* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_bf16(x));
}
RK_INLINE void store(fp16* p, F x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), to_fp16(x));
}

RK_INLINE void store_first(float* p, F x, int64_t n) { _mm512_mask_storeu_ps(p, mask_of(n), x.v); }
RK_INLINE void store_first(bf16* p, F x, int64_t n) {
    _mm256_mask_storeu_epi16(p, mask_of(n), to_bf16(x));
}
RK_INLINE void store_first(fp16* p, F x, int64_t n) {
    _mm256_mask_storeu_epi16(p, mask_of(n), to_fp16(x));
}

RK_INLINE F operator+(F a, F b) { return {_mm512_add_ps(a.v, b.v)}; }
RK_INLINE F operator-(F a, F b) { return {_mm512_sub_ps(a.v, b.v)}; }
RK_INLINE F operator*(F a, F b) { return {_mm512_mul_ps(a.v, b.v)}; }
RK_INLINE F operator/(F a, F b) { return {_mm512_div_ps(a.v, b.v)}; }
RK_INLINE F fma(F a, F b, F c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
RK_INLINE F fnma(F a, F b, F c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
RK_INLINE F greater(F a, F b) { return {_mm512_max_ps(a.v, b.v)}; }
RK_INLINE F lesser(F a, F b) { return {_mm512_min_ps(a.v, b.v)}; }
RK_INLINE F root(F x) { return {_mm512_sqrt_ps(x.v)}; }

RK_INLINE F where_less(F a, F b, F x, F y) {
    return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), y.v, x.v)};
}

RK_INLINE float sum(F x) { return _mm512_reduce_add_ps(x.v); }
RK_INLINE float largest(F x) { return _mm512_reduce_max_ps(x.v); }

RK_INLINE F nearest(F x) {
    return {_mm512_roundscale_ps(x.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}

// x * 2^n for whole n
RK_INLINE F doubled(F x, F n) { return {_mm512_scalef_ps(x.v, n.v)}; }

RK_INLINE void prefetch(const void* p) { _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T0); }
RK_INLINE void prefetch_far(const void* p) {
    _mm_prefetch(static_cast<const char*>(p), _MM_HINT_T1);
}
