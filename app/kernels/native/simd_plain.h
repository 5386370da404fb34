// 8 floats in plain C++, which compilers turn into what the processor has.

constexpr int64_t W = 8;
constexpr unsigned READS = 1u << FP32 | 1u << BF16;  // of fp16 each number is taken apart

struct F {
    float v[W];
};

RK_INLINE float bits_as_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

RK_INLINE uint32_t bits_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

RK_INLINE float number(float x) { return x; }
RK_INLINE float number(int8_t x) { return x; }
RK_INLINE float number(bf16 x) { return bits_as_float(uint32_t{x.bits} << 16); }

// The exponent moves by multiplication, so that half precision's denormals become right, too.
RK_INLINE float number(fp16 x) {
    const uint32_t sign = uint32_t(x.bits & 0x8000) << 16, rest = x.bits & 0x7fff;
    if (rest >= 0x7c00) return bits_as_float(sign | 0x7f800000 | (rest & 0x3ff) << 13);
    if (rest < 0x400) {
        const float small = float(rest) * 5.9604644775390625e-8f;  // 2^-24
        return bits_as_float(sign | bits_of(small));
    }
    return bits_as_float(sign | ((rest << 13) + (112u << 23)));
}

RK_INLINE void put(float* p, float x) { *p = x; }

// To the nearest even.
RK_INLINE void put(bf16* p, float x) {
    const uint32_t bits = bits_of(x);
    p->bits = uint16_t((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

// To the nearest even; too large becomes infinite.
RK_INLINE void put(fp16* p, float x) {
    const uint32_t bits = bits_of(x), sign = bits >> 16 & 0x8000, size = bits & 0x7fffffff;
    uint32_t half;
    if (size > 0x7f800000) {
        half = 0x7e00;
    } else if (size >= 0x477ff000) {
        half = 0x7c00;
    } else if (size < 0x38800000) {
        // adding 0.5 leaves the number in units of 2^-24 in the last bits
        half = bits_of(bits_as_float(size) + 0.5f) - bits_of(0.5f);
    } else {
        half = (size - (112u << 23) + 0xfff + (size >> 13 & 1)) >> 13;
    }
    p->bits = uint16_t(sign | half);
}

#define RK_EACH(expression)                        \
    F y;                                           \
    for (int i = 0; i < W; ++i) y.v[i] = expression; \
    return y

RK_INLINE F all(float x) { RK_EACH(x); }
RK_INLINE F zero() { return all(0.0f); }

template <class T>
RK_INLINE F load(const T* p) {
    RK_EACH(number(p[i]));
}

template <class T>
RK_INLINE F load_first(const T* p, int64_t n) {
    if (n >= W) return load(p);
    F y = zero();
    for (int64_t i = 0; i < n; ++i) y.v[i] = number(p[i]);
    return y;
}

template <class T>
RK_INLINE void store(T* p, F x) {
    for (int i = 0; i < W; ++i) put(p + i, x.v[i]);
}

template <class T>
RK_INLINE void store_first(T* p, F x, int64_t n) {
    for (int64_t i = 0; i < least(n, W); ++i) put(p + i, x.v[i]);
}

RK_INLINE F first(F x, int64_t n) { RK_EACH(i < n ? x.v[i] : 0.0f); }
RK_INLINE F operator+(F a, F b) { RK_EACH(a.v[i] + b.v[i]); }
RK_INLINE F operator-(F a, F b) { RK_EACH(a.v[i] - b.v[i]); }
RK_INLINE F operator*(F a, F b) { RK_EACH(a.v[i] * b.v[i]); }
RK_INLINE F operator/(F a, F b) { RK_EACH(a.v[i] / b.v[i]); }
RK_INLINE F fma(F a, F b, F c) { RK_EACH(a.v[i] * b.v[i] + c.v[i]); }
RK_INLINE F fnma(F a, F b, F c) { RK_EACH(c.v[i] - a.v[i] * b.v[i]); }
RK_INLINE F greater(F a, F b) { RK_EACH(a.v[i] > b.v[i] ? a.v[i] : b.v[i]); }
RK_INLINE F lesser(F a, F b) { RK_EACH(a.v[i] < b.v[i] ? a.v[i] : b.v[i]); }
RK_INLINE F root(F x) { RK_EACH(sqrtf(x.v[i])); }
RK_INLINE F where_less(F a, F b, F x, F y_) { RK_EACH(a.v[i] < b.v[i] ? x.v[i] : y_.v[i]); }

// Adding and taking away 1.5 * 2^23 leaves no room for a fraction.
RK_INLINE F nearest(F x) { RK_EACH((x.v[i] + 12582912.0f) - 12582912.0f); }

// x * 2^n for whole n of -126 to 128: in two halves, as 2^128 itself is no float
RK_INLINE F doubled(F x, F n) {
    F y;
    for (int i = 0; i < W; ++i) {
        const int32_t whole = int32_t(n.v[i]), half = whole >> 1;
        const float a = bits_as_float(uint32_t(half + 127) << 23);
        y.v[i] = x.v[i] * a * bits_as_float(uint32_t(whole - half + 127) << 23);
    }
    return y;
}

#undef RK_EACH

RK_INLINE float sum(F x) {
    return ((x.v[0] + x.v[4]) + (x.v[2] + x.v[6])) + ((x.v[1] + x.v[5]) + (x.v[3] + x.v[7]));
}

RK_INLINE float largest(F x) {
    float most_of_all = x.v[0];
    for (int i = 1; i < W; ++i) most_of_all = x.v[i] > most_of_all ? x.v[i] : most_of_all;
    return most_of_all;
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
