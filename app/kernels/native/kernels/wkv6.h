// Generations 5 and 6: linear attention with decay.  The state is [key, value].

constexpr int64_t MOST_KEYS = 256;  // of a head; more are left to the fallback
constexpr int RUN6 = 4;             // tokens that pass over the state together

// One head of one text; the values are those from `column` on.
struct Head6 {
    float *y, *state;
    const float *r, *k, *v, *log_decay, *bonus;
    int64_t keys, width;     // of a head, of all heads
    int64_t decay_distance;  // from token to token, 0 for one decay for all
};

// What tokens t, t + 1, ... of a run need of each key; `present` is sum of r bonus k.
struct Run6 {
    float kept[RUN6][MOST_KEYS];
    float present[RUN6];
};

template <int RUN>
RK_INLINE void look_ahead6(const Head6& head, int64_t t, Run6& run) {
    for (int s = 0; s < RUN; ++s) {
        const int64_t at = (t + s) * head.width;
        F present = zero();
        for (int64_t i = 0; i < head.keys; i += W) {
            const int64_t n = head.keys - i;
            const F rk = load_first(head.r + at + i, n) * load_first(head.k + at + i, n);
            present = fma(rk, load_first(head.bonus + i, n), present);
            if (head.decay_distance || t + s == 0) {
                const float* fall = head.log_decay + (t + s) * head.decay_distance;
                store_first(run.kept[s] + i, exp(load_first(fall + i, n)), n);
            }
        }
        run.present[s] = sum(present);
    }
}

// RUN tokens for M vectors of values from `column` on, of which the last holds `n` numbers.
template <int RUN, int M>
RK_INLINE void run6(const Head6& head, const Run6& run, int64_t t, int64_t column, int64_t n) {
    const float *r = head.r + t * head.width, *k = head.k + t * head.width;
    const float* v = head.v + t * head.width + column;
    const bool fixed = head.decay_distance == 0;
    F values[RUN][M], y[RUN][M];
    for (int s = 0; s < RUN; ++s)
        for (int m = 0; m < M; ++m) {
            values[s][m] = load_first(v + s * head.width + m * W, n - m * W);
            y[s][m] = all(run.present[s]) * values[s][m];
        }
    for (int64_t i = 0; i < head.keys; ++i) {
        float* at = head.state + i * head.keys + column;
        F state[M];
        for (int m = 0; m < M; ++m) state[m] = load_first(at + m * W, n - m * W);
        for (int s = 0; s < RUN; ++s) {
            const F kept = all(run.kept[fixed ? 0 : s][i]);
            const F key = all(k[s * head.width + i]), read = all(r[s * head.width + i]);
            for (int m = 0; m < M; ++m) {
                y[s][m] = fma(read, state[m], y[s][m]);
                state[m] = fma(kept, state[m], key * values[s][m]);
            }
        }
        for (int m = 0; m < M; ++m) store_first(at + m * W, state[m], n - m * W);
    }
    float* to = head.y + t * head.width + column;
    for (int s = 0; s < RUN; ++s)
        for (int m = 0; m < M; ++m) store_first(to + s * head.width + m * W, y[s][m], n - m * W);
}

template <int RUN>
RK_INLINE void columns6(const Head6& head, const Run6& run, int64_t t, Range columns) {
    int64_t column = columns.begin;
    // a whole number of vectors is told apart, as it needs no masks
    for (; column + 2 * W <= columns.end; column += 2 * W) run6<RUN, 2>(head, run, t, column, 2 * W);
    for (; column + W <= columns.end; column += W) run6<RUN, 1>(head, run, t, column, W);
    if (column < columns.end) run6<RUN, 1>(head, run, t, column, columns.end - column);
}

// y = r (S + bonus k vT), S = w S + k vT; arguments: y, r, k, v, log_decay, bonus, state,
// batch, steps, heads, keys, whether the decay depends on the token, columns of one part
RK_KERNEL(wkv6) {
    const int64_t steps = call[8], heads = call[9], keys = call[10], width = heads * keys;
    const int64_t block = call[12], parts = (keys + block - 1) / block;
    Run6 run;
    Range mine;
    while (team.next(call[7] * heads * parts, 1, mine)) {
        const int64_t unit = mine.begin, part = unit % parts, which = unit / parts;
        const int64_t text = which / heads, channel = which % heads * keys;
        const int64_t from = text * steps * width + channel;
        const float* decay = call.at<const float>(4) + (call[11] ? from : channel);
        const Head6 head{call.at<float>(0) + from,
                         call.at<float>(6) + which * keys * keys,
                         call.at<const float>(1) + from,
                         call.at<const float>(2) + from,
                         call.at<const float>(3) + from,
                         decay,
                         call.at<const float>(5) + channel,
                         keys,
                         width,
                         call[11] ? width : 0};
        const Range columns{part * block, least(keys, (part + 1) * block)};
        int64_t t = 0;
        for (; t + RUN6 <= steps; t += RUN6) {
            look_ahead6<RUN6>(head, t, run);
            columns6<RUN6>(head, run, t, columns);
        }
        for (; t < steps; ++t) {
            look_ahead6<1>(head, t, run);
            columns6<1>(head, run, t, columns);
        }
    }
}
