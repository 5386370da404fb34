// Generation 7 before and after its rule, for one channel.
#pragma once

#include "rows.cuh"

constexpr float GROUP_EPS = 64e-5f;
constexpr float LEAST_LENGTH = 1e-12f;
constexpr float HALF_DECAY = -0.606531f;  // -e^(-1/2), in the six digits of the official implementations

// One layer's projections and the chains of (v,) w, a before their sigmoid; `value` and `first` are
// null in layer 0.  keys (3, width) are k_k, k_a and 1 - k_a.
struct Projected {
    const float *k, *v, *value, *decay, *rate, *first, *keys;
};

struct Channel {
    float fall, k, v, kk, rate;  // fall: log of the decay; kk is not yet of length one
};

// Channel c of `width`, at the place `at` of the activations.
DEVICE Channel channel_of(const Projected& from, i64 at, int c, int width) {
    const float k = from.k[at], rate = sigmoid(from.rate[at]);
    float v = from.v[at];
    if (from.first) v += (from.first[at] - v) * sigmoid(from.value[at]);
    const float changed = k * from.keys[width + c], kept = k * from.keys[2 * i64(width) + c];
    return {HALF_DECAY * sigmoid(from.decay[at]), kept + changed * rate, v, k * from.keys[c], rate};
}

// By what a vector is multiplied to have length one, given the sum of its squares.
DEVICE float to_length_one(float squares) { return 1.0f / fmaxf(sqrtf(squares), LEAST_LENGTH); }
