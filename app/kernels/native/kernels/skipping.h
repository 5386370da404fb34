// Products with matrices stored by unit (in, out): what belongs to an input of zero is not read.
//
// Units are taken in groups.  Of each group the scratch memory holds which of its units are not
// zero in all rows of x, so that the next group's rows can be fetched while this one's are
// multiplied.

constexpr int64_t FLOAT_GROUP = 64;   // units, where weights are floats
constexpr int64_t UNION_ROWS = 8;     // more rows of x leave hardly a unit out
constexpr int64_t DIRECT_ROWS = 2;    // up to these, weights are interleaved anew for each row
constexpr int64_t LINES = 64;         // outputs that are summed up at once

// Which units of each group are to be read: `counts[g]` of them in `ids + g * group`.
struct Chosen {
    int64_t group;
    uint8_t* ids;
    int32_t* counts;
};

RK_INLINE Chosen chosen_in(uint8_t* scratch, int64_t groups, int64_t group) {
    return {group, scratch, reinterpret_cast<int32_t*>(scratch + groups * group)};
}

// Writes which of n units at x have a number that is not zero in any row; all of them, if asked.
RK_INLINE int64_t choose_units(
    const float* x, int64_t rows, int64_t width, int64_t n, bool all_of_them, uint8_t* ids) {
    int64_t count = 0;
    for (int64_t i = 0; i < n; ++i) {
        bool wanted = all_of_them;
        for (int64_t row = 0; row < rows && !wanted; ++row) wanted = x[row * width + i] != 0;
        ids[count] = uint8_t(i);
        count += wanted;
    }
    return count;
}

// Chooses the units of all groups and makes their inputs whole numbers, quad by quad.
RK_INLINE void choose_and_fix(
    const float* x, int64_t width, bool all_of_them, const Inputs& in, const Chosen& chosen,
    const Team& team) {
    const Range mine = team.share(in.groups, 1);
    for (int64_t g = mine.begin; g < mine.end; ++g) {
        const int64_t begin = g * in.group, n = least(in.group, width - begin);
        uint8_t* ids = chosen.ids + g * in.group;
        const int64_t count = choose_units(x + begin, in.rows, width, n, all_of_them, ids);
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

// A packed matrix by unit: groups of rows of `row_bytes`.
struct UnitMatrix {
    const uint8_t* codes;
    const fp16* scales;  // (groups, padded)
    int64_t row_bytes, padded, group;
};

// Where the sums of 64 outputs of a group go, for rows `from`..`from + M`.
struct UnitSums {
    float* totals;  // (rows, padded)
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

// The 64 bytes (HALF 0 or 1 of bytes that hold two outputs; -1: bytes are outputs) of four units.
template <int HALF>
RK_INLINE void four_units(
    const uint8_t* line, const uint8_t* ids, int64_t row_bytes, const Table& table, Quads* out) {
    Quads rows[QUAD];
    for (int i = 0; i < QUAD; ++i) {
        const uint8_t* at = line + ids[i] * row_bytes;
        Quads other;
        if (HALF < 0)
            rows[i] = quads_at(at);
        else if (HALF == 0)
            halves(at, table, rows[i], other);
        else
            halves(at, table, other, rows[i]);
    }
    interleave(rows, out);
}

// 64 outputs of one group, for M rows: each four units are interleaved and multiplied at once.
template <int HALF, int M>
RK_INLINE void units_directly(
    const uint8_t* line, const fp16* scales, const UnitMatrix& w, const Inputs& in,
    const Chosen& chosen, int64_t g, const Table& table, const UnitSums& to) {
    Sums sums[4][M];
    for (int v = 0; v < 4; ++v)
        for (int m = 0; m < M; ++m) start(sums[v][m], in.offset(m, g));
    const uint8_t* ids = chosen.ids + g * w.group;
    const uint8_t* x[M];
    for (int m = 0; m < M; ++m) x[m] = in.at(m, g);
    for (int64_t done = 0; done < chosen.counts[g]; done += QUAD) {
        Quads quads[4];
        four_units<HALF>(line, ids + done, w.row_bytes, table, quads);
        for (int v = 0; v < 4; ++v)
            for (int m = 0; m < M; ++m) add(sums[v][m], quads[v], x[m] + 2 * done);
    }
    for (int v = 0; v < 4; ++v)
        add_panel<M>(sums[v], in, 0, g, scales + v * PANEL, to.totals + v * PANEL, to.padded);
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
    add_panel<M>(sums, in, from, g, scales, totals, padded);
}

// The same for many rows: the interleaved quads are kept and used for all of them.
template <int HALF>
RK_INLINE void units_kept(
    const uint8_t* line, const fp16* scales, const UnitMatrix& w, const Inputs& in,
    const Chosen& chosen, int64_t g, const Table& table, const UnitSums& to) {
    Quads kept[4][MOST_GROUP / QUAD];
    const uint8_t* ids = chosen.ids + g * w.group;
    const int64_t quads = (chosen.counts[g] + QUAD - 1) / QUAD;
    for (int64_t q = 0; q < quads; ++q) {
        Quads four[4];
        four_units<HALF>(line, ids + q * QUAD, w.row_bytes, table, four);
        for (int v = 0; v < 4; ++v) kept[v][q] = four[v];
    }
    for (int v = 0; v < 4; ++v) {
        int64_t row = 0;
        const fp16* by = scales + v * PANEL;
        float* totals = to.totals + v * PANEL;
        for (; row + BATCH <= in.rows; row += BATCH)
            kept_quads<BATCH>(kept[v], quads, in, row, g, by, totals + row * w.padded, w.padded);
        for (; row + 2 <= in.rows; row += 2)
            kept_quads<2>(kept[v], quads, in, row, g, by, totals + row * w.padded, w.padded);
        for (; row < in.rows; ++row)
            kept_quads<1>(kept[v], quads, in, row, g, by, totals + row * w.padded, w.padded);
    }
}

template <int HALF>
RK_INLINE void units_of_group(
    const uint8_t* line, int64_t output, const UnitMatrix& w, const Inputs& in,
    const Chosen& chosen, int64_t g, const Table& table, const UnitSums& sums) {
    const fp16* scales = w.scales + g * w.padded + output;
    const UnitSums to = {sums.totals + output, sums.padded};
    if (in.rows == 1)
        units_directly<HALF, 1>(line, scales, w, in, chosen, g, table, to);
    else if (in.rows == 2)
        units_directly<HALF, 2>(line, scales, w, in, chosen, g, table, to);
    else
        units_kept<HALF>(line, scales, w, in, chosen, g, table, to);
}

// The next group's units, at the same place of their rows.
RK_INLINE void fetch_units(
    const uint8_t* line, const Chosen& chosen, int64_t g, int64_t row_bytes, int64_t bytes) {
    const uint8_t* ids = chosen.ids + g * chosen.group;
    for (int64_t i = 0; i < chosen.counts[g]; ++i)
        for (int64_t at = 0; at < bytes; at += LINE) prefetch(line + ids[i] * row_bytes + at);
}

template <bool FOUR>
RK_INLINE void packed_units_of(
    const UnitMatrix& w, const Inputs& in, const Chosen& chosen, Range lines, const Table& table,
    const UnitSums& sums) {
    for (int64_t g = 0; g < in.groups; ++g) {
        const uint8_t* rows = w.codes + g * w.group * w.row_bytes;
        for (int64_t at = lines.begin; at < lines.end; ++at) {
            const uint8_t* line = rows + at * LINE;
            if (g + 1 < in.groups)
                fetch_units(line + w.group * w.row_bytes, chosen, g + 1, w.row_bytes, LINE);
            if (FOUR) {
                units_of_group<0>(line, at * 2 * LINES, w, in, chosen, g, table, sums);
                units_of_group<1>(line, (2 * at + 1) * LINES, w, in, chosen, g, table, sums);
            } else {
                units_of_group<-1>(line, at * LINES, w, in, chosen, g, table, sums);
            }
        }
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
    const bool all_of_them = call[13] == 0 || rows > UNION_ROWS;
    choose_and_fix(call.at<const float>(1), width, all_of_them, in, chosen, team);

    const int64_t row_bytes = padded / (four ? 2 : 1), per_line = padded / (row_bytes / LINE);
    const UnitMatrix w = {
        call.at<const uint8_t>(2), call.at<const fp16>(3), row_bytes, padded, group};
    const Range lines = team.share(row_bytes / LINE, 1);
    const Range mine = {
        least(outputs, lines.begin * per_line), least(outputs, lines.end * per_line)};
    for (int64_t row = 0; row < rows; ++row)
        memset(
            totals + row * padded + lines.begin * per_line, 0,
            size_t((lines.end - lines.begin) * per_line) * sizeof(float));
    const Table table = table_at(call.at<const uint8_t>(10));
    if (four)
        packed_units_of<true>(w, in, chosen, lines, table, {totals, padded});
    else
        packed_units_of<false>(w, in, chosen, lines, table, {totals, padded});
    const Target to = {call.at<float>(0), call.at<const float>(12), outputs, NO_ACT, true};
    for (int64_t row = 0; row < rows; ++row)
        finish(to, row, mine.begin, mine.end - mine.begin, totals + row * padded + mine.begin);
}

// `some` vectors of outputs of one group of float units, for M rows of x.
template <int U, int M, class T>
RK_INLINE void float_units(
    const T* w, int64_t outputs, const float* x, int64_t width, const uint8_t* ids, int64_t count,
    int64_t n, float* totals, int64_t padded) {
    F sums[U][M];
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m) sums[u][m] = load(totals + m * padded + u * W);
    for (int64_t i = 0; i < count; ++i) {
        const T* row = w + ids[i] * outputs;
        F by[M];
        for (int m = 0; m < M; ++m) by[m] = all(x[m * width + ids[i]]);
        for (int u = 0; u < U; ++u) {
            const F weight = U > 1 ? load(row + u * W) : load_first(row, n);
            for (int m = 0; m < M; ++m) sums[u][m] = fma(weight, by[m], sums[u][m]);
        }
    }
    for (int u = 0; u < U; ++u)
        for (int m = 0; m < M; ++m) store(totals + m * padded + u * W, sums[u][m]);
}

// Outputs `mine` of one group for M rows.
template <int M, class T>
RK_INLINE void float_group(
    const T* w, int64_t outputs, const float* x, int64_t width, const uint8_t* ids, int64_t count,
    Range mine, float* totals, int64_t padded) {
    constexpr int U = M == 1 ? 8 : 4;
    int64_t at = mine.begin;
    for (; at + U * W <= mine.end; at += U * W)
        float_units<U, M>(w + at, outputs, x, width, ids, count, W, totals + at, padded);
    for (; at < mine.end; at += W)
        float_units<1, M>(
            w + at, outputs, x, width, ids, count, mine.end - at, totals + at, padded);
}

template <class T>
RK_INLINE void units_of(const Call& call, const Team& team) {
    const int64_t rows = call[3], outputs = call[4], width = call[5];
    const float* x = call.at<const float>(1);
    const int64_t groups = (width + FLOAT_GROUP - 1) / FLOAT_GROUP;
    const int64_t padded = (outputs + LINE - 1) / LINE * LINE;
    float* totals = call.at<float>(7);
    const Chosen chosen =
        chosen_in(reinterpret_cast<uint8_t*>(totals + rows * padded), groups, FLOAT_GROUP);
    const bool all_of_them = call[9] == 0 || rows > UNION_ROWS;
    const Range some = team.share(groups, 1);
    for (int64_t g = some.begin; g < some.end; ++g) {
        const int64_t begin = g * FLOAT_GROUP, n = least(FLOAT_GROUP, width - begin);
        chosen.counts[g] = int32_t(choose_units(
            x + begin, rows, width, n, all_of_them, chosen.ids + g * FLOAT_GROUP));
    }
    team.barrier();

    const Range mine = team.share(outputs, LINE);
    const int64_t size = mine.end - mine.begin, row_bytes = outputs * int64_t(sizeof(T));
    if (size <= 0) return;
    for (int64_t row = 0; row < rows; ++row)
        memset(totals + row * padded + mine.begin, 0, size_t((size + LINE - 1) / LINE * LINE) * 4);
    for (int64_t g = 0; g < groups; ++g) {
        const T* w = call.at<const T>(2) + g * FLOAT_GROUP * outputs;
        const uint8_t* ids = chosen.ids + g * FLOAT_GROUP;
        const int64_t count = chosen.counts[g];
        if (g + 1 < groups) {
            const T* next = w + FLOAT_GROUP * outputs + mine.begin;
            fetch_units(
                reinterpret_cast<const uint8_t*>(next), chosen, g + 1, row_bytes,
                size * int64_t(sizeof(T)));
        }
        const float* from = x + g * FLOAT_GROUP;
        int64_t row = 0;
        for (; row + 4 <= rows; row += 4)
            float_group<4>(
                w, outputs, from + row * width, width, ids, count, mine, totals + row * padded,
                padded);
        for (; row < rows; ++row)
            float_group<1>(
                w, outputs, from + row * width, width, ids, count, mine, totals + row * padded,
                padded);
    }
    const Target to = {call.at<float>(0), call.at<const float>(8), outputs, NO_ACT, true};
    for (int64_t row = 0; row < rows; ++row)
        finish(to, row, mine.begin, size, totals + row * padded + mine.begin);
}

// out += gate * (x W), W (width, outputs) of floats.
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
