// Products with packed matrices (layout.py): int8 and int4, by output.

constexpr int64_t PACKED_PART = 128 << 10;  // bytes of numbers that a thread takes at once, at most

// Panels `panels` of one matrix times the `batch` rows of inputs from `first` on.
template <int QUADS, bool FOUR>
RK_INLINE void panels_times(
    const PackedMatrix& w, const Inputs& in, int64_t first, int64_t batch, Range panels,
    const Table& table, const Target& to) {
    float totals[FEW_ROWS * PANEL];
    const Range groups = {0, w.groups};
    Streamed ahead;
    for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
        const Codes codes = {
            w.codes + panel * w.panel_bytes, w.scales + panel * w.groups * PANEL, PANEL};
        const int64_t begin = panel * PANEL, count = least(PANEL, to.width - begin);
        for (int64_t row = 0; row < batch;) {
            const Strip strip = in.strip_of(first + row);
            panel_times_strip<QUADS, FOUR>(codes, in, strip, groups, table, totals, false, ahead);
            for (int64_t m = 0; m < strip.rows; ++m, ++row)
                finish(to, row, begin, count, totals + m * PANEL);
        }
    }
}

// All rows of all groups to whole numbers, shared by the team as what made x was: few rows by
// channels, many by rows.  What a core has written itself it need not wait for.
RK_INLINE void fix_all(const float* x, int64_t width, const Inputs& in, const Team& team) {
    const bool few = in.batch <= FEW_ROWS;
    const int64_t some = least(STRIP_ROWS, in.batch), strips = (in.batch + some - 1) / some;
    const int64_t all_strips = in.rows / in.batch * strips;
    const Range groups = few ? team.share(in.groups, MOST_GROUP / in.group) : Range{0, in.groups};
    const Range mine = few ? Range{0, all_strips} : team.share(all_strips, 1);
    for (int64_t i = mine.begin; i < mine.end; ++i) {
        const int64_t first = i / strips * in.batch, at = i % strips * some;
        const int64_t end = first + least(in.batch, at + some);
        for (int64_t g = groups.begin; g < groups.end; ++g) {
            const int64_t begin = g * in.group, n = least(in.group, width - begin);
            for (int64_t row = first + at; row < end;) {
                const Strip strip = in.strip_of(row);
                for (int64_t m = 0; m < strip.rows; ++m, ++row)
                    fix(x + row * width + begin, n, in, strip, row, g);
            }
        }
    }
    team.barrier();
}

// y = act(x W^T), or y += gate * (x W^T), for each matrix of a stack with its own x.
// Arguments: y (stack, batch, out), x (stack, batch, width), codes, scales, stack, batch, out,
// width, kind, group, table, scratch, act, gate (batch, out) or 0, whether to add to y.
RK_KERNEL(packed) {
    const int64_t stack = call[4], batch = call[5], out = call[6], width = call[7];
    const int64_t kind = call[8], group = call[9];
    if (batch == 0) return;
    const int64_t groups = (width + group - 1) / group, panels = (out + PANEL - 1) / PANEL;
    const Inputs in = inputs_in(call.at<uint8_t>(11), batch, stack * batch, groups, group);
    fix_all(call.at<const float>(1), width, in, team);

    const Table table = table_at(call.at<const uint8_t>(10));
    const int64_t panel_bytes = groups * group * PANEL / (kind == PACKED4 ? 2 : 1);
    const PackedMatrix first = {
        call.at<const uint8_t>(2), call.at<const fp16>(3), panel_bytes, groups};
    Target to = {call.at<float>(0), call.at<const float>(13), out, call[12], call[14] != 0};
    const int64_t codes_size = panels * panel_bytes, scales_size = panels * groups * PANEL;
    if (batch > FEW_ROWS) {
        const Blocks all_of = {first, stack, panels, codes_size, scales_size, in.end(), groups};
        return blocks_times_kind<ByOutput>(kind, all_of, in, table, to, team);
    }
    const int64_t wanted =
        most(LEAST_BYTES / panel_bytes, stack * panels / (PARTS_A_THREAD * team.size));
    const int64_t grain = most(1, least(wanted, PACKED_PART / panel_bytes));
    const int64_t parts = (panels + grain - 1) / grain;
    float* y = to.out;
    Range part;
    while (team.next(stack * parts, 1, part)) {
        const int64_t matrix = part.begin / parts, begin = part.begin % parts * grain;
        const PackedMatrix w = {first.codes + matrix * codes_size,
                                first.scales + matrix * scales_size, panel_bytes, groups};
        to.out = y + matrix * batch * out;
        const Range some = {begin, least(panels, begin + grain)};
        if (kind == PACKED8)
            panels_times<16, false>(w, in, matrix * batch, batch, some, table, to);
        else if (kind == PACKED4)
            panels_times<8, true>(w, in, matrix * batch, batch, some, table, to);
        else
            panels_times<4, false>(w, in, matrix * batch, batch, some, table, to);
    }
}
