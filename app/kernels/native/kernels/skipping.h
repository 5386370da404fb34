// Products with matrices stored by unit (layout.py): what belongs to an input of zero is not read.
//
// Units are taken in groups.  Of each group the scratch memory holds which of its units are not
// zero in all rows of x, so that the next group's rows can be fetched while this one's are
// multiplied.

constexpr int64_t FLOAT_GROUP = 64;   // units, where weights are floats
constexpr int64_t UNION_ROWS = 8;     // more rows of x leave hardly a unit out
// Of a group's units fewer than one in so many are picked out, of floats and of small integers.
constexpr int64_t SPARSE_FLOATS = 3, SPARSE_PACKED = 4, ALL_UNITS = 0;

// Which units of each group are to be read: `counts[g]` of them in `ids + g * group`.
struct Chosen {
    int64_t group;
    uint8_t* ids;
    int32_t* counts;
};

RK_INLINE Chosen chosen_in(uint8_t* scratch, int64_t groups, int64_t group) {
    return {group, scratch, reinterpret_cast<int32_t*>(scratch + groups * group)};
}

// Writes which of n units at x have a number that is not zero in any row: all of them if these are
// not fewer than one in `sparse`, as memory hands out a whole run faster than its pieces.
RK_INLINE int64_t choose_units(
    const float* x, int64_t rows, int64_t width, int64_t n, int64_t sparse, uint8_t* ids) {
    int64_t count = 0;
    if (sparse != ALL_UNITS) {
        uint32_t any[MOST_GROUP] = {};
        for (int64_t row = 0; row < rows; ++row) {
            uint32_t bits[MOST_GROUP];
            memcpy(bits, x + row * width, size_t(n) * sizeof(float));
            for (int64_t i = 0; i < n; ++i) any[i] |= bits[i] << 1;  // without the sign
        }
        for (int64_t i = 0; i < n; ++i) {
            ids[count] = uint8_t(i);
            count += any[i] != 0;
        }
        if (count * sparse < n) return count;
    }
    for (int64_t i = 0; i < n; ++i) ids[i] = uint8_t(i);
    return n;
}

// Chooses the units of all groups and makes their inputs whole numbers, quad by quad.
RK_INLINE void choose_and_fix(
    const float* x, int64_t width, int64_t sparse, const Inputs& in, const Chosen& chosen,
    const Team& team) {
    const Range mine = team.share(in.groups, 4);
    for (int64_t g = mine.begin; g < mine.end; ++g) {
        const int64_t begin = g * in.group, n = least(in.group, width - begin);
        uint8_t* ids = chosen.ids + g * in.group;
        const int64_t count = choose_units(x + begin, in.rows, width, n, sparse, ids);
        chosen.counts[g] = int32_t(count);
        // what fills up the last quad has an input of zero
        for (int64_t i = count; i < in.group; ++i) ids[i] = count ? ids[count - 1] : 0;
        Strip strip = {0, 0};
        for (int64_t row = 0; row < in.rows; ++row) {
            const float* from = x + row * width + begin;
            float some[MOST_GROUP];
            if (count < n)
                for (int64_t i = 0; i < count; ++i) some[i] = from[ids[i]];
            if (row >= strip.first + strip.rows) strip = in.strip_of(row);
            fix(count < n ? some : from, count, in, strip, row, g);
        }
    }
    team.barrier();
}

#if RK_AVX512
constexpr int LINES_AT_ONCE = 2;     // of int8, as many as registers hold
#else
constexpr int LINES_AT_ONCE = 1;
#endif

// What is to be fetched of the next group: its chosen rows' lines one after the other, as memory
// likes it.  Some are asked for at each step of the work: all at once would wait for each other.
struct Ahead {
    const uint8_t* rows;  // of the next group
    const uint8_t* ids;
    int64_t row_bytes, lines, left, line;

    RK_MEMBER void fetch(int64_t count) {
        for (int64_t i = 0; i < count && left > 0; ++i, --left) {
            prefetch(rows + *ids * row_bytes + line * LINE);
            if (++line == lines) line = 0, ++ids;
        }
    }
};

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
    const UnitLine& line, Ahead& ahead, const Inputs& in, int64_t g, const Table& table,
    float* totals) {
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
    const fp16* scales, float* totals, Ahead& ahead) {
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
    const UnitLine& line, Ahead& ahead, const Inputs& in, int64_t g, const Table& table,
    float* totals, int64_t which) {
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

// A panel: `totals`, of each strip (panels of 16, rows, 16), grow by its products.
template <bool FOUR>
RK_INLINE void unit_panel(
    const uint8_t* codes, const fp16* scales, const Inputs& in, const Chosen& chosen,
    const Table& table, float* totals) {
    constexpr int64_t OUTPUTS = FOUR ? 128 : 64, LINES = ROW_BYTES / LINE;
    constexpr int SIDE = FOUR ? 1 : LINES_AT_ONCE;
    const int64_t group_bytes = in.group * ROW_BYTES;
    for (int64_t g = 0; g < in.groups; ++g, codes += group_bytes, scales += LINES * OUTPUTS) {
        const uint8_t* ids = chosen.ids + g * in.group;
        const int64_t next = g + 1 < in.groups ? chosen.counts[g + 1] * LINES : 0;
        Ahead ahead = {codes + group_bytes, ids + in.group, ROW_BYTES, LINES, next, 0};
        const int64_t step = in.rows == 1 ? SIDE : 1;
        for (int64_t i = 0; i < LINES; i += step) {
            const UnitLine line = {
                codes + i * LINE, ids, chosen.counts[g], scales + i * OUTPUTS};
            if (in.rows == 1)
                line_times_row<FOUR, SIDE>(line, ahead, in, g, table, totals + i * OUTPUTS);
            else
                line_times_rows<FOUR>(line, ahead, in, g, table, totals, i);
        }
        ahead.fetch(ahead.left);
    }
}

// out += gate * (x W^T), W packed by unit.
// Arguments: out (rows, outputs), x (rows, width), codes, scales, rows, outputs, width, padded,
// kind, group, table, scratch, gate (rows, outputs) or 0, whether to skip what is zero in all rows,
// where these are few.
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
        const Blocks all_of = {w, 1, (outputs + PANEL - 1) / PANEL, 0, 0, in.end()};
        return blocks_times_kind<ByUnits>(call[8], all_of, in, table, to, team);
    }
    float* totals = reinterpret_cast<float*>(in.end());
    const Chosen chosen =
        chosen_in(reinterpret_cast<uint8_t*>(totals + rows * padded), groups, group);
    const int64_t sparse = call[13] == 0 ? ALL_UNITS : SPARSE_PACKED;
    choose_and_fix(call.at<const float>(1), width, sparse, in, chosen, team);

    const int64_t panel = ROW_BYTES * (four ? 2 : 1);
    Range part;
    while (team.next(padded / panel, 1, part)) {
        const int64_t first = part.begin * panel;
        const uint8_t* codes = w.codes + part.begin * groups * group * ROW_BYTES;
        const fp16* scales = w.scales + part.begin * groups * panel;
        float* mine = totals + first * rows;
        memset(mine, 0, size_t(panel * rows) * sizeof(float));
        if (four)
            unit_panel<true>(codes, scales, in, chosen, table, mine);
        else
            unit_panel<false>(codes, scales, in, chosen, table, mine);
        for (int64_t row = 0; row < rows; ++row) {
            const Strip strip = in.strip_of(row);
            const float* from = mine + strip.first * panel + (row - strip.first) * PANEL;
            for (int64_t i = 0; i < panel && first + i < outputs; i += PANEL)
                finish(to, row, first + i, least(PANEL, outputs - first - i),
                       from + i * strip.rows);
        }
    }
}

// U vectors of a panel's outputs for M rows of x, `step` numbers apart; `rows` are a group's and
// `totals` (M, 128) the panel's, both from the first output on.
template <int U, int M, class T>
RK_INLINE void float_units(
    const T* rows, const uint8_t* ids, int64_t count, Ahead& ahead, const float* x, int64_t step,
    float* totals) {
    F sums[U][M];
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m) sums[u][m] = load(totals + m * FLOAT_PANEL + u * W);
    for (int64_t i = 0; i < count; ++i) {
        ahead.fetch(U * W * int(sizeof(T)) / LINE);
        F by[M];
        for (int m = 0; m < M; ++m) by[m] = all(x[m * step + ids[i]]);
        for (int u = 0; u < U; ++u) {
            const F weight = load(rows + ids[i] * FLOAT_PANEL + u * W);
            for (int m = 0; m < M; ++m) sums[u][m] = fma(weight, by[m], sums[u][m]);
        }
    }
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m) store(totals + m * FLOAT_PANEL + u * W, sums[u][m]);
}

// A group's rows for M rows of x.
template <int M, class T>
RK_INLINE void float_group(
    const T* rows, const uint8_t* ids, int64_t count, Ahead& ahead, const float* x, int64_t step,
    float* totals) {
    constexpr int U = M == 1 ? 8 : M == 8 ? 2 : 4;
    for (int64_t at = 0; at < FLOAT_PANEL; at += U * W)
        float_units<U, M>(rows + at, ids, count, ahead, x, step, totals + at);
}

// The same for M rows that lie far apart: in the cache such rows would take each other's places.
template <int M, class T>
RK_INLINE void float_group_near(
    const T* rows, const uint8_t* ids, int64_t count, Ahead& ahead, const float* x, int64_t width,
    int64_t n, float* totals) {
    constexpr int64_t STEP = FLOAT_GROUP + LINE / int64_t(sizeof(float));
    float near[M * STEP];
    for (int m = 0; m < M; ++m)
        for (int64_t i = 0; i < n; i += W)
            store(near + m * STEP + i, load_first(x + m * width + i, n - i));
    float_group<M>(rows, ids, count, ahead, near, STEP, totals);
}

// A panel of floats for all rows of x; `totals` (rows, 128).
template <class T>
RK_INLINE void float_panel(
    const T* w, const Chosen& chosen, const float* x, int64_t rows, int64_t width, float* totals) {
    constexpr int64_t BYTES = FLOAT_PANEL * int64_t(sizeof(T));
    const int64_t groups = (width + FLOAT_GROUP - 1) / FLOAT_GROUP;
    for (int64_t g = 0; g < groups; ++g, w += FLOAT_GROUP * FLOAT_PANEL, x += FLOAT_GROUP) {
        const uint8_t* ids = chosen.ids + g * FLOAT_GROUP;
        const int64_t count = chosen.counts[g], lines = BYTES / LINE;
        const int64_t n = least(FLOAT_GROUP, width - g * FLOAT_GROUP);
        Ahead ahead = {
            reinterpret_cast<const uint8_t*>(w + FLOAT_GROUP * FLOAT_PANEL), ids + FLOAT_GROUP,
            BYTES, lines, g + 1 < groups ? chosen.counts[g + 1] * lines : 0, 0};
        int64_t row = 0;
        if (MANY_REGISTERS)
            for (; row + 8 <= rows; row += 8)
                float_group_near<8>(w, ids, count, ahead, x + row * width, width, n,
                                    totals + row * FLOAT_PANEL);
        for (; row + 4 <= rows; row += 4)
            float_group_near<4>(w, ids, count, ahead, x + row * width, width, n,
                                totals + row * FLOAT_PANEL);
        for (; row < rows; ++row)
            float_group<1>(
                w, ids, count, ahead, x + row * width, width, totals + row * FLOAT_PANEL);
        ahead.fetch(ahead.left);
    }
}

template <class T>
RK_INLINE void units_of(const Call& call, const Team& team) {
    const int64_t rows = call[3], outputs = call[4], width = call[5];
    const float* x = call.at<const float>(1);
    const int64_t groups = (width + FLOAT_GROUP - 1) / FLOAT_GROUP;
    const int64_t panels = (outputs + FLOAT_PANEL - 1) / FLOAT_PANEL;
    const int64_t padded = panels * FLOAT_PANEL;
    float* totals = call.at<float>(7);
    const Chosen chosen =
        chosen_in(reinterpret_cast<uint8_t*>(totals + rows * padded), groups, FLOAT_GROUP);
    const int64_t sparse = call[9] == 0 || rows > UNION_ROWS ? ALL_UNITS : SPARSE_FLOATS;
    const Range some = team.share(groups, 1);
    for (int64_t g = some.begin; g < some.end; ++g) {
        const int64_t begin = g * FLOAT_GROUP, n = least(FLOAT_GROUP, width - begin);
        chosen.counts[g] = int32_t(choose_units(
            x + begin, rows, width, n, sparse, chosen.ids + g * FLOAT_GROUP));
    }
    team.barrier();

    const Target to = {call.at<float>(0), call.at<const float>(8), outputs, NO_ACT, true};
    Range part;
    while (team.next(panels, 1, part)) {
        const int64_t first = part.begin * FLOAT_PANEL, count = least(FLOAT_PANEL, outputs - first);
        float* mine = totals + first * rows;
        memset(mine, 0, size_t(rows * FLOAT_PANEL) * sizeof(float));
        const T* w = call.at<const T>(2) + first * width;
        float_panel(w, chosen, x, rows, width, mine);
        for (int64_t row = 0; row < rows; ++row)
            finish(to, row, first, count, mine + row * FLOAT_PANEL);
    }
}

// out += gate * (x W^T), W of floats by unit (panels, width, 128).
// Arguments: out (rows, outputs), x (rows, width), W, rows, outputs, width, kind of W, scratch,
// gate (rows, outputs) or 0, whether to skip.
RK_KERNEL(units) {
    if (call[6] == FP32)
        units_of<float>(call, team);
    else if (call[6] == BF16)
        units_of<bf16>(call, team);
    else
        units_of<fp16>(call, team);
}
