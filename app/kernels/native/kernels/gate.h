// What stands between the recurrence and the output: a norm of each head, and a gate.

RK_INLINE F silu_or_one(const float* gate, int64_t i, int64_t n) {
    return gate ? silu(load_first(gate + i, n)) : all(1.0f);
}

// norm of each head, times silu(gate) where there is one; arguments: out, y, gate or null, gain,
// bias, rows, heads, size, eps
RK_KERNEL(gate6) {
    const int64_t heads = call[6], size = call[7];
    const Range mine = team.share(call[5] * heads, 1);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
        const int64_t at = unit * size, channel = unit % heads * size;
        const float* gate = call.at<const float>(2) ? call.at<const float>(2) + at : nullptr;
        const Normed<float> y =
            normed(call.at<const float>(1) + at, call.at<const float>(3) + channel,
                   call.at<const float>(4) + channel, size, float(call.real(8)));
        for (int64_t i = 0; i < size; i += W) {
            const int64_t n = size - i;
            store_first(call.at<float>(0) + at + i, y.at(i, n) * silu_or_one(gate, i, n), n);
        }
    }
}

// One head of generation 7, all of it from its first channel on.
struct Gated7 {
    const float *y, *r, *k, *v, *gate;
    const float *bonus, *gain, *bias;
};

RK_INLINE void gate_head(float* out, const Gated7& head, int64_t size, float eps) {
    F strength = zero();
    for (int64_t i = 0; i < size; i += W) {
        const int64_t n = size - i;
        const F rk = load_first(head.r + i, n) * load_first(head.k + i, n);
        strength = fma(rk, load_first(head.bonus + i, n), strength);
    }
    const F present = all(sum(strength));
    const Normed<float> y = normed(head.y, head.gain, head.bias, size, eps);
    for (int64_t i = 0; i < size; i += W) {
        const int64_t n = size - i;
        const F whole = fma(present, load_first(head.v + i, n), y.at(i, n));
        store_first(out + i, whole * load_first(head.gate + i, n), n);
    }
}

// (norm of each head + (sum of r k bonus) v) * gate; arguments: out, y, r, k, v, gate, bonus,
// gain, bias, rows, heads, size, eps
RK_KERNEL(gate7) {
    const int64_t heads = call[10], size = call[11];
    const Range mine = team.share(call[9] * heads, 1);
    for (int64_t unit = mine.begin; unit < mine.end; ++unit) {
        const int64_t at = unit * size, channel = unit % heads * size;
        const Gated7 head = {call.at<const float>(1) + at,      call.at<const float>(2) + at,
                             call.at<const float>(3) + at,      call.at<const float>(4) + at,
                             call.at<const float>(5) + at,      call.at<const float>(6) + channel,
                             call.at<const float>(7) + channel, call.at<const float>(8) + channel};
        gate_head(call.at<float>(0) + at, head, size, float(call.real(12)));
    }
}
