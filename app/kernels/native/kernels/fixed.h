// Activations as whole numbers: each group of inputs that shares a scale in the weights becomes
// 16-bit integers times one float, which loses 2^-16 of the group's largest number.

constexpr int64_t QUAD = 4;
constexpr int64_t PANEL = 16;
constexpr int64_t MOST_GROUP = 64;
constexpr int64_t FLOAT_PANEL = 128;  // outputs of a panel of floats by unit
constexpr float TOP = 32512;  // 127 * 256: the upper of two signed bytes stays one
constexpr int ZERO = 128;     // what the unsigned bytes of weights are too large by

// Rows of inputs, groups of each; everything lies in the call's scratch memory.
struct Inputs {
    int64_t rows, groups, group;
    uint8_t* quads;    // (rows, groups, group / 4) of 8 bytes
    float* scales;     // (rows, groups)
    int32_t* offsets;  // (rows, groups, 2): what takes ZERO off again

    RK_MEMBER const uint8_t* at(int64_t row, int64_t g) const {
        return quads + (row * groups + g) * group * 2;
    }
    RK_MEMBER float scale(int64_t row, int64_t g) const { return scales[row * groups + g]; }
    RK_MEMBER const int32_t* offset(int64_t row, int64_t g) const {
        return offsets + (row * groups + g) * 2;
    }
    // the first byte behind it all
    RK_MEMBER uint8_t* end() const {
        return reinterpret_cast<uint8_t*>(offsets + rows * groups * 2);
    }
};

RK_INLINE Inputs inputs_in(uint8_t* scratch, int64_t rows, int64_t groups, int64_t group) {
    float* scales = reinterpret_cast<float*>(scratch + rows * groups * group * 2);
    int32_t* offsets = reinterpret_cast<int32_t*>(scales + rows * groups);
    return {rows, groups, group, scratch, scales, offsets};
}

// Four numbers as add() of quads.h wants them: two signed bytes each, upper ones first, or 16 bits.
RK_INLINE void write_quad(const int32_t* q, uint8_t* to) {
#if RK_VNNI
    for (int i = 0; i < QUAD; ++i) {
        const int32_t high = (q[i] + 128) >> 8;
        to[i] = uint8_t(high);
        to[QUAD + i] = uint8_t(q[i] - 256 * high);
    }
#else
    int16_t small[QUAD];
    for (int i = 0; i < QUAD; ++i) small[i] = int16_t(q[i]);
    memcpy(to, small, sizeof small);
#endif
}

RK_INLINE void write_offset(const int32_t* q, int64_t group, int32_t* to) {
    int32_t high = 0, all = 0;
    for (int64_t i = 0; i < group; ++i) {
        all += q[i];
        high += (q[i] + 128) >> 8;
    }
#if RK_VNNI
    to[0] = -ZERO * high;
    to[1] = -ZERO * (all - 256 * high);
#else
    to[0] = -ZERO * all;
    to[1] = 0;
#endif
}

// The first n numbers at x, and zeros behind them, as group g of a row.  A NaN or an infinity
// makes the scale NaN.
RK_INLINE void fix(const float* x, int64_t n, const Inputs& in, int64_t row, int64_t g) {
    float even[MOST_GROUP];
    int32_t q[MOST_GROUP];
    F most = zero(), broken = zero();
    for (int64_t i = 0; i < in.group; i += W) {
        const F v = load_first(x + i, n > i ? n - i : 0);
        most = greater(most, greater(v, zero() - v));
        broken = fma(v, zero(), broken);
        store(even + i, v);
    }
    const bool whole = sum(broken) == 0;
    const float top = largest(most), by = whole && top > 1e-30f ? TOP / top : 0;
    for (int64_t i = 0; i < in.group; i += W) {
        const F v = whole ? load(even + i) : zero();
        store(even + i, nearest(v * all(by)));
    }
    for (int64_t i = 0; i < in.group; ++i) q[i] = int32_t(even[i]);
    uint8_t* to = in.quads + (row * in.groups + g) * in.group * 2;
    for (int64_t i = 0; i < in.group; i += QUAD) write_quad(q + i, to + 2 * i);
    write_offset(q, in.group, in.offsets + (row * in.groups + g) * 2);
    in.scales[row * in.groups + g] = whole ? top / TOP : NAN;
}
