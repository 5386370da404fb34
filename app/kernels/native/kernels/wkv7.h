// Generation 7's delta rule.  The state is [value, key].

// One head of one text.
struct Head7 {
    float *y, *state;
    const float *r, *log_decay, *k, *v, *kk, *rate;
    int64_t size, width;  // of a head, of all heads
};

// One token, row by row of the state: value i forgets and learns for all keys.
template <int M>
RK_INLINE void step7(const Head7& head, Range values, Coming& coming) {
    F kept[M], key[M], sought[M], gone[M], read[M];
    const int64_t size = head.size;
    for (int m = 0; m < M; ++m) {
        const int64_t i = m * W, n = size - i;
        kept[m] = exp(load_first(head.log_decay + i, n));
        key[m] = load_first(head.k + i, n);
        sought[m] = load_first(head.kk + i, n);
        gone[m] = sought[m] * load_first(head.rate + i, n);
        read[m] = load_first(head.r + i, n);
    }
    for (int64_t i = values.begin; i < values.end; ++i) {
        float* at = head.state + i * size;
        F row[M], found = zero(), y = zero();
        for (int64_t line = 0; line < M * W * int64_t(sizeof(float)) / LINE; ++line) coming.next();
        for (int m = 0; m < M; ++m) {
            row[m] = load_first(at + m * W, size - m * W);
            found = fma(row[m], sought[m], found);
        }
        const F recalled = all(sum(found)), value = all(head.v[i]);
        for (int m = 0; m < M; ++m) {
            row[m] = fma(value, key[m], fnma(recalled, gone[m], row[m] * kept[m]));
            y = fma(row[m], read[m], y);
            store_first(at + m * W, row[m], size - m * W);
        }
        head.y[i] = sum(y);
    }
}

// The same for heads of any size: what belongs to the token is read again for each row.
RK_INLINE void step7_any(const Head7& head, Range values) {
    const int64_t size = head.size;
    for (int64_t i = values.begin; i < values.end; ++i) {
        float* at = head.state + i * size;
        F found = zero(), y = zero();
        for (int64_t j = 0; j < size; j += W)
            found = fma(load_first(at + j, size - j), load_first(head.kk + j, size - j), found);
        const F recalled = all(sum(found)), value = all(head.v[i]);
        for (int64_t j = 0; j < size; j += W) {
            const int64_t n = size - j;
            const F gone = load_first(head.kk + j, n) * load_first(head.rate + j, n);
            const F kept = load_first(at + j, n) * exp(load_first(head.log_decay + j, n));
            const F row = fma(value, load_first(head.k + j, n), fnma(recalled, gone, kept));
            y = fma(row, load_first(head.r + j, n), y);
            store_first(at + j, row, n);
        }
        head.y[i] = sum(y);
    }
}

constexpr int64_t MOST_SIZE7 = 128;  // of a head that is run over many tokens
constexpr int64_t RUN7 = 16;         // tokens that are made ready together

struct Run7 {
    float kept[RUN7][MOST_SIZE7], gone[RUN7][MOST_SIZE7];
};

RK_INLINE void look_ahead7(const Head7& head, int64_t t, int64_t count, Run7& run) {
    for (int64_t s = 0; s < count; ++s) {
        const int64_t at = (t + s) * head.width;
        for (int64_t j = 0; j < head.size; j += W) {
            const int64_t n = head.size - j;
            const F sought = load_first(head.kk + at + j, n);
            store_first(run.kept[s] + j, exp(load_first(head.log_decay + at + j, n)), n);
            store_first(run.gone[s] + j, sought * load_first(head.rate + at + j, n), n);
        }
    }
}

// M vectors of values of a head, the state transposed to [key][value] and kept in the cache.  One
// pass a token: what the next token recalls is gathered while this one is learnt.
template <int M>
RK_INLINE void steps7(const Head7& head, int64_t steps, int64_t column, int64_t n) {
    constexpr int64_t V = M * W;
    float state[MOST_SIZE7 * V];
    Run7 run;
    const int64_t size = head.size, count = least(n, V);
    float* rows = head.state + column * size;
    for (int64_t j = 0; j < size; ++j)
        for (int64_t i = 0; i < V; ++i) state[j * V + i] = i < count ? rows[i * size + j] : 0.0f;
    F recalled[M];
    for (int m = 0; m < M; ++m) recalled[m] = zero();
    for (int64_t j = 0; j < size; ++j)
        for (int m = 0; m < M; ++m)
            recalled[m] = fma(load(state + j * V + m * W), all(head.kk[j]), recalled[m]);
    for (int64_t t = 0; t < steps; ++t) {
        if (t % RUN7 == 0) look_ahead7(head, t, least(RUN7, steps - t), run);
        const int64_t at = t * head.width, next = t + 1 < steps ? at + head.width : at;
        const float *kept = run.kept[t % RUN7], *gone = run.gone[t % RUN7];
        const float *k = head.k + at, *r = head.r + at, *kk = head.kk + next;
        F values[M], y[M], found[M];
        for (int m = 0; m < M; ++m) {
            values[m] = load_first(head.v + at + column + m * W, n - m * W);
            y[m] = found[m] = zero();
        }
        for (int64_t j = 0; j < size; ++j) {
            const F fade = all(kept[j]), loss = all(gone[j]), key = all(k[j]);
            const F read = all(r[j]), sought = all(kk[j]);
            for (int m = 0; m < M; ++m) {
                float* place = state + j * V + m * W;
                const F left = fnma(recalled[m], loss, load(place) * fade);
                const F learnt = fma(values[m], key, left);
                store(place, learnt);
                y[m] = fma(learnt, read, y[m]);
                found[m] = fma(learnt, sought, found[m]);
            }
        }
        for (int m = 0; m < M; ++m) {
            store_first(head.y + at + column + m * W, y[m], n - m * W);
            recalled[m] = found[m];
        }
    }
    for (int64_t i = 0; i < count; ++i)
        for (int64_t j = 0; j < size; ++j) rows[i * size + j] = state[j * V + i];
}

RK_INLINE void part7(const Head7& head, int64_t steps, Range values, Coming& coming) {
    if (steps == 1) {
        constexpr int WHOLE = int(64 / W);  // the official size
        if (head.size == 64 && WHOLE <= 4) return step7<(WHOLE <= 4 ? WHOLE : 1)>(head, values, coming);
        return step7_any(head, values);
    }
    constexpr int M = W == 16 ? 4 : 2;
    int64_t column = values.begin;
    for (; column + M * W <= values.end; column += M * W) steps7<M>(head, steps, column, M * W);
    for (; column + 2 * W <= values.end; column += 2 * W) steps7<2>(head, steps, column, 2 * W);
    for (; column < values.end; column += W) steps7<1>(head, steps, column, values.end - column);
}

// S = S diag(w) - (S kk) (kk rate)T + v kT, y = S r; arguments: y, r, log_decay, k, v, kk, rate,
// state, batch, steps, heads, size, values of one part
RK_KERNEL(wkv7) {
    const int64_t steps = call[9], heads = call[10], size = call[11], width = heads * size;
    const int64_t block = call[12], parts = (size + block - 1) / block;
    Coming nothing{};
    Range mine;
    while (team.next(call[8] * heads * parts, 1, mine)) {
        const int64_t part = mine.begin % parts, which = mine.begin / parts;
        const int64_t from = which / heads * steps * width + which % heads * size;
        const Head7 head{call.at<float>(0) + from,
                         call.at<float>(7) + which * size * size,
                         call.at<const float>(1) + from,
                         call.at<const float>(2) + from,
                         call.at<const float>(3) + from,
                         call.at<const float>(4) + from,
                         call.at<const float>(5) + from,
                         call.at<const float>(6) + from,
                         size,
                         width};
        part7(head, steps, {part * block, least(size, (part + 1) * block)}, nothing);
    }
}
