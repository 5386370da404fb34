// How fast memory can be read at all: what decoding is measured against.

// Adds up floats, every thread its own part, as fast as the memory gives them.
// Arguments: one sum a thread (threads,), x, count
RK_KERNEL(read_through) {
    const float* x = call.at<const float>(1);
    constexpr int64_t STEP = 8 * W, PART = 1 << 16;
    F sums[8];
    for (F& one : sums) one = zero();
    Range part;
    while (team.next(call[2], PART, part)) {
        int64_t i = part.begin;
        for (; i + STEP <= part.end; i += STEP)
            for (int j = 0; j < 8; ++j) sums[j] = sums[j] + load(x + i + j * W);
        for (; i < part.end; i += W) sums[0] = sums[0] + load_first(x + i, part.end - i);
    }
    F total = zero();
    for (const F& one : sums) total = total + one;
    call.at<float>(0)[team.id] = sum(total);
}
