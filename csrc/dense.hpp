// y = x W^T + b and its adjoint, with the same order of every sum whatever the number of rows.
#pragma once

#include "gemm.hpp"
#include "kernels.hpp"
#include "pack.hpp"
#include "threads.hpp"

namespace elman::ELMAN_ISA {

constexpr int64_t dense_chunk = 256;  // rows of x whose packed copy is in use at once

template <class T>
int64_t dense_padded(int64_t count) {
    return (count + lanes<T> - 1) / lanes<T> * lanes<T>;
}

template <class T>
int64_t dense_scratch(const Dense<T>& d) {
    const int64_t inputs = dense_padded<T>(d.inputs), outputs = dense_padded<T>(d.outputs);
    const int64_t weights = outputs * (d.inputs + 1) + inputs * d.outputs;
    return weights + dense_chunk * inputs + d.outputs * inputs;
}

// Splits rows into parts for the threads: part i is [i * size, (i + 1) * size).
template <class T, class Task>
void for_dense_rows(const Dense<T>& d, Task&& task) {
    const int parts = d.threads;
    const int64_t size = (d.rows + parts - 1) / parts;
    auto part = [&](int i) {
        const int64_t begin = i * size, end = begin + size < d.rows ? begin + size : d.rows;
        if (begin < end) task(begin, end);
    };
    parallel_for(parts, d.threads, part);
}

template <class T>
void dense_forward(const Dense<T>& d) {
    constexpr int V = lanes<T>;
    T* to = d.scratch;
    for (int64_t first = 0; first < d.outputs; first += 4 * V) {
        const int64_t left = d.outputs - first;
        const int64_t width = left < 4 * V ? dense_padded<T>(left) : 4 * V;
        for (int64_t i = 0; i < width; ++i) to[i] = d.bias && i < left ? d.bias[first + i] : T(0);
        to += width;
        for (int64_t v = 0; v < width; v += V)
            transpose_rows(d.weight + (first + v) * d.inputs, d.inputs, left - v < V ? left - v : V,
                           d.inputs, to + v, width);
        to += d.inputs * width;
    }
    for_dense_rows(d, [&](int64_t begin, int64_t end) {
        multiply_panels<false, true>(d.x + begin * d.x_row, d.x_row, 1, 0, d.inputs, end - begin,
                                     (const T*)d.scratch, d.y + begin * d.y_row, d.y_row, d.outputs);
    });
}

template <class T>
void dense_input_gradient(const Dense<T>& d) {
    constexpr int V = lanes<T>;
    T* to = d.scratch;
    for (int64_t first = 0; first < d.inputs; first += 4 * V) {
        const int64_t left = d.inputs - first;
        const int64_t width = left < 4 * V ? dense_padded<T>(left) : 4 * V;
        for (int64_t k = 0; k < d.outputs; ++k, to += width)
            for (int64_t v = 0; v < width; v += V)
                store(to + v, load_up_to(d.weight + k * d.inputs + first + v, left - v));
    }
    for_dense_rows(d, [&](int64_t begin, int64_t end) {
        multiply_panels<false>(d.d_y + begin * d.d_y_row, d.d_y_row, 1, 0, d.outputs, end - begin,
                               (const T*)d.scratch, d.d_x + begin * d.d_x_row, d.d_x_row, d.inputs);
    });
}

// d_weight[outputs, inputs] += d_y^T x, chunk by chunk of rows.
template <class T>
void dense_weight_gradient(const Dense<T>& d) {
    constexpr int V = lanes<T>;
    const int64_t padded = dense_padded<T>(d.inputs);
    T* const sums = d.scratch;                      // [outputs, padded]
    T* const packed = d.scratch + d.outputs * padded;  // panels of [chunk][width]
    const int panels = int((padded + 4 * V - 1) / (4 * V));
    for (int64_t i = 0; i < d.outputs * padded; ++i) sums[i] = 0;
    for (int64_t begin = 0; begin < d.rows; begin += dense_chunk) {
        const int64_t count = d.rows - begin < dense_chunk ? d.rows - begin : dense_chunk;
        auto panel = [&](int p) {
            const int64_t first = p * 4 * V;
            const int64_t width = padded - first < 4 * V ? padded - first : 4 * V;
            T* slab = packed + first * dense_chunk;
            for (int64_t k = 0; k < count; ++k)
                for (int64_t v = 0; v < width; v += V)
                    store(slab + k * width + v,
                          load_up_to(d.x + (begin + k) * d.x_row + first + v, d.inputs - first - v));
            dispatch_vectors<4>(width / V, [&](auto vectors) {
                constexpr int Vectors = decltype(vectors)::value;
                for_row_tiles<tile_rows(Vectors)>(d.outputs, [&](int64_t output, auto rows) {
                    Tile<T, decltype(rows)::value, Vectors> tile;
                    T* target = sums + output * padded + first;
                    tile.load_from(target, padded);
                    tile.multiply(d.d_y + begin * d.d_y_row + output, 1, d.d_y_row, slab, width, count);
                    tile.store_to(target, padded);
                });
            });
        };
        parallel_for(panels, d.threads, panel);
    }
    for (int64_t o = 0; o < d.outputs; ++o)
        for (int64_t i = 0; i < d.inputs; ++i) d.d_weight[o * d.inputs + i] += sums[o * padded + i];
}

template <class T>
void dense_backward(const Dense<T>& d) {
    if (d.d_x) dense_input_gradient(d);
    dense_weight_gradient(d);
    if (!d.d_bias) return;
    for (int64_t row = 0; row < d.rows; ++row)
        for (int64_t o = 0; o < d.outputs; ++o) d.d_bias[o] += d.d_y[row * d.d_y_row + o];
}

}  // namespace elman::ELMAN_ISA
