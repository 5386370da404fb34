// 4 floats in a NEON register.

constexpr int64_t W = 4;
constexpr unsigned READS = 1u << FP32 | 1u << BF16 | 1u << FP16;

struct F {
    float32x4_t v;
};

RK_INLINE F zero() { return {vdupq_n_f32(0.0f)}; }
RK_INLINE F all(float x) { return {vdupq_n_f32(x)}; }

RK_INLINE uint16x4_t bits_of(const void* p) { return vld1_u16(static_cast<const uint16_t*>(p)); }

RK_INLINE F load(const float* p) { return {vld1q_f32(p)}; }
RK_INLINE F load(const bf16* p) { return {vreinterpretq_f32_u32(vshll_n_u16(bits_of(p), 16))}; }
RK_INLINE F load(const fp16* p) { return {vcvt_f32_f16(vreinterpret_f16_u16(bits_of(p)))}; }

RK_INLINE F load(const int8_t* p) {
    int8_t eight[8] = {};
    memcpy(eight, p, 4);
    return {vcvtq_f32_s32(vmovl_s16(vget_low_s16(vmovl_s8(vld1_s8(eight)))))};
}

template <class T>
RK_INLINE F load_first(const T* p, int64_t n) {
    if (n >= W) return load(p);
    T some[W] = {};
    for (int64_t i = 0; i < n; ++i) some[i] = p[i];
    return load(some);
}

RK_INLINE void store(float* p, F x) { vst1q_f32(p, x.v); }

// To the nearest even.
RK_INLINE void store(bf16* p, F x) {
    const uint32x4_t bits = vreinterpretq_u32_f32(x.v);
    const uint32x4_t odd = vandq_u32(vshrq_n_u32(bits, 16), vdupq_n_u32(1));
    const uint32x4_t up = vaddq_u32(odd, vdupq_n_u32(0x7fff));
    vst1_u16(&p->bits, vshrn_n_u32(vaddq_u32(bits, up), 16));
}

RK_INLINE void store(fp16* p, F x) { vst1_u16(&p->bits, vreinterpret_u16_f16(vcvt_f16_f32(x.v))); }

template <class T>
RK_INLINE void store_first(T* p, F x, int64_t n) {
    if (n >= W) return store(p, x);
    T some[W];
    store(some, x);
    for (int64_t i = 0; i < n; ++i) p[i] = some[i];
}

RK_INLINE F first(F x, int64_t n) {
    const int32_t places[4] = {0, 1, 2, 3};
    const uint32x4_t inside = vcltq_s32(vld1q_s32(places), vdupq_n_s32(int32_t(least(n, W))));
    return {vreinterpretq_f32_u32(vandq_u32(vreinterpretq_u32_f32(x.v), inside))};
}

RK_INLINE F operator+(F a, F b) { return {vaddq_f32(a.v, b.v)}; }
RK_INLINE F operator-(F a, F b) { return {vsubq_f32(a.v, b.v)}; }
RK_INLINE F operator*(F a, F b) { return {vmulq_f32(a.v, b.v)}; }
RK_INLINE F operator/(F a, F b) { return {vdivq_f32(a.v, b.v)}; }
RK_INLINE F fma(F a, F b, F c) { return {vfmaq_f32(c.v, a.v, b.v)}; }
RK_INLINE F fnma(F a, F b, F c) { return {vfmsq_f32(c.v, a.v, b.v)}; }
RK_INLINE F greater(F a, F b) { return {vmaxq_f32(a.v, b.v)}; }
RK_INLINE F lesser(F a, F b) { return {vminq_f32(a.v, b.v)}; }
RK_INLINE F root(F x) { return {vsqrtq_f32(x.v)}; }
RK_INLINE F where_less(F a, F b, F x, F y) { return {vbslq_f32(vcltq_f32(a.v, b.v), x.v, y.v)}; }
RK_INLINE float sum(F x) { return vaddvq_f32(x.v); }
RK_INLINE float largest(F x) { return vmaxvq_f32(x.v); }
RK_INLINE F nearest(F x) { return {vrndnq_f32(x.v)}; }

// x * 2^n for whole n of -126 to 128: in two halves, as 2^128 itself is no float
RK_INLINE F doubled(F x, F n) {
    const int32x4_t whole = vcvtq_s32_f32(n.v);
    const int32x4_t half = vshrq_n_s32(whole, 1);
    const int32x4_t rest = vsubq_s32(whole, half);
    const int32x4_t one = vdupq_n_s32(127);
    const F a = {vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(half, one), 23))};
    const F b = {vreinterpretq_f32_s32(vshlq_n_s32(vaddq_s32(rest, one), 23))};
    return x * a * b;
}

RK_INLINE void prefetch(const void* p) {
#if defined(__GNUC__)
    __builtin_prefetch(p);
#else
    (void)p;
#endif
}

RK_INLINE void prefetch_far(const void* p) {
#if defined(__GNUC__)
    __builtin_prefetch(p, 0, 2);
#else
    (void)p;
#endif
}
