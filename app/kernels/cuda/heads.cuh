// How a head's state of N x N lies in registers: 16 of a line's numbers in a thread, LANES threads a
// line, LINES lines a block.  Constants: COLUMNS, at least N; WHOLE, whether it is N.
//
// A line is what one output is the sum over: a row of generation 7's state, a column of 6's.
#pragma once

#include "rows.cuh"

constexpr int HELD = 16;
constexpr int LANES = COLUMNS / HELD;
constexpr int LINES = COLUMNS <= 128 ? 32 : 16;
constexpr int THREADS = LINES * LANES;
constexpr int RESIDENT = WHOLE ? 4 : 1;  // blocks for which a multiprocessor's registers must do
constexpr int STEPS = 4 * THREADS / COLUMNS;  // tokens staged at once: each thread brings 4 numbers

// Which of a line's numbers a thread holds: its four groups of four, spread so that the lanes of a
// line read side by side.
DEVICE int column_of(int group, int lane) { return (group * LANES + lane) * 4; }

// Four numbers of a vector of N from `column` on; zeros beyond its end.
DEVICE float4 load_four(const float* p, int column, int size) {
#if WHOLE
    return load_floats(p + column);
#else
    return {column < size ? p[column] : 0.0f, column + 1 < size ? p[column + 1] : 0.0f,
            column + 2 < size ? p[column + 2] : 0.0f, column + 3 < size ? p[column + 3] : 0.0f};
#endif
}

// A float4 of shared memory.
DEVICE float4 staged_four(const float* p) { return load_floats(p); }
DEVICE void stage_four(float* p, float4 x) { *reinterpret_cast<float4*>(p) = x; }

DEVICE float4 times(float4 x, float4 y) { return {x.x * y.x, x.y * y.y, x.z * y.z, x.w * y.w}; }
DEVICE float4 exponentials(float4 x) { return {expf(x.x), expf(x.y), expf(x.z), expf(x.w)}; }
DEVICE float sum_of_four(float4 x) { return (x.x + x.y) + (x.z + x.w); }
