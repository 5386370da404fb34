// A panel of small integers (layout.py, by output) times a strip of rows.

enum PackedKind : int64_t { PACKED8 = 0, PACKED4 = 1, PACKED8_16 = 2 };

constexpr int64_t VECTORS = PANEL / W;
constexpr int64_t PACKED_AHEAD = 4096;

// Memory that will be read soon, asked for a line at a time: runs of `run` bytes.
struct Coming {
    const char* at;
    int64_t run, distance, runs;  // distance from the begin of a run to the next
    int64_t done;                 // bytes of the present run

    RK_MEMBER void next() {
        if (runs <= 0) return;
        prefetch(at + done);
        done += LINE;
        if (done < run) return;
        done = 0;
        at += distance;
        --runs;
    }
};

// Numbers that come from memory one after the other: each two quads ask for those a little ahead.
struct Streamed {
    RK_MEMBER void quads(const uint8_t* p, int64_t bytes) const {
        for (int64_t i = 0; i < bytes; i += LINE) prefetch(p + PACKED_AHEAD + i);
    }
    RK_MEMBER void group() const {}
};

// Numbers that are in the cache already: what comes after them is asked for, some of it a group.
struct Cached {
    Coming coming;
    int64_t lines;

    RK_MEMBER void quads(const uint8_t*, int64_t) const {}
    RK_MEMBER void group() {
        for (int64_t i = 0; i < lines; ++i) coming.next();
    }
};

// One panel's numbers, two quads at a time; FOUR tells that they have 4 bits.
template <bool FOUR, class Ahead>
RK_INLINE const uint8_t* two_quads(
    const uint8_t* p, const Table& table, Ahead& ahead, Quads& a, Quads& b) {
    constexpr int64_t BYTES = FOUR ? LINE : 2 * LINE;
    ahead.quads(p, BYTES);
    if (FOUR)
        halves(p, table, a, b);
    else
        a = quads_at(p), b = quads_at(p + LINE);
    return p + BYTES;
}

// Some groups of one panel; `step` is from the scales of a group to those of the next.
struct Codes {
    const uint8_t* codes;
    const fp16* scales;
    int64_t step;
};

// totals (M, 16) = or += the panel's groups `groups` times a strip of M rows.
template <int QUADS, bool FOUR, int M, class Ahead>
RK_INLINE void panel_times(
    Codes panel, const Inputs& in, Strip strip, Range groups, const Table& table, float* totals,
    bool onto, Ahead& ahead) {
    constexpr int CHAINS = M == 1 ? 2 : 1;
    F total[M][VECTORS];
    for (int m = 0; m < M; ++m)
        for (int i = 0; i < VECTORS; ++i)
            total[m][i] = onto ? load(totals + m * PANEL + i * W) : zero();
    for (int64_t g = groups.begin; g < groups.end; ++g, panel.scales += panel.step) {
        Sums sums[M][CHAINS];
        const uint8_t* x = in.at(strip, g);
        const int32_t* offsets = in.offset(strip, g);
        for (int m = 0; m < M; ++m) {
            start(sums[m][0], offsets[m]);
            if (CHAINS > 1) start(sums[m][CHAINS - 1], 0);
        }
        for (int q = 0; q < QUADS; q += 2, x += 2 * 8 * M) {
            Quads a, b;
            panel.codes = two_quads<FOUR>(panel.codes, table, ahead, a, b);
            for (int m = 0; m < M; ++m) add(sums[m][0], a, x + 8 * m);
            for (int m = 0; m < M; ++m) add(sums[m][CHAINS - 1], b, x + 8 * (M + m));
        }
        ahead.group();
        const float* scales = in.scale(strip, g);
        for (int m = 0; m < M; ++m) {
            F whole[VECTORS];
            if (CHAINS > 1) join(sums[m][0], sums[m][CHAINS - 1]);
            floats_of(sums[m][0], whole);
            const F by = all(scales[m]);
            for (int i = 0; i < VECTORS; ++i)
                total[m][i] = fma(whole[i], load(panel.scales + i * W) * by, total[m][i]);
        }
    }
    for (int m = 0; m < M; ++m)
        for (int i = 0; i < VECTORS; ++i) store(totals + m * PANEL + i * W, total[m][i]);
}

// The same for a strip of any size.
template <int QUADS, bool FOUR, class Ahead>
RK_INLINE void panel_times_strip(
    const Codes& panel, const Inputs& in, Strip strip, Range groups, const Table& table,
    float* totals, bool onto, Ahead& ahead) {
    if (strip.rows == 1) {
        panel_times<QUADS, FOUR, 1>(panel, in, strip, groups, table, totals, onto, ahead);
    } else if (strip.rows == 2) {
        panel_times<QUADS, FOUR, 2>(panel, in, strip, groups, table, totals, onto, ahead);
    } else if (strip.rows == 4) {
        if constexpr (STRIP_ROWS >= 4)
            panel_times<QUADS, FOUR, 4>(panel, in, strip, groups, table, totals, onto, ahead);
    } else if constexpr (STRIP_ROWS >= 8) {
        panel_times<QUADS, FOUR, 8>(panel, in, strip, groups, table, totals, onto, ahead);
    }
}
