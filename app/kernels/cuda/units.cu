// Products of few rows with a matrix by unit, whose inputs are mostly zero.  Constants: WEIGHT, ROWS.
//
// The weight is (panels, width, 128).  A warp looks at a run of inputs, lists those that are not zero
// in all rows, and reads only their lines of 128 weights.  The blocks of a panel each make a part of
// the sums; the one that is done last adds them up, always in the same order.
#include "products.cuh"

constexpr int PANEL = 128;
constexpr int WARPS = 4;
constexpr int LOT = Sixteen<WEIGHT>::count;
constexpr int LINE = PANEL / LOT;    // lanes that read a line
constexpr int SIDES = WARP / LINE;   // lines that a warp reads side by side
constexpr int AHEAD = 4;             // and one after the other
constexpr int RUN = 512 / ROWS;      // inputs that are listed at once

// What a warp has listed: `count` inputs and, for each, the values of all rows.
struct List {
    float values[RUN][ROWS];
    int inputs[RUN];
};

// The lists, and then, in the same place, what each warp has summed up.
union Room {
    List lists[WARPS];
    float sums[WARPS][ROWS][PANEL];
};

// Lists inputs [first, end), at most RUN, in their order; returns how many.
template <class X>
DEVICE int listed(List& list, const X* x, const int (&from)[ROWS], int first, int end, bool skipping) {
    const int lane = threadIdx.x % WARP;
    int count = 0;
    for (int begin = first; begin < end; begin += WARP) {
        const int input = begin + lane;
        float values[ROWS];
        bool wanted = false;
#pragma unroll
        for (int r = 0; r < ROWS; ++r) {
            values[r] = input < end ? widen(x[from[r] + input]) : 0.0f;
            wanted |= !(values[r] == 0.0f);  // a NaN is not zero
        }
        wanted |= !skipping && input < end;
        const u32 found = __ballot_sync(ALL, wanted);
        if (wanted) {
            const int place = count + __popc(found & ((1u << lane) - 1));
            list.inputs[place] = input;
#pragma unroll
            for (int r = 0; r < ROWS; ++r) list.values[place][r] = values[r];
        }
        count += __popc(found);
    }
    return count;
}

// Adds the listed inputs times their weights; `line` are this lane's weights of input 0.
DEVICE void add_listed(float (&sums)[ROWS][LOT], const List& list, int count, const WEIGHT* line) {
    const int side = threadIdx.x % WARP / LINE;
    for (int i = side; i < count; i += SIDES * AHEAD) {
        uint4 lots[AHEAD];
#pragma unroll
        for (int a = 0; a < AHEAD; ++a)
            if (i + a * SIDES < count) lots[a] = load16_once(line + i64(list.inputs[i + a * SIDES]) * PANEL);
#pragma unroll
        for (int a = 0; a < AHEAD; ++a) {
            if (i + a * SIDES >= count) break;
            float weights[LOT];
            Sixteen<WEIGHT>::split(lots[a], weights);
#pragma unroll
            for (int r = 0; r < ROWS; ++r) {
                const float value = list.values[i + a * SIDES][r];
#pragma unroll
                for (int n = 0; n < LOT; ++n) sums[r][n] += value * weights[n];
            }
        }
    }
}

// Whether this block is the last of a panel to come here; all threads of it get the same answer.
DEVICE bool is_last(u32* arrived, u32 all) {
    SHARED u32 before;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) before = atomicAdd(arrived, 1u);
    __syncthreads();
    __threadfence();
    return before == all - 1;
}

template <class X>
DEVICE void product(float* out, const X* x, const WEIGHT* weight, const float* gate, float* parts,
                    u32* arrived, int rows, int outputs, int width, int run, bool skipping) {
    SHARED Room room;
    const int lane = threadIdx.x % WARP, warp = threadIdx.x / WARP;
    const int pass = blockIdx.x, panel = blockIdx.y, slice = blockIdx.z, slices = gridDim.z;
    const int row = pass * ROWS;

    // rows past the end are the last one once more, which nobody writes
    int from[ROWS];
#pragma unroll
    for (int r = 0; r < ROWS; ++r) from[r] = min(row + r, rows - 1) * width;
    const WEIGHT* line = weight + i64(panel) * width * PANEL + lane % LINE * LOT;

    float sums[ROWS][LOT] = {};
    const int begin = (slice * WARPS + warp) * run, end = min(begin + run, width);
    for (int first = begin; first < end; first += RUN) {
        const int count = listed(room.lists[warp], x, from, first, min(first + RUN, end), skipping);
        __syncwarp();
        add_listed(sums, room.lists[warp], count, line);
        __syncwarp();
    }

    __syncthreads();  // the lists make room
#pragma unroll
    for (int r = 0; r < ROWS; ++r)
#pragma unroll
        for (int n = 0; n < LOT; ++n) {
            if (SIDES > 1) sums[r][n] += __shfl_xor_sync(ALL, sums[r][n], LINE);
            if (lane < LINE) room.sums[warp][r][lane * LOT + n] = sums[r][n];
        }
    __syncthreads();

    const Ending ending{nullptr, gate, NONE, true};
    const i64 place = (i64(pass) * gridDim.y + panel) * slices;
    parts += place * ROWS * PANEL;
    for (int i = threadIdx.x; i < ROWS * PANEL; i += WARPS * WARP) {
        float sum = 0.0f;
#pragma unroll
        for (int w = 0; w < WARPS; ++w) sum += (&room.sums[w][0][0])[i];
        const int r = i / PANEL, output = panel * PANEL + i % PANEL;
        if (slices > 1)
            parts[slice * ROWS * PANEL + i] = sum;
        else if (row + r < rows && output < outputs)
            ending.put(out, i64(row + r) * outputs + output, output, sum);
    }
    if (slices == 1) return;

    arrived += pass * gridDim.y + panel;
    if (!is_last(arrived, slices)) return;
    for (int i = threadIdx.x; i < ROWS * PANEL; i += WARPS * WARP) {
        const int r = i / PANEL, output = panel * PANEL + i % PANEL;
        if (row + r >= rows || output >= outputs) continue;
        const volatile float* part = parts + i;  // other blocks wrote it: not from the first cache
        float sum = 0.0f;
#pragma unroll 8
        for (int s = 0; s < slices; ++s) sum += part[s * ROWS * PANEL];
        ending.put(out, i64(row + r) * outputs + output, output, sum);
    }
    if (threadIdx.x == 0) *arrived = 0;  // for the next launch
}

// out (rows, outputs) += gate * (x (rows, width) times weight).  Grid: passes of ROWS rows, panels,
// slices of WARPS runs of `run` inputs.  `parts` has (passes, panels, slices, ROWS, 128) numbers;
// `arrived` one for each pass and panel, 0 between launches.
#define UNITS(NAME, X)                                                                                 \
    extern "C" __global__ void __launch_bounds__(WARPS* WARP, ROWS > 4 ? 3 : 4)                        \
        NAME(float* out, const X* x, const WEIGHT* weight, const float* gate, float* parts,            \
             u32* arrived, int rows, int outputs, int width, int run, int skipping) {                  \
        product(out, x, weight, gate, parts, arrived, rows, outputs, width, run, skipping != 0);       \
    }

UNITS(units, float)
UNITS(units_short, WEIGHT)
