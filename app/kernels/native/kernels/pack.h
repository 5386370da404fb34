// Quantised matrices made from floats: the same bytes as packing.py makes, operation by operation.
// (The library is built without contraction of products and sums for this.)

constexpr int64_t FOUR_GROUP = 32;  // inputs of a group of int4
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

// The table's steps: its first number, and from where on each further one is nearer.
struct Uneven {
    float first, steps[15], from[15];
};

RK_INLINE Uneven uneven_of(const uint8_t* table) {
    Uneven made;
    made.first = float(int(table[0]) - ZERO);
    for (int k = 0; k < 15; ++k) {
        // a whole number halfway belongs to the lower one
        made.steps[k] = float(int(table[k + 1]) - int(table[k]));
        made.from[k] = 0.5f * float(int(table[k + 1]) + int(table[k])) - ZERO;
    }
    return made;
}

// The sum of FOUR_GROUP numbers, halves added to each other until one is left.
RK_INLINE float folded(const F* terms) {
    constexpr int COUNT = int(FOUR_GROUP / W);
    F some[COUNT];
    for (int i = 0; i < COUNT; ++i) some[i] = terms[i];
    for (int half = COUNT / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) some[i] = some[i] + some[i + half];
    float last[W];
    store(last, some[0]);
    for (int half = int(W) / 2; half > 0; half /= 2)
        for (int i = 0; i < half; ++i) last[i] += last[i + half];
    return last[0];
}

// Sums of w t and of t t, t being the table's numbers nearest to w / scale.
struct Fit {
    float cross, square;
};

RK_INLINE Fit fit(const float* w, float scale, const Uneven& uneven) {
    constexpr int COUNT = int(FOUR_GROUP / W);
    const F by = all(inverse(scale));
    F crosses[COUNT], squares[COUNT];
    for (int i = 0; i < COUNT; ++i) {
        const F some = load(w + i * W), at = place(some, by, -128, 127);
        F t = all(uneven.first);
        for (int k = 0; k < 15; ++k)
            t = t + where_less(all(uneven.from[k]), at, all(uneven.steps[k]), zero());
        crosses[i] = some * t;
        squares[i] = t * t;
    }
    return {folded(crosses), folded(squares)};
}

RK_INLINE void codes_of(const float* w, float scale, const Uneven& uneven, uint8_t* codes) {
    const F by = all(inverse(scale));
    float even[FOUR_GROUP];
    for (int64_t i = 0; i < FOUR_GROUP; i += W) {
        const F at = place(load(w + i), by, -128, 127);
        F code = zero();
        for (int k = 0; k < 15; ++k)
            code = code + where_less(all(uneven.from[k]), at, all(1), zero());
        store(even + i, code);
    }
    bytes_of(even, FOUR_GROUP, codes);
}

RK_INLINE void quantise4(
    const float* w, const Uneven& uneven, uint8_t* codes, fp16* scale) {
    const float ends[] = {135, -135, 119, -119, 104, -104};
    float high = w[0], low = w[0], best = 0, chosen = 0;
    for (int64_t i = 1; i < FOUR_GROUP; ++i) {
        high = w[i] > high ? w[i] : high;
        low = w[i] < low ? w[i] : low;
    }
    const float top = high >= -low ? high : low;
    for (int end = 0; end < 6; ++end) {
        fp16 half;
        const Fit first = fit(w, top / ends[end], uneven);
        float wanted = first.cross / first.square;
        wanted = wanted > MOST_HALF ? MOST_HALF : wanted < -MOST_HALF ? -MOST_HALF : wanted;
        const float fitted = as_half(wanted, &half);
        const Fit second = fit(w, fitted, uneven);
        const float error = fitted * (fitted * second.square - 2 * second.cross);
        if (end > 0 && !(error < best)) continue;
        best = error, chosen = fitted, *scale = half;
    }
    codes_of(w, chosen, uneven, codes);
}

// Where the numbers of one output of one group go.
struct Slot {
    uint8_t* block;  // of the panel's group
    int64_t output;  // in the panel
    bool four, by_unit;

    RK_MEMBER void put(const uint8_t* codes, int64_t group) const {
        if (!by_unit && !four)
            for (int64_t i = 0; i < group; ++i)
                block[i / QUAD * LINE + output * QUAD + i % QUAD] = codes[i];
        else if (!by_unit)
            for (int64_t i = 0; i < group / 2; ++i) {
                const int64_t at = i / QUAD * 2 * QUAD + i % QUAD;
                block[i / QUAD * LINE + output * QUAD + i % QUAD] =
                    uint8_t(codes[at] | codes[at + QUAD] << 4);
            }
        else
            put_by_unit(codes, group);
    }

    RK_MEMBER void put_by_unit(const uint8_t* codes, int64_t group) const {
        const int64_t in_line = output % 64;
        const int64_t place = in_line % 16 / 4 * 16 + in_line / 16 * 4 + in_line % 4;
        uint8_t* at = block + output / (four ? 128 : 64) * LINE + place;
        const bool upper = four && output / 64 % 2 == 1;
        for (int64_t i = 0; i < group; ++i, at += ROW_BYTES)
            *at = upper ? uint8_t(*at | codes[i] << 4) : codes[i];
    }
};

// The numbers of one output and group as floats, zeros beyond the matrix.
RK_INLINE void take_group(const void* w, int64_t kind, int64_t at, int64_t n, float* to) {
    for (int64_t i = 0; i < MOST_GROUP; i += W) {
        const int64_t left = n > i ? n - i : 0;
        F v = zero();
        if (left > 0) {
            if (kind == FP32)
                v = load_first(static_cast<const float*>(w) + at + i, left);
            else if (kind == BF16)
                v = load_first(static_cast<const bf16*>(w) + at + i, left);
            else
                v = load_first(static_cast<const fp16*>(w) + at + i, left);
        }
        store(to + i, v);
    }
}

// A group with something that is not a number has a scale that is none, and zeros.
RK_INLINE bool takes_broken(float* w, int64_t group) {
    bool broken = false;
    for (int64_t i = 0; i < group; ++i) broken |= w[i] != w[i];
    if (broken) memset(w, 0, size_t(group) * sizeof(float));
    return broken;
}

// One matrix; arguments: codes, scales, W (out, in), out, in, kind of W, kind of the result, group,
// outputs of a panel, whether by unit, table.
RK_KERNEL(pack) {
    const int64_t outputs = call[3], inputs = call[4], group = call[7], panel = call[8];
    const bool four = call[6] == PACKED4;
    const int64_t groups = (inputs + group - 1) / group, panels = (outputs + panel - 1) / panel;
    const int64_t block = panel * group / (four ? 2 : 1);
    const Uneven uneven = uneven_of(call.at<const uint8_t>(10));
    Range part;
    while (team.next(panels * groups, 16, part)) {
        for (int64_t at = part.begin; at < part.end; ++at) {
            const int64_t g = at % groups, first = at / groups * panel;
            for (int64_t o = 0; o < panel; ++o) {
                float w[MOST_GROUP];
                uint8_t codes[MOST_GROUP];
                const bool there = first + o < outputs;
                take_group(
                    call.at<const void>(2), call[5], (first + o) * inputs + g * group,
                    there ? least(group, inputs - g * group) : 0, w);
                fp16* scale = call.at<fp16>(1) + at * panel + o;
                const bool broken = takes_broken(w, group);
                if (four)
                    quantise4(w, uneven, codes, scale);
                else
                    quantise8(w, group, codes, scale);
                if (broken) as_half(NAN, scale);
                const Slot slot{call.at<uint8_t>(0) + at * block, o, four, call[9] != 0};
                slot.put(codes, group);
            }
        }
    }
}
