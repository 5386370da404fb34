// Products of a few rows with matrices of small integers by unit.

#if RK_AVX512
constexpr int LINES_AT_ONCE = 2;     // of int8, as many as registers hold
#else
constexpr int LINES_AT_ONCE = 1;
#endif

// A line of 64 bytes of the rows of one group, and what becomes of it.
struct UnitLine {
    const uint8_t* at;   // in the group's first row
    const uint8_t* ids;
    int64_t count;
    const fp16* scales;  // of the line's outputs
};

// totals (M, 16) += the sums of a group.
template <int M>
RK_INLINE void add_panel(
    const Sums* sums, const float* factors, const fp16* scales, float* totals) {
    for (int m = 0; m < M; ++m, totals += PANEL) {
        F whole[VECTORS];
        floats_of(sums[m], whole);
        const F by = all(factors[m]);
        for (int i = 0; i < VECTORS; ++i) {
            float* to = totals + i * W;
            store(to, fma(whole[i], load(scales + i * W) * by, load(to)));
        }
    }
}

// The quads of four units: 64 outputs of int8, 128 of int4.
template <bool FOUR>
RK_INLINE void four_units(
    const UnitLine& line, const uint8_t* ids, const Table& table, Quads* out) {
    Quads rows[QUAD], upper[QUAD];
    for (int i = 0; i < QUAD; ++i) {
        const uint8_t* at = line.at + ids[i] * ROW_BYTES;
        if (FOUR)
            halves(at, table, rows[i], upper[i]);
        else
            rows[i] = quads_at(at);
    }
    interleave(rows, out);
    if (FOUR) interleave(upper, out + 4);
}

// For one row of x: quads are multiplied as soon as they are made, of SIDE lines that lie side by
// side; `totals` are those of the lines' outputs.
template <bool FOUR, int SIDE>
RK_INLINE void line_times_row(
    const UnitLine& line, Ahead<ROW_BYTES>& ahead, const Inputs& in, int64_t g,
    const Table& table, float* totals) {
    constexpr int PANELS = FOUR ? 8 : 4;
    const Strip strip = {0, 1};
    Sums sums[SIDE][PANELS];
    const uint8_t* x = in.at(strip, g);
    for (int side = 0; side < SIDE; ++side)
        for (int v = 0; v < PANELS; ++v) start(sums[side][v], *in.offset(strip, g));
    for (int64_t done = 0; done < line.count; done += QUAD) {
        ahead.fetch(QUAD * SIDE);
        for (int side = 0; side < SIDE; ++side) {
            Quads quads[PANELS];
            UnitLine one = line;
            one.at += side * LINE;
            four_units<FOUR>(one, line.ids + done, table, quads);
            for (int v = 0; v < PANELS; ++v) add(sums[side][v], quads[v], x + 2 * done);
        }
    }
    if (line.count == 0) return;
    for (int side = 0; side < SIDE; ++side)
        for (int v = 0; v < PANELS; ++v) {
            const int64_t at = (side * PANELS + v) * PANEL;
            add_panel<1>(&sums[side][v], in.scale(strip, g), line.scales + at, totals + at);
        }
}

// Quads of a panel times a strip of M rows; with each the next group comes nearer.
template <int M>
RK_INLINE void kept_quads(
    const Quads* kept, int64_t quads, const Inputs& in, Strip strip, int64_t g,
    const fp16* scales, float* totals, Ahead<ROW_BYTES>& ahead) {
    Sums sums[M];
    const int32_t* offsets = in.offset(strip, g);
    const uint8_t* x = in.at(strip, g);
    for (int m = 0; m < M; ++m) start(sums[m], offsets[m]);
    for (int64_t q = 0; q < quads; ++q, x += 8 * M) {
        ahead.fetch(1);
        for (int m = 0; m < M; ++m) add(sums[m], kept[q], x + 8 * m);
    }
    add_panel<M>(sums, in.scale(strip, g), scales, totals);
}

// For several rows: the quads of line `which` of the panel are kept and used for all of them.
template <bool FOUR>
RK_INLINE void line_times_rows(
    const UnitLine& line, Ahead<ROW_BYTES>& ahead, const Inputs& in, int64_t g,
    const Table& table, float* totals, int64_t which) {
    constexpr int PANELS = FOUR ? 8 : 4;
    constexpr int64_t OUTPUTS = ROW_BYTES / LINE * PANELS * PANEL;  // of all lines
    Quads kept[PANELS][MOST_GROUP / QUAD];
    int64_t quads = 0;
    for (int64_t done = 0; done < line.count; done += QUAD, ++quads) {
        Quads made[PANELS];
        four_units<FOUR>(line, line.ids + done, table, made);
        for (int v = 0; v < PANELS; ++v) kept[v][quads] = made[v];
    }
    for (int64_t row = 0; row < in.rows;) {
        const Strip strip = in.strip_of(row);
        for (int v = 0; v < PANELS; ++v) {
            const fp16* scales = line.scales + v * PANEL;
            float* to = totals + row * OUTPUTS + (which * PANELS + v) * PANEL * strip.rows;
            if (strip.rows == 1) {
                kept_quads<1>(kept[v], quads, in, strip, g, scales, to, ahead);
            } else if (strip.rows == 2) {
                kept_quads<2>(kept[v], quads, in, strip, g, scales, to, ahead);
            } else if (strip.rows == 4) {
                if constexpr (STRIP_ROWS >= 4)
                    kept_quads<4>(kept[v], quads, in, strip, g, scales, to, ahead);
            } else if constexpr (STRIP_ROWS >= 8) {
                kept_quads<8>(kept[v], quads, in, strip, g, scales, to, ahead);
            }
        }
        row += strip.rows;
    }
}

// Groups `some` of a panel, which begins at `panel`: `totals`, of each strip (panels of 16, rows,
// 16), grow by their products.
template <bool FOUR>
RK_INLINE void unit_groups(
    const Codes& panel, Range some, const Inputs& in, const Table& table, float* totals,
    Ahead<ROW_BYTES>& ahead) {
    constexpr int64_t OUTPUTS = FOUR ? 128 : 64, LINES = ROW_BYTES / LINE;
    constexpr int SIDE = FOUR ? 1 : LINES_AT_ONCE;
    const int64_t group_bytes = in.group * ROW_BYTES;
    const uint8_t* codes = panel.codes + some.begin * group_bytes;
    const fp16* scales = panel.scales + some.begin * panel.step;
    for (int64_t g = some.begin; g < some.end; ++g, codes += group_bytes, scales += panel.step) {
        const uint8_t* ids = ahead.chosen.ids + g * in.group;
        const int64_t count = ahead.chosen.counts[g];
        ahead.allow(g);
        const int64_t step = in.rows == 1 ? SIDE : 1;
        for (int64_t i = 0; i < LINES; i += step) {
            const UnitLine line = {codes + i * LINE, ids, count, scales + i * OUTPUTS};
            if (in.rows == 1)
                line_times_row<FOUR, SIDE>(line, ahead, in, g, table, totals + i * OUTPUTS);
            else
                line_times_rows<FOUR>(line, ahead, in, g, table, totals, i);
        }
        ahead.fetch_rest();
    }
}

// out += gate * (x W^T), W packed by unit.
// Arguments: out (rows, outputs), x (rows, width), codes, scales, rows, outputs, width, padded,
// kind, group, table, scratch, gate (rows, outputs) or 0, whether to skip what is zero in all rows,
// where these are few, groups of a slice.
RK_KERNEL(packed_units) {
    const int64_t rows = call[4], outputs = call[5], width = call[6], padded = call[7];
    const bool four = call[8] == PACKED4;
    const int64_t group = call[9], groups = (width + group - 1) / group;
    const Inputs in = inputs_in(call.at<uint8_t>(11), rows, rows, groups, group);
    const Table table = table_at(call.at<const uint8_t>(10));
    const Target to = {call.at<float>(0), call.at<const float>(12), outputs, NO_ACT, true};
    const PackedMatrix w = {call.at<const uint8_t>(2), call.at<const fp16>(3), 0, groups};
    if (rows > FEW_ROWS) {
        fix_all(call.at<const float>(1), width, in, team);
        const int64_t slice = rows <= SLICED_ROWS ? call[14] : groups;
        const Blocks all_of = {w, 1, (outputs + PANEL - 1) / PANEL, 0, 0, in.end(), slice};
        return blocks_times_kind<ByUnits>(call[8], all_of, in, table, to, team);
    }
    const int64_t wide = ROW_BYTES * (four ? 2 : 1);
    const Slices cut = slices_in(in.end(), padded / wide, groups, call[14], rows * wide);
    const Chosen chosen = chosen_in(cut.end(), groups, group);
    none_ended(cut, team);
    const int64_t sparse = call[13] == 0 ? ALL_UNITS : SPARSE_PACKED;
    choose_and_fix(call.at<const float>(1), width, sparse, in, chosen, team);

    const uint8_t* end = w.codes + cut.panels * groups * group * ROW_BYTES;
    Ahead<ROW_BYTES> ahead = {chosen, groups * group, groups, wide * int64_t(sizeof(fp16)), end,
                              nullptr, nullptr, nullptr, 0, 0, 0, 0};
    Range part, before = {0, -1};
    for (; team.next(cut.parts(), 1, part); before = part) {
        const int64_t at = part.begin / cut.count(), first = at * wide;
        const Codes panel = {
            w.codes + at * groups * group * ROW_BYTES, w.scales + at * groups * wide, wide};
        const Range some = cut.groups_of(part.begin);
        if (part.begin != before.end)
            ahead.begin(some.begin, panel.codes + some.begin * group * ROW_BYTES,
                        panel.scales + some.begin * wide, rows);
        float* mine = cut.totals_of(part.begin);
        memset(mine, 0, size_t(cut.size) * sizeof(float));
        if (four)
            unit_groups<true>(panel, some, in, table, mine, ahead);
        else
            unit_groups<false>(panel, some, in, table, mine, ahead);
        const float* sums = ended(cut, part.begin);
        for (int64_t row = 0; sums && row < rows; ++row) {
            const Strip strip = in.strip_of(row);
            const float* from = sums + strip.first * wide + (row - strip.first) * PANEL;
            for (int64_t i = 0; i < wide && first + i < outputs; i += PANEL)
                finish(to, row, first + i, least(PANEL, outputs - first - i),
                       from + i * strip.rows);
        }
    }
}
