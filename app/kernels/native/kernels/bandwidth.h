// How fast memory can be read at all: what decoding is measured against.

// All numbers from `from` to `to` in STREAMS stretches, one vector of each in turn.
template <int STREAMS>
RK_INLINE F added_up(const float* x, int64_t from, int64_t to) {
    constexpr int SUMS = 8, EACH = SUMS / STREAMS;
    F sums[SUMS];
    for (F& one : sums) one = zero();
    const int64_t stretch = (to - from) / STREAMS / (EACH * W) * (EACH * W);
    for (int64_t i = 0; i < stretch; i += EACH * W)
        for (int j = 0; j < SUMS; ++j)
            sums[j] = sums[j] + load(x + from + j / EACH * stretch + i + j % EACH * W);
    F total = zero();
    for (int64_t i = from + STREAMS * stretch; i < to; i += W)
        total = total + load_first(x + i, to - i);
    for (const F& one : sums) total = total + one;
    return total;
}

// Adds up floats, every thread its own part, as fast as the memory gives them.
// Arguments: one sum a thread (threads,), x, count, whether each thread reads in eight places
RK_KERNEL(read_through) {
    const float* x = call.at<const float>(1);
    constexpr int64_t PART = 1 << 18;
    F total = zero();
    Range part;
    while (team.next(call[2], PART, part))
        total = total + (call[3] ? added_up<8>(x, part.begin, part.end)
                                 : added_up<1>(x, part.begin, part.end));
    call.at<float>(0)[team.id] = sum(total);
}
