// Transposition between PyTorch's weight layout and the packed panels.
#pragma once

#include "simd.hpp"

namespace elman::ELMAN_ISA {

// to[c * to_stride + r] = from[r * from_stride + c] for r < rows; zeros for rows <= r < lanes.
// In blocks of 16 columns, so that both sides stay in the first-level cache.
template <class T>
inline void transpose_rows(const T* from, int64_t from_stride, int64_t rows, int64_t columns, T* to,
                           int64_t to_stride) {
    constexpr int64_t V = lanes<T>;
    constexpr int64_t block = 16;
    for (int64_t first = 0; first < columns; first += block) {
        const int64_t last = first + block < columns ? first + block : columns;
        for (int64_t c = first; c < last; ++c) {
            alignas(64) T column[V] = {};
            for (int64_t r = 0; r < rows; ++r) column[r] = from[r * from_stride + c];
            store(to + c * to_stride, load(column));
        }
    }
}

// to[r * to_stride + c] += from[c * from_stride + r] for r < rows, c < columns.
template <class T>
inline void add_transposed(const T* from, int64_t from_stride, int64_t rows, int64_t columns, T* to,
                           int64_t to_stride) {
    constexpr int64_t V = lanes<T>;
    constexpr int64_t block = 16;
    for (int64_t first = 0; first < columns; first += block) {
        const int64_t count = first + block < columns ? block : columns - first;
        alignas(64) T square[block * V];
        for (int64_t c = 0; c < count; ++c)
            store(square + c * V, load(from + (first + c) * from_stride));
        for (int64_t r = 0; r < rows; ++r)
            for (int64_t c = 0; c < count; ++c) to[r * to_stride + first + c] += square[c * V + r];
    }
}

}  // namespace elman::ELMAN_ISA
