// Products of many rows with packed matrices of either layout.
//
// A thread takes BLOCK_PANELS panels, 128 outputs, for some rows of x.  It goes through the matrix
// in blocks of inputs that fit its cache: the block's numbers become quads of 8 bits, unless they
// are that in memory, then all strips of x pass.  Sums stay in float32 between the blocks.

constexpr int64_t FEW_ROWS = 8;        // up to so many share one reading of the weights instead
constexpr int64_t BLOCK_PANELS = 8;
constexpr int64_t BLOCK_OUTPUTS = BLOCK_PANELS * PANEL;
constexpr int64_t BLOCK_BYTES = 64 << 10;  // of quads
constexpr int64_t BLOCK_ROWS = 256;        // at most
constexpr int64_t LEAST_ROWS = 32;         // fewer do not pay for the quads that they share
constexpr int64_t SLICED_ROWS = 32;        // up to so many are summed as few rows are
constexpr int64_t ROW_BYTES = 128;         // of a unit in a panel

// One matrix as it lies in memory.
struct PackedMatrix {
    const uint8_t* codes;
    const fp16* scales;
    int64_t panel_bytes, groups;
};

// What a thread needs besides: its memory begins on a line.
struct Workplace {
    uint8_t* quads;  // BLOCK_BYTES
    float* totals;   // of each strip (BLOCK_PANELS, rows, PANEL), of BLOCK_ROWS rows
};

RK_INLINE Workplace workplace_at(uint8_t* scratch, int thread) {
    constexpr int64_t SIZE = BLOCK_BYTES + BLOCK_ROWS * BLOCK_OUTPUTS * int64_t(sizeof(float));
    uint8_t* mine = line_from(scratch) + thread * SIZE;
    return {mine, reinterpret_cast<float*>(mine + BLOCK_BYTES)};
}

// Where panels of a block begin: `distance` is from one to the next.
struct Block {
    Codes first;
    int64_t distance, scale_distance;

    RK_MEMBER Codes panel(int64_t i) const {
        return {first.codes + i * distance, first.scales + i * scale_distance, first.step};
    }
};

// Matrices by output.
template <int QUADS, bool FOUR>
struct ByOutput {
    static constexpr int64_t GROUP = QUADS * LINE / (FOUR ? 2 : 1);  // bytes
    PackedMatrix w;
    int64_t first, count;  // panels

    RK_MEMBER Block take(Range groups, const Table& table, const Workplace& place) const {
        const uint8_t* codes = w.codes + first * w.panel_bytes + groups.begin * GROUP;
        const fp16* scales = w.scales + (first * w.groups + groups.begin) * PANEL;
        Block block = {{codes, scales, PANEL}, w.panel_bytes, w.groups * PANEL};
        if (!FOUR) return block;
        block.first.codes = place.quads;
        block.distance = (groups.end - groups.begin) * QUADS * LINE;
        for (int64_t i = 0; i < count; ++i, codes += w.panel_bytes) {
            uint8_t* to = place.quads + i * block.distance;
            const int64_t lines = (groups.end - groups.begin) * GROUP / LINE;
            for (int64_t at = 0; at < lines; ++at, to += 2 * LINE) {
                Quads a, b;
                halves(codes + at * LINE, table, a, b);
                memcpy(to, &a, sizeof a);
                memcpy(to + LINE, &b, sizeof b);
            }
        }
        return block;
    }

    // The numbers of some groups, as they lie in memory.
    RK_MEMBER Coming coming(Range groups) const {
        const uint8_t* codes = w.codes + first * w.panel_bytes + groups.begin * GROUP;
        return {reinterpret_cast<const char*>(codes), (groups.end - groups.begin) * GROUP,
                w.panel_bytes, count, 0};
    }
};

// Matrices by unit: the 128 outputs are one panel of 8 bits or a half of one of 4, a line wide.
template <int QUADS, bool FOUR>
struct ByUnits {
    static constexpr int64_t GROUP = QUADS * QUAD * ROW_BYTES;  // bytes
    PackedMatrix w;
    int64_t first, count;  // panels of 16

    RK_MEMBER const uint8_t* codes(int64_t g) const {
        const int64_t wide = FOUR ? 2 * BLOCK_PANELS : BLOCK_PANELS;
        const int64_t half = first / BLOCK_PANELS % (wide / BLOCK_PANELS);
        return w.codes + (first / wide * w.groups + g) * GROUP + half * LINE;
    }

    RK_MEMBER Block take(Range groups, const Table& table, const Workplace& place) const {
        constexpr int64_t wide = FOUR ? 2 * BLOCK_PANELS : BLOCK_PANELS;
        const int64_t distance = (groups.end - groups.begin) * QUADS * LINE;
        const fp16* scales =
            w.scales + ((first / wide * w.groups + groups.begin) * wide + first % wide) * PANEL;
        const uint8_t* at = codes(groups.begin);
        uint8_t* to = place.quads;
        const int64_t quads = (groups.end - groups.begin) * QUADS;
        for (int64_t q = 0; q < quads; ++q, at += QUAD * ROW_BYTES, to += LINE) {
            Quads rows[QUAD], upper[QUAD], made[BLOCK_PANELS];
            for (int i = 0; i < QUAD; ++i) {
                const uint8_t* row = at + i * ROW_BYTES;
                if (FOUR)
                    halves(row, table, rows[i], upper[i]);
                else
                    rows[i] = quads_at(row), upper[i] = quads_at(row + LINE);
            }
            interleave(rows, made);
            interleave(upper, made + 4);
            for (int v = 0; v < BLOCK_PANELS; ++v) memcpy(to + v * distance, &made[v], LINE);
        }
        return {{place.quads, scales, wide * PANEL}, distance, PANEL};
    }

    RK_MEMBER Coming coming(Range groups) const {
        const int64_t units = (groups.end - groups.begin) * QUADS * QUAD;
        const char* at = reinterpret_cast<const char*>(codes(groups.begin));
        if (FOUR) return {at, LINE, ROW_BYTES, units, 0};
        return {at, units * ROW_BYTES, 0, 1, 0};
    }
};

// sums = or += totals, `size` numbers, which are whole vectors.
RK_INLINE void add_slice(float* sums, const float* totals, int64_t size, bool first) {
    for (int64_t i = 0; i < size; i += W)
        store(sums + i, first ? load(totals + i) : load(sums + i) + load(totals + i));
}

// The block's outputs for rows `rows` of x, to `to` from output `begin` on.  Each `slice` groups have
// sums of their own, which are added up in order, as those of few rows are (skipping.h).
template <int QUADS, class Matrix>
RK_INLINE void block_times(
    const Matrix& matrix, const Inputs& in, int64_t row, Range rows, const Table& table,
    const Target& to, const Workplace& place, int64_t slice) {
    constexpr int64_t DEPTH = BLOCK_BYTES / (BLOCK_PANELS * QUADS * LINE);  // groups
    const int64_t groups = in.groups, count = rows.end - rows.begin;
    const int64_t strips = (count + STRIP_ROWS - 1) / STRIP_ROWS;
    const int64_t size = count * BLOCK_OUTPUTS;
    float* sums = slice < groups ? place.totals + size : place.totals;
    for (int64_t g = 0, end; g < groups; g = end) {
        const int64_t whole = least(groups, (g / slice + 1) * slice);
        end = least(whole, g + DEPTH);
        const Range now = {g, end}, next = {end, least(groups, end + DEPTH)};
        const Block block = matrix.take(now, table, place);
        Cached ahead = {next.begin < next.end ? matrix.coming(next) : Coming{},
                        1 + BLOCK_BYTES / LINE / (strips * matrix.count * DEPTH)};
        for (int64_t r = rows.begin; r < rows.end;) {
            const Strip strip = in.strip_of(row + r);
            float* totals = place.totals + (r - rows.begin) * BLOCK_OUTPUTS;
            for (int64_t i = 0; i < matrix.count; ++i)
                panel_times_strip<QUADS, false>(
                    block.panel(i), in, strip, now, table, totals + i * strip.rows * PANEL,
                    g % slice > 0, ahead);
            r += strip.rows;
        }
        if (end == whole && slice < groups) add_slice(sums, place.totals, size, whole == slice);
    }
    for (int64_t r = rows.begin; r < rows.end; ++r) {
        const Strip strip = in.strip_of(row + r);
        const float* totals = sums + (strip.first - row - rows.begin) * BLOCK_OUTPUTS;
        for (int64_t i = 0; i < matrix.count; ++i) {
            const int64_t begin = (matrix.first + i) * PANEL;
            finish(to, r, begin, least(PANEL, to.width - begin),
                   totals + (i * strip.rows + row + r - strip.first) * PANEL);
        }
    }
}

// One matrix of a stack after the other; `to` is the first one's.
struct Blocks {
    PackedMatrix first;
    int64_t stack, panels;            // panels of 16, without those that only fill up
    int64_t codes_size, scales_size;  // from a matrix to the next
    uint8_t* scratch;
    int64_t slice;                    // groups that are summed by themselves
};

template <int QUADS, class Matrix>
RK_INLINE void blocks_times(
    const Blocks& all_of, const Inputs& in, const Table& table, const Target& first,
    const Team& team) {
    const int64_t wide = (all_of.panels + BLOCK_PANELS - 1) / BLOCK_PANELS;
    // parts enough that threads end together
    const int64_t wanted = most((in.batch + BLOCK_ROWS - 1) / BLOCK_ROWS,
                                least((in.batch + LEAST_ROWS - 1) / LEAST_ROWS,
                                      PARTS_A_THREAD * team.size / (all_of.stack * wide)));
    const int64_t some = (in.batch + wanted - 1) / wanted;
    const int64_t high = (some + STRIP_ROWS - 1) / STRIP_ROWS * STRIP_ROWS;
    const int64_t floors = (in.batch + high - 1) / high;  // whole strips may need fewer
    const Workplace place = workplace_at(all_of.scratch, team.id);
    Range part;
    while (team.next(all_of.stack * wide * floors, 1, part)) {
        const int64_t floor = part.begin % floors, at = part.begin / floors % wide;
        const int64_t which = part.begin / floors / wide, panel = at * BLOCK_PANELS;
        PackedMatrix w = all_of.first;
        w.codes += which * all_of.codes_size, w.scales += which * all_of.scales_size;
        Target to = first;
        to.out += which * in.batch * to.width;
        const Range rows = {least(in.batch, floor * high), least(in.batch, (floor + 1) * high)};
        const Matrix matrix = {w, panel, least(BLOCK_PANELS, all_of.panels - panel)};
        block_times<QUADS>(
            matrix, in, which * in.batch, rows, table, to, place, all_of.slice);
    }
}

template <template <int, bool> class Matrix>
RK_INLINE void blocks_times_kind(
    int64_t kind, const Blocks& all_of, const Inputs& in, const Table& table, const Target& to,
    const Team& team) {
    if (kind == PACKED8)
        blocks_times<16, Matrix<16, false>>(all_of, in, table, to, team);
    else if (kind == PACKED4)
        blocks_times<8, Matrix<8, true>>(all_of, in, table, to, team);
    else
        blocks_times<4, Matrix<4, false>>(all_of, in, table, to, team);
}
