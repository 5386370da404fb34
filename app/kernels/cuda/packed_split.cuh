// Packed matrices by unit (layout.py), of which several blocks share a panel's inputs.
#pragma once
#include "packed.cuh"

constexpr int ROW = 128;  // bytes of an input in a panel
constexpr int WIDE = FOUR ? 256 : 128;

DEVICE float fresh(const float* p) {  // what another block may have written
#ifdef EMULATED
    return *p;
#else
    float x;
    asm volatile("ld.global.cg.f32 %0, [%1];" : "=f"(x) : "l"(p));
    return x;
#endif
}

// The sums of a panel's blocks (gridDim.y): `left` (blocks, ROWS, panels * WIDE), which each block
// leaves for the last to come.  The panel's number `come` is 0 before and afterwards.
struct Split {
    float* left;
    int* come;
    int panel, panels, most_rows;

    __device__ __forceinline__ float* at(int block, int i) const {
        return left + ((i64(block) * most_rows + i / WIDE) * panels + panel) * WIDE + i % WIDE;
    }

    // The sum of place i of (rows, WIDE).
    __device__ __forceinline__ void leave(int i, float sum) const { *at(blockIdx.y, i) = sum; }

    // Whether all other blocks have left theirs; for all threads of a block at once.
    __device__ __forceinline__ bool last() const {
        SHARED bool is_last;
        __threadfence();
        __syncthreads();
        if (threadIdx.x == 0) {
            is_last = atomicAdd(come, 1) == int(gridDim.y) - 1;
            if (is_last) *come = 0;
        }
        __syncthreads();
        __threadfence();
        return is_last;
    }

    // out (rows, outputs) += gate * the sums of all blocks, in their order.
    __device__ __forceinline__ void add_all(float* out, const float* gate, int rows, int outputs) const {
        const Ending ending = {nullptr, gate, NONE, true};
        for (int i = threadIdx.x; i < rows * WIDE; i += blockDim.x) {
            const int output = panel * WIDE + i % WIDE;
            if (output >= outputs) continue;
            float sum = 0.0f;
#pragma unroll 4
            for (int block = 0; block < int(gridDim.y); ++block) sum += fresh(at(block, i));
            ending.put(out, i64(i / WIDE) * outputs + output, output, sum);
        }
    }
};
