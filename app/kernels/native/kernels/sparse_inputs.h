// Products with matrices stored by unit (layout.py): what belongs to an input of zero is not read.
//
// Units are taken in groups.  Of each group the scratch memory holds which of its units are not
// zero in all rows of x, so that the next group's rows can be fetched while this one's are
// multiplied.  Parts of the work are runs of groups of one panel, one behind the other in memory:
// slices, with totals of their own.  Who ends the last slice of a panel adds these up in order, so
// that it makes no difference who has done which.

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

// The group whose rows lie behind those of group g of a panel: at its end, the next panel's first.
RK_INLINE int64_t behind(int64_t g, int64_t groups) { return g + 1 < groups ? g + 1 : 0; }

// How a matrix by unit is cut, and where the totals of the parts are.
struct Slices {
    int64_t panels, groups, some;  // groups of a panel, and of a slice
    int64_t size;                  // numbers of a part's totals
    float* totals;                 // (panels, slices, size)
    uint8_t* ended;                // a counter of each panel, in a line of its own

    RK_MEMBER int64_t count() const { return (groups + some - 1) / some; }
    RK_MEMBER int64_t parts() const { return panels * count(); }
    RK_MEMBER Range groups_of(int64_t part) const {
        const int64_t begin = part % count() * some;
        return {begin, least(groups, begin + some)};
    }
    RK_MEMBER float* totals_of(int64_t part) const { return totals + part * size; }
    // the first byte behind it all
    RK_MEMBER uint8_t* end() const { return ended + panels * LINE; }
};

RK_INLINE Slices slices_in(
    uint8_t* scratch, int64_t panels, int64_t groups, int64_t some, int64_t size) {
    Slices cut = {panels, groups, some, size, reinterpret_cast<float*>(line_from(scratch)), 0};
    cut.ended = reinterpret_cast<uint8_t*>(cut.totals + cut.parts() * size);
    return cut;
}

// Before any part is begun, and a barrier between.
RK_INLINE void none_ended(const Slices& cut, const Team& team) {
    if (cut.count() == 1) return;
    const Range mine = team.share(cut.panels, 1);
    for (int64_t panel = mine.begin; panel < mine.end; ++panel)
        Team::begin_count(cut.ended + panel * LINE);
}

// The totals of a part's whole panel, if this was the last of its slices; else null.
RK_INLINE const float* ended(const Slices& cut, int64_t part) {
    const int64_t count = cut.count(), panel = part / count;
    if (count > 1 && Team::count_up(cut.ended + panel * LINE) < count) return nullptr;
    float* sums = cut.totals_of(panel * count);
    if (count > 1)
        for (int64_t i = 0; i < cut.size; i += W) {
            F sum = load(sums + i);
            for (int64_t slice = 1; slice < count; ++slice)
                sum = sum + load(sums + slice * cut.size + i);
            store(sums + i, sum);
        }
    return sums;
}

// Lines of chosen rows that are asked for before they are used.  Few rows lie far from each other, so
// that the processor fetches none on its own, and one core's first cache waits for too few lines at
// once: they go to the second.  Rows of 256 bytes, one in six of all, come at 25 GB/s that way, at 20
// through the first cache; rows of 128 bytes at 20 and 10.
constexpr int64_t LINES_AHEAD = 64;

// What is to be fetched: it runs ahead of the work through the groups of all panels, a step with each
// step of the work, as all at once would wait for each other.
template <int64_t ROW>
struct Ahead {
    Chosen chosen;
    int64_t width, groups, scale_bytes;  // bytes of a group's scales, if there are any
    const uint8_t* end;                  // of the matrix

    const uint8_t *rows, *scales, *ids;  // of the group that is being fetched
    int64_t g, left, line;               // its place in the panel, its lines, the line of a row
    int64_t owed;                        // lines that the work allows

    // From group `first` of a panel on, whose rows and scales are there.  Several rows of x go through
    // a group more than once, some lines of each unit at a time: they need all of it before.
    RK_MEMBER void begin(
        int64_t first, const uint8_t* its_rows, const void* its_scales, int64_t rows_of_x) {
        g = first, rows = its_rows, scales = static_cast<const uint8_t*>(its_scales);
        enter();
        owed = rows_of_x == 1 ? LINES_AHEAD : chosen.group * LINES;
        fetch(owed);
    }

    // Before the work on a group, and behind it.
    RK_MEMBER void allow(int64_t group) { owed = chosen.counts[group] * LINES; }
    RK_MEMBER void fetch_rest() { fetch(owed); }

    RK_MEMBER void fetch(int64_t count) {
        count = least(count, owed);
        owed -= count;
        while (count > left) {
            count -= left;
            ask(left);
            rows += units() * ROW, scales += scale_bytes;
            if (rows >= end) return void(left = owed = 0);
            g = behind(g, groups);
            enter();
        }
        ask(count);
    }

    static constexpr int64_t LINES = ROW / LINE;

    RK_MEMBER int64_t units() const { return least(chosen.group, width - g * chosen.group); }
    RK_MEMBER void enter() {
        ids = chosen.ids + g * chosen.group, left = chosen.counts[g] * LINES, line = 0;
        if (left < units() * LINES)
            for (int64_t at = 0; at < scale_bytes; at += LINE) prefetch_far(scales + at);
        else
            ids = nullptr;  // all of them, one after the other
    }
    RK_MEMBER void ask(int64_t count) {
        left -= count;
        if (ids == nullptr) {
            for (; count > 0; --count, line += LINE) prefetch(rows + line);
            return;
        }
        for (; count > 0; --count) {
            prefetch_far(rows + *ids * ROW + line * LINE);
            if (++line == LINES) line = 0, ++ids;
        }
    }
};
