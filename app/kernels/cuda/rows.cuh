// Rows of numbers: several side by side at once, and the mean and spread of a row.
#pragma once

#include "core.cuh"

constexpr float LAYER_EPS = 1e-5f;

// COUNT numbers side by side, read and written at once: they lie at a multiple of their size.
template <class T, int COUNT>
struct __align__(sizeof(T) * COUNT) Group {
    T at[COUNT];
};

template <int COUNT, class T>
DEVICE Group<T, COUNT> load_group(const T* p) {
#ifdef EMULATED
    emulated_check_aligned(p, sizeof(T) * COUNT);
#endif
    return *reinterpret_cast<const Group<T, COUNT>*>(p);
}

template <int COUNT, class T>
DEVICE void store_group(T* p, const Group<T, COUNT>& numbers) {
#ifdef EMULATED
    emulated_check_aligned(p, sizeof(T) * COUNT);
#endif
    *reinterpret_cast<Group<T, COUNT>*>(p) = numbers;
}

// Where the part of one text's memory begins; `table` holds the texts' addresses.
DEVICE float* memory_of(const u64* table, int text, int first) {
    return reinterpret_cast<float*>(table[text]) + first;
}

// Gives each number of a row to one thread of the block.
template <class T, class Use>
DEVICE void for_each_number(const T* row, int width, Use use) {
    constexpr int COUNT = Sixteen<T>::count;
    if (width % COUNT == 0 && reinterpret_cast<u64>(row) % 16 == 0) {
#pragma unroll 4
        for (int i = threadIdx.x * COUNT; i < width; i += blockDim.x * COUNT) {
            float numbers[COUNT];
            Sixteen<T>::split(load16(row + i), numbers);
#pragma unroll
            for (int j = 0; j < COUNT; ++j) use(numbers[j]);
        }
    } else {
        for (int i = threadIdx.x; i < width; i += blockDim.x) use(widen(row[i]));
    }
}

struct Moments {
    float mean, scale;  // scale: 1 / sqrt(variance + LAYER_EPS)
};

// Of one row; all threads of the block call it and get it.  The squares are those of the
// differences from the mean: a row far from zero loses nothing.
template <class T>
DEVICE Moments moments_of(const T* row, int width) {
    float sum = 0.0f;
    for_each_number(row, width, [&](float x) { sum += x; });
    const float mean = sum_of_block(sum) / width;
    float squares = 0.0f;
    for_each_number(row, width, [&](float x) { squares += (x - mean) * (x - mean); });
    return {mean, rsqrtf(sum_of_block(squares) / width + LAYER_EPS)};
}
