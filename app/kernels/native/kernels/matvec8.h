// Products with packed matrices (layout.py): int8 and int4, by output.

enum PackedKind : int64_t { PACKED8 = 0, PACKED4 = 1, PACKED8_16 = 2 };

constexpr int64_t VECTORS = PANEL / W;
constexpr int64_t PACKED_PART = 128 << 10;  // bytes of numbers that a thread takes at once
constexpr int64_t PACKED_AHEAD = 4096;

// One panel's numbers, two quads at a time; FOUR tells that they have 4 bits.
template <bool FOUR>
RK_INLINE const uint8_t* two_quads(const uint8_t* p, const Table& table, Quads& a, Quads& b) {
    prefetch(p + PACKED_AHEAD);
    if (FOUR) {
        halves(p, table, a, b);
        return p + 64;
    }
    a = quads_at(p), b = quads_at(p + 64);
    prefetch(p + PACKED_AHEAD + 64);
    return p + 128;
}

// One panel times M rows of inputs, the first of them row `from`: raw (M, 16).
template <int QUADS, bool FOUR, int M>
RK_INLINE void panel_times(
    const uint8_t* codes, const fp16* scales, const Inputs& in, const int64_t* from,
    const Table& table, float (*raw)[PART_ROWS]) {
    constexpr int CHAINS = M == 1 ? 2 : 1;
    const int32_t none[2] = {0, 0};
    F total[M][VECTORS];
    for (int m = 0; m < M; ++m)
        for (int i = 0; i < VECTORS; ++i) total[m][i] = zero();
    for (int64_t g = 0; g < in.groups; ++g) {
        Sums sums[M][CHAINS];
        const uint8_t* x[M];
        for (int m = 0; m < M; ++m) {
            x[m] = in.at(from[m], g);
            start(sums[m][0], in.offset(from[m], g));
            if (CHAINS > 1) start(sums[m][CHAINS - 1], none);
        }
        for (int q = 0; q < QUADS; q += 2) {
            Quads a, b;
            codes = two_quads<FOUR>(codes, table, a, b);
            for (int m = 0; m < M; ++m) {
                add(sums[m][0], a, x[m] + 8 * q);
                add(sums[m][CHAINS - 1], b, x[m] + 8 * q + 8);
            }
        }
        for (int m = 0; m < M; ++m) {
            F whole[VECTORS];
            if (CHAINS > 1) join(sums[m][0], sums[m][CHAINS - 1]);
            floats_of(sums[m][0], whole);
            const F by = all(in.scale(from[m], g));
            for (int i = 0; i < VECTORS; ++i)
                total[m][i] = fma(whole[i], load(scales + g * PANEL + i * W) * by, total[m][i]);
        }
    }
    for (int m = 0; m < M; ++m)
        for (int i = 0; i < VECTORS; ++i) store(raw[m] + i * W, total[m][i]);
}

// A matrix as it lies in memory.
struct PackedMatrix {
    const uint8_t* codes;
    const fp16* scales;
    int64_t panel_bytes, groups;
};

// Panels `panels` of one matrix times all rows of inputs from `first` on, BATCH rows at a time.
template <int QUADS, bool FOUR>
RK_INLINE void panels_times(
    const PackedMatrix& w, const Inputs& in, int64_t first, int64_t batch, Range panels,
    const Table& table, const Target& to) {
    float raw[BATCH][PART_ROWS];
    for (int64_t done = 0; done < batch; done += BATCH) {
        const int64_t some = least(BATCH, batch - done);
        int64_t from[BATCH];
        for (int64_t m = 0; m < BATCH; ++m) from[m] = first + done + least(m, some - 1);
        for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
            const uint8_t* codes = w.codes + panel * w.panel_bytes;
            const fp16* scales = w.scales + panel * w.groups * PANEL;
            if (some == 1)
                panel_times<QUADS, FOUR, 1>(codes, scales, in, from, table, raw);
            else if (some == 2)
                panel_times<QUADS, FOUR, 2>(codes, scales, in, from, table, raw);
            else if (some <= 4)
                panel_times<QUADS, FOUR, 4>(codes, scales, in, from, table, raw);
            else
                panel_times<QUADS, FOUR, BATCH>(codes, scales, in, from, table, raw);
            const int64_t begin = panel * PANEL, count = least(PANEL, to.width - begin);
            for (int64_t m = 0; m < some; ++m) finish(to, done + m, begin, count, raw[m]);
        }
    }
}

// All rows of all groups to whole numbers, shared by the team.
RK_INLINE void fix_all(const float* x, int64_t width, const Inputs& in, const Team& team) {
    const Range mine = team.share(in.rows * in.groups, 4);
    for (int64_t i = mine.begin; i < mine.end; ++i) {
        const int64_t row = i / in.groups, g = i % in.groups, begin = g * in.group;
        fix(x + row * width + begin, least(in.group, width - begin), in, row, g);
    }
    team.barrier();
}

// y = act(x W^T), or y += gate * (x W^T), for each matrix of a stack with its own x.
// Arguments: y (stack, batch, out), x (stack, batch, width), codes, scales, stack, batch, out,
// width, kind, group, table, scratch, act, gate (batch, out) or 0, whether to add to y.
RK_KERNEL(packed) {
    const int64_t stack = call[4], batch = call[5], out = call[6], width = call[7];
    const int64_t kind = call[8], group = call[9];
    const int64_t groups = (width + group - 1) / group, panels = (out + PANEL - 1) / PANEL;
    const Inputs in = inputs_in(call.at<uint8_t>(11), stack * batch, groups, group);
    fix_all(call.at<const float>(1), width, in, team);

    const Table table = table_at(call.at<const uint8_t>(10));
    const int64_t panel_bytes = groups * group * PANEL / (kind == PACKED4 ? 2 : 1);
    const int64_t grain = most(1, least(panels, PACKED_PART / panel_bytes));
    const int64_t parts = (panels + grain - 1) / grain;
    Range part;
    while (team.next(stack * parts, 1, part)) {
        const int64_t matrix = part.begin / parts, begin = part.begin % parts * grain;
        const PackedMatrix w = {
            call.at<const uint8_t>(2) + matrix * panels * panel_bytes,
            call.at<const fp16>(3) + matrix * panels * groups * PANEL, panel_bytes, groups};
        Target to = {call.at<float>(0), call.at<const float>(13), out, call[12], call[14] != 0};
        to.out += matrix * batch * out;
        const Range some = {begin, least(panels, begin + grain)};
        if (kind == PACKED8)
            panels_times<16, false>(w, in, matrix * batch, batch, some, table, to);
        else if (kind == PACKED4)
            panels_times<8, true>(w, in, matrix * batch, batch, some, table, to);
        else
            panels_times<4, false>(w, in, matrix * batch, batch, some, table, to);
    }
}
