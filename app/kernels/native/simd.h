// W floats at once.  One header per instruction set brings F and what can be done with it; here
// is what all share.
//
//     W                          numbers in an F (16, 8 or 4)
//     READS                      the kinds (core.h) that load takes as fast as memory gives them
//     zero() all(x)              constants
//     load(p) store(p, f)        float, bf16 and fp16 in memory (rounded to the nearest even);
//                                load also int8_t
//     load_first(p, n)           as load, but numbers n and beyond are 0 and are not touched;
//     store_first(p, f, n)       n >= 0 may be larger than W
//     first(f, n)                f with zeros from place n on
//     a + b, a - b, a * b, a / b
//     fma(a, b, c)               a * b + c
//     fnma(a, b, c)              c - a * b
//     greater(a, b) lesser(a, b) the larger, the smaller of each two; b where one is not a number
//     sum(f) largest(f)          of all W
//     root(f)                    square root
//     where_less(a, b, x, y)     a < b ? x : y
//     exp(f) sigmoid(f) tanh(f) silu(f)   to about 2e-7 of the result
//     prefetch(p)                the cache line at p, soon to be read once
//     prefetch_far(p)            the same, into the second cache
//
// A family may need more of an instruction set: add it to each of the four headers.

#if RK_AVX512
#include "simd_avx512.h"
#elif RK_AVX2
#include "simd_avx2.h"
#elif RK_NEON
#include "simd_neon.h"
#else
#include "simd_plain.h"
#endif

RK_INLINE F exp(F x) {
    // below, float32 has no normal number; above, it has none at all
    const F inside = lesser(all(88.7f), greater(all(-87.3f), x));
    const F whole = nearest(inside * all(1.44269504f));
    // x - whole ln 2, with ln 2 in two parts, the first of few enough bits to be exact
    const F rest = fnma(whole, all(-2.12194440e-4f), fnma(whole, all(0.693359375f), inside));
    F power = fma(all(1.0f / 5040), rest, all(1.0f / 720));
    power = fma(power, rest, all(1.0f / 120));
    power = fma(power, rest, all(1.0f / 24));
    power = fma(power, rest, all(1.0f / 6));
    power = fma(power, rest, all(0.5f));
    power = fma(power, rest, all(1.0f));
    power = fma(power, rest, all(1.0f));
    const F y = where_less(x, all(-87.3f), zero(), doubled(power, whole));
    return where_less(all(88.72f), x, all(HUGE_VALF), y);
}

RK_INLINE F sigmoid(F x) { return all(1.0f) / (all(1.0f) + exp(zero() - x)); }

RK_INLINE F silu(F x) { return x * sigmoid(x); }

RK_INLINE F tanh(F x) {
    const F square = x * x;
    F near = fma(all(62.0f / 2835), square, all(-17.0f / 315));
    near = fma(near, square, all(2.0f / 15));
    near = fma(near, square, all(-1.0f / 3));
    near = fma(near * square, x, x);
    const F far = all(1.0f) - all(2.0f) / (all(1.0f) + exp(x + x));
    return where_less(square, all(0.0625f), near, far);
}
