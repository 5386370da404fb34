// Products of a few rows with matrices of floats (32, 16 bits), all sums in float32.

// What is done to a sum before it is stored; the numbers are those of ops_matrix.py.
enum Act : int64_t { NO_ACT = 0, RELU2 = 1, TANH = 2, SIGMOID = 3 };

constexpr int64_t PART_BYTES = 64 << 10;  // of weights that a thread takes at once, at most
constexpr int64_t LEAST_BYTES = 8 << 10;  // fewer are not worth a part
constexpr int64_t PART_ROWS = 256;        // at most
constexpr int64_t TOGETHER = 12;          // a multiple of the rows that are taken at once
constexpr int64_t PARTS_A_THREAD = 4;     // so that threads end together
constexpr int BATCH = 8;                  // rows of x that a weight is multiplied with at once
#if RK_AVX512 || RK_NEON
constexpr bool MANY_REGISTERS = true;  // of vectors: 32, else 16
#else
constexpr bool MANY_REGISTERS = false;
#endif

RK_INLINE F act_of(F x, int64_t act) {
    if (act == RELU2) {
        x = greater(zero(), x);  // in this order what is not a number stays visible
        return x * x;
    }
    if (act == TANH) return tanh(x);
    return act == SIGMOID ? sigmoid(x) : x;
}

// Where a part's sums go: output rows `begin` on, `count` of them, of row `m` of x.
struct Target {
    float* out;         // (M, N)
    const float* gate;  // (M, N), where out += gate * sum
    int64_t width, act;
    bool onto;
};

RK_INLINE void finish(const Target& to, int64_t m, int64_t begin, int64_t count, const float* raw) {
    float* out = to.out + m * to.width + begin;
    const float* gate = to.gate ? to.gate + m * to.width + begin : nullptr;
    for (int64_t i = 0; i < count; i += W) {
        const int64_t n = count - i;
        F y = act_of(load_first(raw + i, n), to.act);
        if (gate) y = y * load_first(gate + i, n);
        if (to.onto) y = y + load_first(out + i, n);
        store_first(out + i, y, n);
    }
}

// A row of weights times one or two rows of x is summed in so many sums side by side: vector i belongs
// to sum i % SUMS, and what is left behind the last whole round to the first.
constexpr int SUMS = 4;
constexpr int64_t ROUND = SUMS * W;  // numbers

// One row of weights times M rows of x.  Rows are read one after the other and
// nothing is prefetched: the processor itself fetches one long stream ahead of its use, and both
// several streams and prefetches were measured to cost a third of its speed.
template <int M, class T>
RK_INLINE void dots(const T* w, const float* const* x, int64_t width, float (*raw)[PART_ROWS]) {
    F sums[SUMS][M];
    for (int u = 0; u < SUMS; ++u)
        for (int m = 0; m < M; ++m) sums[u][m] = zero();
    int64_t i = 0;
    for (; i + ROUND <= width; i += ROUND) {
        for (int u = 0; u < SUMS; ++u) {
            const T* at = w + i + u * W;
            const F weight = load(at);
            for (int m = 0; m < M; ++m) sums[u][m] = fma(weight, load(x[m] + i + u * W), sums[u][m]);
        }
    }
    for (; i < width; i += W) {
        const F weight = load_first(w + i, width - i);
        for (int m = 0; m < M; ++m)
            sums[0][m] = fma(weight, load_first(x[m] + i, width - i), sums[0][m]);
    }
    for (int m = 0; m < M; ++m) {
        F total = sums[0][m];
        for (int u = 1; u < SUMS; ++u) total = total + sums[u][m];
        raw[m][0] = sum(total);
    }
}

// R rows of weights side by side times M rows of x, which are near each other, so that what is
// loaded of x serves R times.
template <int R, int M, class T>
RK_INLINE void dots_beside(
    const T* w, const float* x, int64_t width, float (*raw)[PART_ROWS]) {
    F sums[R][M];
    for (int r = 0; r < R; ++r)
        for (int m = 0; m < M; ++m) sums[r][m] = zero();
    int64_t i = 0;
    for (; i + W <= width; i += W) {
        F weight[R];
        for (int r = 0; r < R; ++r) {
            weight[r] = load(w + r * width + i);
            prefetch(w + (R + r) * width + i);
        }
        for (int m = 0; m < M; ++m) {
            const F some = load(x + i * M + m * W);
            for (int r = 0; r < R; ++r) sums[r][m] = fma(weight[r], some, sums[r][m]);
        }
    }
    if (i < width)
        for (int m = 0; m < M; ++m) {
            const F some = load(x + i * M + m * W);
            for (int r = 0; r < R; ++r)
                sums[r][m] = fma(load_first(w + r * width + i, width - i), some, sums[r][m]);
        }
    for (int m = 0; m < M; ++m)
        for (int r = 0; r < R; ++r) raw[m][r] = sum(sums[r][m]);
}

// The same to the bits that one row of x alone comes to: registers hold one of its sums at a time,
// which takes up to a third longer.
template <int R, int M, class T>
RK_INLINE void dots_alike(
    const T* w, const float* x, int64_t width, float (*raw)[PART_ROWS]) {
    const int64_t whole = width / ROUND * ROUND;
    F totals[R][M];
    for (int u = 0; u < SUMS; ++u) {
        F sums[R][M];
        for (int r = 0; r < R; ++r)
            for (int m = 0; m < M; ++m) sums[r][m] = zero();
        for (int64_t i = u * W; i < whole; i += ROUND) {
            F weight[R];
            for (int r = 0; r < R; ++r) {
                weight[r] = load(w + r * width + i);
                prefetch(w + (R + r) * width + i);
            }
            for (int m = 0; m < M; ++m) {
                const F some = load(x + i * M + m * W);
                for (int r = 0; r < R; ++r) sums[r][m] = fma(weight[r], some, sums[r][m]);
            }
        }
        for (int64_t i = whole; u == 0 && i < width; i += W)
            for (int m = 0; m < M; ++m) {
                const F some = load(x + i * M + m * W);
                for (int r = 0; r < R; ++r)
                    sums[r][m] = fma(load_first(w + r * width + i, width - i), some, sums[r][m]);
            }
        for (int r = 0; r < R; ++r)
            for (int m = 0; m < M; ++m)
                totals[r][m] = u == 0 ? sums[r][m] : totals[r][m] + sums[r][m];
    }
    for (int m = 0; m < M; ++m)
        for (int r = 0; r < R; ++r) raw[m][r] = sum(totals[r][m]);
}

// `count` rows of weights times M rows of x, which are near each other.
template <int M, class T>
RK_INLINE void part_near(
    const T* w, const float* x, int64_t width, int64_t count, float (*raw)[PART_ROWS]) {
    constexpr int R = MANY_REGISTERS ? 24 / M : 8 / M;
    int64_t row = 0;
    for (; row + R <= count; row += R)
        dots_beside<R, M>(
            w + row * width, x, width, reinterpret_cast<float(*)[PART_ROWS]>(&raw[0][row]));
    for (; row < count; ++row)
        dots_beside<1, M>(
            w + row * width, x, width, reinterpret_cast<float(*)[PART_ROWS]>(&raw[0][row]));
}

// The same, each row of x to the bits that it comes to alone.
template <int M, class T>
RK_INLINE void part_alike(
    const T* w, const float* x, int64_t width, int64_t count, float (*raw)[PART_ROWS]) {
    constexpr int R = MANY_REGISTERS ? 24 / M : 8 / M;
    int64_t row = 0;
    for (; row + R <= count; row += R)
        dots_alike<R, M>(
            w + row * width, x, width, reinterpret_cast<float(*)[PART_ROWS]>(&raw[0][row]));
    for (; row < count; ++row)
        dots_alike<1, M>(
            w + row * width, x, width, reinterpret_cast<float(*)[PART_ROWS]>(&raw[0][row]));
}

// `count` rows of weights times one or two rows of x.
template <int M, class T>
RK_INLINE void part(
    const T* w, const float* x, int64_t width, int64_t count, float (*raw)[PART_ROWS]) {
    const float* rows[M];
    for (int64_t m = 0; m < M; ++m) rows[m] = x + m * width;
    for (int64_t row = 0; row < count; ++row)
        dots<M>(
            w + row * width, rows, width, reinterpret_cast<float(*)[PART_ROWS]>(&raw[0][row]));
}

// How many rows of x go together where `left` of them are left.
RK_INLINE int64_t together(int64_t left) { return left > 4 ? BATCH : left > 2 ? 4 : left; }

// Numbers of a row that is whole vectors.
RK_INLINE int64_t whole_row(int64_t width) { return (width + W - 1) / W * W; }

// The rows of x that go together, a vector of each in turn, and zeros behind their ends.  As they
// are given they may lie 4 KB apart and take each other's places in the cache.  `near` holds whole
// rows, as many as x and what fills the last of them up.
RK_INLINE void bring_near(
    float* near, const float* x, int64_t batch, int64_t width, const Team& team) {
    const Range mine = team.share(whole_row(width) / W, 4);
    for (int64_t done = 0; done < batch; done += BATCH) {
        const int64_t left = least(BATCH, batch - done), count = together(left);
        if (left <= 2) return;
        float* to = near + done * whole_row(width);
        for (int64_t v = mine.begin; v < mine.end; ++v)
            for (int64_t m = 0; m < count; ++m) {
                // the last row stands in for those that are missing
                const float* from = x + (done + least(m, left - 1)) * width + v * W;
                store(to + (v * count + m) * W, load_first(from, width - v * W));
            }
    }
}

// Rows `begin`.. of one matrix times all `batch` rows of x, some rows of x at a time.
template <class T>
RK_INLINE void rows_times(
    const T* w, const float* x, const float* near, int64_t batch, int64_t width, Range rows,
    bool alike, const Target& to) {
    const int64_t count = rows.end - rows.begin;
    float raw[BATCH][PART_ROWS];
    for (int64_t done = 0; done < batch; done += BATCH) {
        const int64_t some = least(BATCH, batch - done), step = together(some);
        const float* from = near + done * whole_row(width);
        if (step == 1)
            part<1>(w, x + done * width, width, count, raw);
        else if (step == 2)
            part<2>(w, x + done * width, width, count, raw);
        else if (step == 4 && alike)
            part_alike<4>(w, from, width, count, raw);
        else if (step == 4)
            part_near<4>(w, from, width, count, raw);
        else if (alike)
            part_alike<BATCH>(w, from, width, count, raw);
        else
            part_near<BATCH>(w, from, width, count, raw);
        for (int64_t m = 0; m < some; ++m) finish(to, done + m, rows.begin, count, raw[m]);
    }
}

// Matrix `which` of a stack: `size` numbers after the one before it, or, where they lie apart, where
// the table of addresses says that is given in its place.
template <class T>
RK_INLINE const T* matrix_of(const Call& call, int at, bool apart, int64_t which, int64_t size) {
    if (!apart) return call.at<const T>(at) + which * size;
    return reinterpret_cast<const T*>(static_cast<uintptr_t>(call.at<const int64_t>(at)[which]));
}

template <class T>
RK_INLINE void matvec_of(const Call& call, const Team& team) {
    const float* x = call.at<const float>(1);
    float* near = call.at<float>(11);
    const int64_t stack = call[3], batch = call[4], out = call[5], width = call[6];
    const int64_t eights = batch > 2 ? (batch + BATCH - 1) / BATCH * BATCH : 0;
    const int64_t near_size = eights * whole_row(width);
    if (batch > 2) {
        for (int64_t matrix = 0; matrix < stack; ++matrix)
            bring_near(near + matrix * near_size, x + matrix * batch * width, batch, width, team);
        team.barrier();
    }
    // a part is never of two matrices, and whole runs of rows that are taken together
    const int64_t row_bytes = most(1, width * int64_t(sizeof(T)));
    const int64_t few = most(TOGETHER, LEAST_BYTES / row_bytes);
    const int64_t wanted = most(few, stack * out / (PARTS_A_THREAD * team.size));
    const int64_t many = least(PART_ROWS, PART_BYTES / row_bytes);
    const int64_t grain = most(4, least(many, wanted) / TOGETHER * TOGETHER);
    const int64_t parts = (out + grain - 1) / grain;
    Range mine;
    while (team.next(stack * parts, 1, mine)) {
        const int64_t matrix = mine.begin / parts, begin = mine.begin % parts * grain;
        const Range rows = {begin, least(out, begin + grain)};
        Target to = {call.at<float>(0), call.at<const float>(9), out, call[8], call[10] != 0};
        to.out += matrix * batch * out;
        const T* w = matrix_of<T>(call, 2, call[12] != 0, matrix, out * width);
        rows_times(w + begin * width, x + matrix * batch * width, near + matrix * near_size, batch,
                   width, rows, call[13] != 0, to);
    }
}

// y = act(x W^T), or y += gate * (x W^T), for each matrix of a stack with its own x.
// Arguments: y (stack, batch, out), x (stack, batch, width), W (stack, out, width), stack, batch,
// out, width, kind of W, act, gate (batch, out) or 0, whether to add to y, scratch for more than two
// rows of x: whole vectors of rows, and rows in eights; whether W is a table of `stack` addresses;
// whether each row of x comes to the bits that it comes to alone.
RK_KERNEL(matvec) {
    if (call[7] == FP32)
        matvec_of<float>(call, team);
    else if (call[7] == BF16)
        matvec_of<bf16>(call, team);
    else
        matvec_of<fp16>(call, team);
}

// Numbers of 16 bits as float32; arguments: y, x, count, kind of x
RK_KERNEL(widen) {
    const Range mine = team.share(call[2], 1024);
    float* y = call.at<float>(0);
    for (int64_t i = mine.begin; i < mine.end; i += W) {
        const int64_t n = mine.end - i;
        const F x = call[3] == BF16 ? load_first(call.at<const bf16>(1) + i, n)
                                    : load_first(call.at<const fp16>(1) + i, n);
        store_first(y + i, x, n);
    }
}
