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
    for (int64_t i = 0; i < n; ++i) {
        bool wanted = false;
        for (int64_t row = 0; row < rows && !wanted; ++row) wanted = x[row * width + i] != 0;
        ids[count] = uint8_t(i);
        count += wanted;
    }
    if (sparse != ALL_UNITS && count * sparse < n) return count;
    for (int64_t i = 0; i < n; ++i) ids[i] = uint8_t(i);
    return n;
}

// Chooses the units of all groups and makes their inputs whole numbers, quad by quad.
RK_INLINE void choose_and_fix(
    const float* x, int64_t width, int64_t sparse, const Inputs& in, const Chosen& chosen,
    const Team& team) {
    const Range mine = team.share(in.groups, 1);
    for (int64_t g = mine.begin; g < mine.end; ++g) {
        const int64_t begin = g * in.group, n = least(in.group, width - begin);
        uint8_t* ids = chosen.ids + g * in.group;
        const int64_t count = choose_units(x + begin, in.rows, width, n, sparse, ids);
        chosen.counts[g] = int32_t(count);
        // what fills up the last quad has an input of zero
        for (int64_t i = count; i < in.group; ++i) ids[i] = count ? ids[count - 1] : 0;
        for (int64_t row = 0; row < in.rows; ++row) {
            float some[MOST_GROUP];
            for (int64_t i = 0; i < count; ++i) some[i] = x[row * width + begin + ids[i]];
            fix(some, count, in, row, g);
        }
    }
    team.barrier();
}

constexpr int64_t ROW_BYTES = 128;   // of a unit in a panel
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
    float* totals;       // (rows, padded), from the line's first output on
    int64_t padded;
};

template <int M>
RK_INLINE void add_panel(
    const Sums* sums, const Inputs& in, int64_t from, int64_t g, const fp16* scales, float* totals,
    int64_t padded) {
    for (int m = 0; m < M; ++m) {
        F whole[VECTORS];
        floats_of(sums[m], whole);
        const F by = all(in.scale(from + m, g));
        float* to = totals + m * padded;
        for (int i = 0; i < VECTORS; ++i)
            store(to + i * W, fma(whole[i], load(scales + i * W) * by, load(to + i * W)));
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
// side.
template <bool FOUR, int SIDE>
RK_INLINE void line_times_row(
    const UnitLine& line, Ahead& ahead, const Inputs& in, int64_t g, const Table& table) {
    constexpr int PANELS = FOUR ? 8 : 4;
    Sums sums[SIDE][PANELS];
    const uint8_t* x = in.at(0, g);
    for (int side = 0; side < SIDE; ++side)
        for (int v = 0; v < PANELS; ++v) start(sums[side][v], in.offset(0, g));
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
            add_panel<1>(&sums[side][v], in, 0, g, line.scales + at, line.totals + at, line.padded);
        }
}

template <int M>
RK_INLINE void kept_quads(
    const Quads* kept, int64_t quads, const Inputs& in, int64_t from, int64_t g,
    const fp16* scales, float* totals, int64_t padded) {
    Sums sums[M];
    const uint8_t* x[M];
    for (int m = 0; m < M; ++m) {
        start(sums[m], in.offset(from + m, g));
        x[m] = in.at(from + m, g);
    }
    for (int64_t q = 0; q < quads; ++q)
        for (int m = 0; m < M; ++m) add(sums[m], kept[q], x[m] + 8 * q);
    add_panel<M>(sums, in, from, g, scales, totals + from * padded, padded);
}

// For several rows: the quads are kept and used for all of them.
template <bool FOUR>
RK_INLINE void line_times_rows(
    const UnitLine& line, Ahead& ahead, const Inputs& in, int64_t g, const Table& table) {
    constexpr int PANELS = FOUR ? 8 : 4;
    Quads kept[PANELS][MOST_GROUP / QUAD];
    int64_t done = 0, quads = 0;
    for (; done < line.count; done += QUAD, ++quads) {
        Quads made[PANELS];
        ahead.fetch(QUAD);
        four_units<FOUR>(line, line.ids + done, table, made);
        for (int v = 0; v < PANELS; ++v) kept[v][quads] = made[v];
    }
    for (int v = 0; v < PANELS; ++v) {
        const fp16* scales = line.scales + v * PANEL;
        float* totals = line.totals + v * PANEL;
        int64_t row = 0;
        for (; row + BATCH <= in.rows; row += BATCH)
            kept_quads<BATCH>(kept[v], quads, in, row, g, scales, totals, line.padded);
        for (; row + 2 <= in.rows; row += 2)
            kept_quads<2>(kept[v], quads, in, row, g, scales, totals, line.padded);
        for (; row < in.rows; ++row)
            kept_quads<1>(kept[v], quads, in, row, g, scales, totals, line.padded);
    }
}

// A panel: `totals` (rows, padded), from its first output on, grow by its products.
template <bool FOUR>
RK_INLINE void unit_panel(
    const uint8_t* codes, const fp16* scales, const Inputs& in, const Chosen& chosen,
    const Table& table, float* totals, int64_t padded) {
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
                codes + i * LINE, ids, chosen.counts[g], scales + i * OUTPUTS,
                totals + i * OUTPUTS, padded};
            if (in.rows == 1)
                line_times_row<FOUR, SIDE>(line, ahead, in, g, table);
            else
                line_times_rows<FOUR>(line, ahead, in, g, table);
        }
        ahead.fetch(ahead.left);
    }
}

// out += gate * (x W^T), W packed by unit.
// Arguments: out (rows, outputs), x (rows, width), codes, scales, rows, outputs, width, padded,
// kind, group, table, scratch, gate (rows, outputs) or 0, whether to skip.
RK_KERNEL(packed_units) {
    const int64_t rows = call[4], outputs = call[5], width = call[6], padded = call[7];
    const bool four = call[8] == PACKED4;
    const int64_t group = call[9], groups = (width + group - 1) / group;
    const Inputs in = inputs_in(call.at<uint8_t>(11), rows, groups, group);
    float* totals = reinterpret_cast<float*>(in.end());
    const Chosen chosen =
        chosen_in(reinterpret_cast<uint8_t*>(totals + rows * padded), groups, group);
    const int64_t sparse = call[13] == 0 || rows > UNION_ROWS ? ALL_UNITS : SPARSE_PACKED;
    choose_and_fix(call.at<const float>(1), width, sparse, in, chosen, team);

    const Table table = table_at(call.at<const uint8_t>(10));
    const Target to = {call.at<float>(0), call.at<const float>(12), outputs, NO_ACT, true};
    const int64_t panel = ROW_BYTES * (four ? 2 : 1);
    Range part;
    while (team.next(padded / panel, 1, part)) {
        const int64_t first = part.begin * panel, count = least(panel, outputs - first);
        const uint8_t* codes =
            call.at<const uint8_t>(2) + part.begin * groups * group * ROW_BYTES;
        const fp16* scales = call.at<const fp16>(3) + part.begin * groups * panel;
        for (int64_t row = 0; row < rows; ++row)
            memset(totals + row * padded + first, 0, size_t(panel) * sizeof(float));
        if (four)
            unit_panel<true>(codes, scales, in, chosen, table, totals + first, padded);
        else
            unit_panel<false>(codes, scales, in, chosen, table, totals + first, padded);
        for (int64_t row = 0; row < rows; ++row)
            finish(to, row, first, count, totals + row * padded + first);
    }
}

// U vectors of a panel's outputs for M rows of x; `rows` are a group's, from the first output on.
template <int U, int M, class T>
RK_INLINE void float_units(
    const T* rows, const uint8_t* ids, int64_t count, Ahead& ahead, const float* x, int64_t width,
    float* totals, int64_t padded) {
    F sums[U][M];
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m) sums[u][m] = load(totals + m * padded + u * W);
    for (int64_t i = 0; i < count; ++i) {
        ahead.fetch(U * W * int(sizeof(T)) / LINE);
        F by[M];
        for (int m = 0; m < M; ++m) by[m] = all(x[m * width + ids[i]]);
        for (int u = 0; u < U; ++u) {
            const F weight = load(rows + ids[i] * FLOAT_PANEL + u * W);
            for (int m = 0; m < M; ++m) sums[u][m] = fma(weight, by[m], sums[u][m]);
        }
    }
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m) store(totals + m * padded + u * W, sums[u][m]);
}

// A group's rows for M rows of x.
template <int M, class T>
RK_INLINE void float_group(
    const T* rows, const uint8_t* ids, int64_t count, Ahead& ahead, const float* x, int64_t width,
    float* totals, int64_t padded) {
    constexpr int U = M == 1 ? 8 : 4;
    for (int64_t at = 0; at < FLOAT_PANEL; at += U * W)
        float_units<U, M>(rows + at, ids, count, ahead, x, width, totals + at, padded);
}

// A panel of floats for all rows of x.
template <class T>
RK_INLINE void float_panel(
    const T* w, const Chosen& chosen, const float* x, int64_t rows, int64_t width, float* totals,
    int64_t padded) {
    constexpr int64_t BYTES = FLOAT_PANEL * int64_t(sizeof(T));
    const int64_t groups = (width + FLOAT_GROUP - 1) / FLOAT_GROUP;
    for (int64_t g = 0; g < groups; ++g, w += FLOAT_GROUP * FLOAT_PANEL, x += FLOAT_GROUP) {
        const uint8_t* ids = chosen.ids + g * FLOAT_GROUP;
        const int64_t count = chosen.counts[g], lines = BYTES / LINE;
        Ahead ahead = {
            reinterpret_cast<const uint8_t*>(w + FLOAT_GROUP * FLOAT_PANEL), ids + FLOAT_GROUP,
            BYTES, lines, g + 1 < groups ? chosen.counts[g + 1] * lines : 0, 0};
        int64_t row = 0;
        for (; row + 4 <= rows; row += 4)
            float_group<4>(
                w, ids, count, ahead, x + row * width, width, totals + row * padded, padded);
        for (; row < rows; ++row)
            float_group<1>(
                w, ids, count, ahead, x + row * width, width, totals + row * padded, padded);
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
        for (int64_t row = 0; row < rows; ++row)
            memset(totals + row * padded + first, 0, size_t(FLOAT_PANEL) * sizeof(float));
        const T* w = call.at<const T>(2) + first * width;
        float_panel(w, chosen, x, rows, width, totals + first, padded);
        for (int64_t row = 0; row < rows; ++row)
            finish(to, row, first, count, totals + row * padded + first);
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
