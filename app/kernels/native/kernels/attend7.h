// Generation 7's attention of one token of a few texts, head by head: from the low side of the chains
// and r, k, v to what the output projection takes.  What a head needs stays with one thread.

constexpr int64_t ROWS7 = 4;   // texts that one reading of a head's chains serves
constexpr int64_t HEADS7 = 2;  // heads that a thread takes at once, where there are many
constexpr int64_t MADE7 = HEADS7 * MOST_SIZE7;
constexpr int CHAINS7 = 4;     // at most: (value,) decay, rate, gate
constexpr int RANK7 = 20;      // of the arguments; one for each chain

struct Attend7 {
    int64_t chains, rank, rows, heads, size, width;
};

// What the chains are for some heads: `made` (chains, ROWS7, MADE7), for rows from `row` on.
template <class T>
RK_INLINE void chains_of_heads(
    const Call& call, const Attend7& a, Range heads, int64_t row, int64_t some, float* made,
    Coming& coming) {
    const T* w = call.at<const T>(2);
    const Range outputs = {heads.begin * a.size, heads.end * a.size};
    for (int64_t chain = 0; chain < a.chains; ++chain) {
        const Up<T> up = {
            w, call.at<const float>(3) + chain * a.width, call[RANK7 + int(chain)]};
        up_outputs<T>(up, {call.at<const float>(1) + (chain * a.rows + row) * a.rank, a.rank},
                      {made + chain * ROWS7 * MADE7, MADE7}, outputs, some, coming);
        w += up_size(a.width, up.rank);
    }
}

// Where the states of some heads lie, `some` texts from text `row` on: they come out of memory while
// chains are multiplied and while those before them are stepped.
RK_INLINE Coming states_of(
    const Call& call, const Attend7& a, Range heads, int64_t row, int64_t some) {
    const int64_t one = a.size * a.size * int64_t(sizeof(float));
    const char* first = call.at<const char>(18) + (row * a.heads + heads.begin) * one;
    return {first, (heads.end - heads.begin) * one, a.heads * one, some, 0};
}

// One head of one text, whose chains are `made` (chains, ROWS7, MADE7).
RK_INLINE void attend_head(
    const Call& call, const Attend7& a, int64_t head, int64_t row, const float* made, Coming& coming) {
    constexpr int64_t CHAIN = ROWS7 * MADE7;
    const int64_t channel = head * a.size, at = row * a.width + channel;
    const bool chained = call[13] != 0;
    const float* last = made + (a.chains - 1) * CHAIN;
    float log_decay[MOST_SIZE7], k[MOST_SIZE7], v[MOST_SIZE7], kk[MOST_SIZE7], rate[MOST_SIZE7];
    float y[MOST_SIZE7];
    const float *r = call.at<const float>(10) + at, *raw_v = call.at<const float>(12) + at;
    const Raw7 raw = {call.at<const float>(11) + at,
                      raw_v,
                      chained ? made : nullptr,
                      last - 2 * CHAIN,
                      last - CHAIN,
                      chained ? call.at<const float>(13) + at : nullptr,
                      call.at<const float>(14) + channel};
    prepare_head(raw, {log_decay, k, v, kk, rate}, a.size, a.width);
    const float* value = chained ? v : raw_v;
    float* state = call.at<float>(18) + (row * a.heads + head) * a.size * a.size;
    part7({y, state, r, log_decay, k, value, kk, rate, a.size, a.width}, 1, {0, a.size},
          coming);
    gate_head(call.at<float>(0) + at,
              {y, r, k, value, last, call.at<const float>(15) + channel,
               call.at<const float>(16) + channel, call.at<const float>(17) + channel},
              a.size, float(call.real(19)));
}

template <class T>
RK_INLINE void attend7_as(const Call& call, const Team& team) {
    const Attend7 a = {call[4], call[5], call[6], call[7], call[8], call[7] * call[8]};
    const int64_t grain = a.heads >= 2 * HEADS7 * team.size ? HEADS7 : 1;
    // texts that share one reading of a head's chains are one part, behind them the head's next ones
    const int64_t floors = (a.rows + ROWS7 - 1) / ROWS7, blocks = (a.heads + grain - 1) / grain;
    float made[CHAINS7 * ROWS7 * MADE7];
    Range part;
    while (team.next(blocks * floors, 1, part)) {
        const int64_t row = part.begin % floors * ROWS7, some = least(ROWS7, a.rows - row);
        const int64_t first = part.begin / floors * grain;
        const Range mine = {first, least(a.heads, first + grain)};
        Coming coming = states_of(call, a, mine, row, some);
        chains_of_heads<T>(call, a, mine, row, some, made, coming);
        for (int64_t m = 0; m < some; ++m)
            for (int64_t head = mine.begin; head < mine.end; ++head)
                attend_head(
                    call, a, head, row + m, made + m * MADE7 + (head - mine.begin) * a.size, coming);
    }
}

// Arguments: 0 out (rows, A), 1 low (n, rows, D), 2 up, chain after chain by unit, 3 bias (n, A),
// 4 n, 5 D, 6 rows, 7 heads, 8 size, 9 kind of up, 10 r, 11 k, 12 v, 13 first or null,
// 14 keys (3, A), 15 bonus, 16 gain, 17 bias, 18 state, 19 eps, from 20 on each chain's rank
RK_KERNEL(attend7) {
    switch (call[9]) {
        case BF16: return attend7_as<bf16>(call, team);
        case FP16: return attend7_as<fp16>(call, team);
        default: return attend7_as<float>(call, team);
    }
}
