// Transposes matrices: rows become columns, stored in panels.

// A matrix of `outputs` rows, and the width of the panels that it is transposed into.
struct Transposition {
    int64_t outputs, inputs, panel;
};

// As many numbers as fill a line, of as many rows: number i of row r goes to to[i * panel + r].
// `rows` of them are there, the others are zeros, and only `count` are wanted, of `n` numbers each.
template <class N>
RK_INLINE void transpose_square(
    N* to, const N* from, const Transposition& t, int64_t rows, int64_t count, int64_t n) {
    constexpr int64_t SIDE = LINE / int64_t(sizeof(N));
    N lines[SIDE][SIDE];
    memset(lines, 0, sizeof lines);
    for (int64_t r = 0; r < least(rows, count); ++r)
        memcpy(lines[r], from + r * t.inputs, size_t(n) * sizeof(N));
    for (int64_t i = 0; i < n; ++i)
        for (int64_t r = 0; r < count; ++r) to[i * t.panel + r] = lines[r][i];
}

#if RK_AVX512
RK_INLINE void whole_square(uint32_t* to, const uint32_t* from, const Transposition& t) {
    __m512i lines[16];
    transposed(reinterpret_cast<const char*>(from), t.inputs * 4, lines);
    for (int i = 0; i < 16; ++i) _mm512_storeu_si512(to + i * t.panel, lines[i]);
}

// Pairs of 16-bit numbers are transposed as if they were one number, and then separated.
RK_INLINE void whole_square(uint16_t* to, const uint16_t* from, const Transposition& t) {
    uint16_t places[32];
    for (int i = 0; i < 32; ++i) places[i] = uint16_t(2 * i);
    const __m512i even = _mm512_loadu_si512(places);
    const __m512i odd = _mm512_add_epi16(even, _mm512_set1_epi16(1));
    __m512i upper[16], lower[16];
    transposed(reinterpret_cast<const char*>(from), t.inputs * 2, upper);
    transposed(reinterpret_cast<const char*>(from + 16 * t.inputs), t.inputs * 2, lower);
    for (int i = 0; i < 16; ++i, to += 2 * t.panel) {
        _mm512_storeu_si512(to, _mm512_permutex2var_epi16(upper[i], even, lower[i]));
        _mm512_storeu_si512(to + t.panel, _mm512_permutex2var_epi16(upper[i], odd, lower[i]));
    }
}
#endif

template <class N>
RK_INLINE void turn_of(const Call& call, const Team& team) {
    constexpr int64_t SIDE = LINE / int64_t(sizeof(N));
    const Transposition t{call[2], call[3], call[4]};
    const int64_t panels = (t.outputs + t.panel - 1) / t.panel;
    const int64_t parts = (t.inputs + SIDE - 1) / SIDE;
    Range mine;
    while (team.next(panels * parts, 1, mine)) {
        const int64_t first = mine.begin / parts * t.panel, input = mine.begin % parts * SIDE;
        const int64_t n = least(SIDE, t.inputs - input);
        N* to = call.at<N>(0) + first * t.inputs + input * t.panel;
        for (int64_t o = 0; o < t.panel; o += SIDE) {
            const int64_t rows = most(0, t.outputs - first - o), count = least(SIDE, t.panel - o);
            const N* from = call.at<const N>(1) + (first + o) * t.inputs + input;
#if RK_AVX512
            if (least(rows, count) == SIDE && n == SIDE) {
                // the next line of each row, which no processor foresees
                for (int64_t r = 0; r < SIDE; ++r) prefetch(from + r * t.inputs + SIDE);
                whole_square(to + o, from, t);
                continue;
            }
#endif
            transpose_square(to + o, from, t, rows, count, n);
        }
    }
}

// y (panels, in, panel) of W (out, in), filled up with zeros; 0 y, 1 W, 2 out, 3 in, 4 rows of W in
// a panel, 5 bytes of a number (2 or 4)
RK_KERNEL(turn) {
    if (call[5] == 4)
        turn_of<uint32_t>(call, team);
    else
        turn_of<uint16_t>(call, team);
}
