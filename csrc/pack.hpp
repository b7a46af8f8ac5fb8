// Transposition between PyTorch's weight layout and the packed panels.
#pragma once

#include "simd.hpp"

namespace elman::ELMAN_ISA {

// Lane j of row i becomes lane i of row j.
template <class T, int Half = lanes<T> / 2>
ELMAN_INLINE void transpose_square(Vector<T> (&rows)[lanes<T>]) {
    if constexpr (Half > 0) {
        ELMAN_UNROLL
        for (int i = 0; i < lanes<T>; ++i)
            if ((i & Half) == 0)
                exchange_halves<Half, T>(rows[i], rows[i + Half],
                                         std::make_integer_sequence<int, lanes<T>>{});
        transpose_square<T, Half / 2>(rows);
    }
}

// to[c * to_stride + r] = from[r * from_stride + c] for r < rows; zeros for rows <= r < lanes.
template <class T>
inline void transpose_rows(const T* from, int64_t from_stride, int64_t rows, int64_t columns, T* to,
                           int64_t to_stride) {
    constexpr int V = lanes<T>;
    for (int64_t first = 0; first < columns; first += V) {
        Vector<T> square[V];
        ELMAN_UNROLL
        for (int r = 0; r < V; ++r)
            square[r] = r < rows ? load_up_to(from + r * from_stride + first, columns - first)
                                 : Vector<T>{};
        transpose_square<T>(square);
        ELMAN_UNROLL
        for (int c = 0; c < V; ++c)
            if (first + c < columns) store(to + (first + c) * to_stride, square[c]);
    }
}

// to[r * to_stride + c] += from[c * from_stride + r] for r < rows, c < columns.
template <class T>
inline void add_transposed(const T* from, int64_t from_stride, int64_t rows, int64_t columns, T* to,
                           int64_t to_stride) {
    constexpr int V = lanes<T>;
    for (int64_t first = 0; first < columns; first += V) {
        const int64_t left = columns - first;
        Vector<T> square[V];
        ELMAN_UNROLL
        for (int c = 0; c < V; ++c)
            square[c] = c < left ? load(from + (first + c) * from_stride) : Vector<T>{};
        transpose_square<T>(square);
        ELMAN_UNROLL
        for (int r = 0; r < V; ++r) {
            T* const row = to + r * to_stride + first;
            if (r < rows) store_up_to<T>(row, load_up_to(row, left) + square[r], left);
        }
    }
}

}  // namespace elman::ELMAN_ISA
