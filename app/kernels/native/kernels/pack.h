// Quantised matrices made from floats: the same bytes as packing.py makes, operation by operation.
// (The library is built without contraction of products and sums for this.)

constexpr float NOTHING = 1e-30f;
constexpr float MOST_HALF = 65504;

// A float rounded to float16, and what that is.
RK_INLINE float as_half(float x, fp16* to) {
    store_first(to, all(x), 1);
    float back[W];
    store(back, load_first(to, 1));
    return back[0];
}

RK_INLINE float inverse(float scale) {
    return fabsf(scale) > NOTHING ? 1.0f / scale : 0.0f;
}

// The whole number nearest to each w / scale, within bounds.
RK_INLINE F place(F w, F by, float bottom, float top) {
    return lesser(greater(nearest(w * by), all(bottom)), all(top));
}

RK_INLINE void bytes_of(const float* even, int64_t group, uint8_t* codes) {
    for (int64_t i = 0; i < group; ++i) codes[i] = uint8_t(int32_t(even[i]));
}

RK_INLINE void quantise8(const float* w, int64_t group, uint8_t* codes, fp16* scale) {
    F most_of_all = zero();
    for (int64_t i = 0; i < group; i += W) {
        const F v = load(w + i);
        most_of_all = greater(most_of_all, greater(v, zero() - v));
    }
    const float wanted = largest(most_of_all) / 127.0f;
    const F by = all(inverse(as_half(wanted < MOST_HALF ? wanted : MOST_HALF, scale)));
    float even[MOST_GROUP];
    for (int64_t i = 0; i < group; i += W)
        store(even + i, place(load(w + i), by, -127, 127) + all(ZERO));
    bytes_of(even, group, codes);
}

// A scale is tried for each place where a group's largest number may lie.
constexpr int ENDS = 6;
constexpr int LOT = 8;  // groups that are fitted together, as each step of one waits for the last
constexpr int TRIALS = ENDS * LOT;

// The trials of a lot, those of a group one after the other.
struct Trials {
    float scales[TRIALS], by[TRIALS], crosses[TRIALS], squares[TRIALS];
    fp16 halves[TRIALS];
};

RK_INLINE void fit_each(const float* w, const Codebook4& book, Trials& trials) {
    for (int i = 0; i < TRIALS; i += int(W)) {
        const F scale = load(trials.scales + i), size = greater(scale, zero() - scale);
        store(trials.by + i, where_less(all(NOTHING), size, all(1) / scale, zero()));
    }
    for (int one = 0; one < LOT; ++one) {
        const Weights group = weights_at(w + one * FOUR_GROUP);
        for (int i = one * ENDS; i < (one + 1) * ENDS; ++i) {
            const Fit found = fit(group, trials.by[i], book);
            trials.crosses[i] = found.cross, trials.squares[i] = found.square;
        }
    }
}

// The number of a group that is largest without its sign.
RK_INLINE float outermost(const float* w) {
    F high = load(w), low = zero() - high;
    for (int64_t i = W; i < FOUR_GROUP; i += W)
        high = greater(high, load(w + i)), low = greater(low, zero() - load(w + i));
    const float top = largest(high), bottom = largest(low);
    return top >= bottom ? top : -bottom;
}

// Groups of as many outputs, one behind the other.
RK_INLINE void quantise4(const float* w, const Codebook4& book, uint8_t* codes, fp16* scales) {
    const float ends[ENDS] = {135, -135, 119, -119, 104, -104};
    Trials trials;
    for (int one = 0; one < LOT; ++one) {
        const float top = outermost(w + one * FOUR_GROUP);
        for (int end = 0; end < ENDS; ++end) trials.scales[one * ENDS + end] = top / ends[end];
    }
    fit_each(w, book, trials);
    for (int i = 0; i < TRIALS; i += int(W)) {
        const F wanted = load(trials.crosses + i) / load(trials.squares + i);
        store(trials.halves + i, lesser(all(MOST_HALF), greater(all(-MOST_HALF), wanted)));
        store(trials.scales + i, load(trials.halves + i));
    }
    fit_each(w, book, trials);
    float errors[TRIALS];
    for (int i = 0; i < TRIALS; i += int(W)) {
        const F fitted = load(trials.scales + i), twice = all(2) * load(trials.crosses + i);
        store(errors + i, fitted * (fitted * load(trials.squares + i) - twice));
    }
    for (int one = 0; one < LOT; ++one) {
        int best = one * ENDS;
        for (int i = best + 1; i < (one + 1) * ENDS; ++i)
            if (errors[i] < errors[best]) best = i;
        scales[one] = trials.halves[best];
        const Weights group = weights_at(w + one * FOUR_GROUP);
        codes_of(group, trials.by[best], book, codes + one * FOUR_GROUP);
    }
}

// Where the numbers of one group go: a block of the panel, and the first output there.
struct Slot {
    uint8_t* block;
    int64_t output;
    bool four;

    // Those of one output.
    RK_MEMBER void put(const uint8_t* codes, int64_t group) const {
        const int64_t quads = group / QUAD / (four ? 2 : 1);
        for (int64_t i = 0; i < quads; ++i) {
            uint32_t quad, above;
            memcpy(&quad, codes + (four ? 2 * i : i) * QUAD, QUAD);
            if (four) memcpy(&above, codes + (2 * i + 1) * QUAD, QUAD), quad |= above << 4;
            memcpy(block + i * LINE + output * QUAD, &quad, QUAD);
        }
    }

    // Those of four outputs, by unit: their bytes lie side by side.
    RK_MEMBER void put_units(const uint8_t* codes, int64_t group) const {
        const int64_t in_line = output % 64;
        const int64_t place = in_line % 16 / 4 * 16 + in_line / 16 * 4;
        uint8_t* at = block + output / (four ? 128 : 64) * LINE + place;
        const bool upper = four && output / 64 % 2 == 1;
        for (int64_t i = 0; i < group; ++i, at += ROW_BYTES) {
            const uint8_t some[QUAD] = {
                codes[i], codes[group + i], codes[2 * group + i], codes[3 * group + i]};
            uint32_t quad, below = 0;
            memcpy(&quad, some, QUAD);
            if (upper) memcpy(&below, at, QUAD), quad = quad << 4 | below;
            memcpy(at, &quad, QUAD);
        }
    }
};

// `n` numbers as floats, and zeros up to a group.
template <class N>
RK_INLINE void take_some(const N* w, int64_t n, int64_t group, float* to) {
    for (int64_t i = 0; i < group; i += W)
        store(to + i, n > i ? load_first(w + i, n - i) : zero());
}

// The numbers of one output and group, zeros beyond the matrix.
RK_INLINE void take_group(
    const void* w, int64_t kind, int64_t at, int64_t n, int64_t group, float* to) {
    if (kind == FP32)
        take_some(static_cast<const float*>(w) + at, n, group, to);
    else if (kind == BF16)
        take_some(static_cast<const bf16*>(w) + at, n, group, to);
    else
        take_some(static_cast<const fp16*>(w) + at, n, group, to);
}

// A group with something that is not a number has a scale that is none, and zeros.
RK_INLINE bool takes_broken(float* w, int64_t group) {
    bool broken = false;
    for (int64_t i = 0; i < group; ++i) broken |= w[i] != w[i];
    if (broken) memset(w, 0, size_t(group) * sizeof(float));
    return broken;
}

// What one thread packs from, and where to.
struct Packing {
    const Call& call;
    int64_t outputs, inputs, group, panel, groups;
    bool four, by_unit;
    Codebook4 book;

    RK_MEMBER explicit Packing(const Call& given)
        : call(given), outputs(given[3]), inputs(given[4]), group(given[7]), panel(given[8]) {
        groups = (inputs + group - 1) / group, four = given[6] == PACKED4, by_unit = given[9] != 0;
        book = codebook4_of(given.at<const uint8_t>(10));
    }

    // The numbers of a lot of outputs, zeros beyond the matrix; a bit for each that has had a NaN.
    RK_MEMBER unsigned take(int64_t g, int64_t first, float* w) const {
        unsigned broken = 0;
        for (int64_t o = 0; o < LOT; ++o, w += group) {
            const bool there = first + o < outputs;
            take_group(
                call.at<const void>(2), call[5], (first + o) * inputs + g * group,
                there ? least(group, inputs - g * group) : 0, group, w);
            broken |= unsigned(takes_broken(w, group)) << o;
        }
        return broken;
    }

    // One panel's outputs of one group.
    RK_MEMBER void pack_block(int64_t at) const {
        const int64_t g = at % groups, first = at / groups * panel;
        uint8_t* block = call.at<uint8_t>(0) + at * (panel * group / (four ? 2 : 1));
        float w[LOT * MOST_GROUP];
        uint8_t codes[LOT * MOST_GROUP];
        for (int64_t o = 0; o < panel; o += LOT) {
            fp16* scales = call.at<fp16>(1) + at * panel + o;
            const unsigned broken = take(g, first + o, w);
            if (four) quantise4(w, book, codes, scales);
            for (int64_t i = 0; i < LOT; ++i) {
                if (!four) quantise8(w + i * group, group, codes + i * group, scales + i);
                if (broken >> i & 1) as_half(NAN, scales + i);
                if (!by_unit) Slot{block, o + i, four}.put(codes + i * group, group);
            }
            for (int64_t i = 0; by_unit && i < LOT; i += QUAD)
                Slot{block, o + i, four}.put_units(codes + i * group, group);
        }
    }
};

// One matrix; arguments: codes, scales, W (out, in), out, in, kind of W, kind of the result, group,
// outputs of a panel, whether by unit, table.
RK_KERNEL(pack) {
    const Packing packing(call);
    const int64_t panels = (packing.outputs + packing.panel - 1) / packing.panel;
    Range part;
    while (team.next(panels * packing.groups, 16, part))
        for (int64_t at = part.begin; at < part.end; ++at) packing.pack_block(at);
}
