// Small matrix products: one register-tiled micro-kernel, and the packing that feeds it.
//
// Every product in elman is a sum over k of (a scalar of A) x (a few vectors of B), held in
// registers. The order of the sum for one element is always k = 0, 1, 2, ..., whatever the tile it
// falls in, so a row's result never depends on the batch, on the tiling or on the threads.
#pragma once

#include "simd.hpp"

namespace elman::ELMAN_ISA {

// Most rows of A that one tile with `vectors` columns of vectors may hold in registers.
constexpr int tile_rows(int vectors) {
    const int rows = accumulator_registers / vectors;
    return rows > 8 ? 8 : rows;
}

template <class T, int Rows, int Vectors>
struct Tile {
    Vector<T> at[Rows][Vectors];

    ELMAN_INLINE void fill(const T* bias) {
        ELMAN_UNROLL
        for (int v = 0; v < Vectors; ++v) {
            const Vector<T> value = load(bias + v * lanes<T>);
            ELMAN_UNROLL
            for (int r = 0; r < Rows; ++r) at[r][v] = value;
        }
    }

    ELMAN_INLINE void zero() {
        ELMAN_UNROLL
        for (int r = 0; r < Rows; ++r) {
            ELMAN_UNROLL
            for (int v = 0; v < Vectors; ++v) at[r][v] = Vector<T>{};
        }
    }

    ELMAN_INLINE void load_from(const T* from, ptrdiff_t row_stride) {
        ELMAN_UNROLL
        for (int r = 0; r < Rows; ++r) {
            ELMAN_UNROLL
            for (int v = 0; v < Vectors; ++v) at[r][v] = load(from + r * row_stride + v * lanes<T>);
        }
    }

    ELMAN_INLINE void store_to(T* to, ptrdiff_t row_stride) const {
        ELMAN_UNROLL
        for (int r = 0; r < Rows; ++r) {
            ELMAN_UNROLL
            for (int v = 0; v < Vectors; ++v) store(to + r * row_stride + v * lanes<T>, at[r][v]);
        }
    }

    // Columns First .. First+Count of the tile += A[rows, depth] B[depth, Count vectors].
    template <int First = 0, int Count = Vectors>
    ELMAN_INLINE void multiply(const T* a, ptrdiff_t row_stride, ptrdiff_t depth_stride,
                               const T* b, ptrdiff_t b_stride, int64_t depth) {
        for (int64_t k = 0; k < depth; ++k) {
            Vector<T> column[Count];
            ELMAN_UNROLL
            for (int v = 0; v < Count; ++v) column[v] = load(b + v * lanes<T>);
            ELMAN_UNROLL
            for (int r = 0; r < Rows; ++r) {
                const Vector<T> scalar = broadcast(a[r * row_stride]);
                ELMAN_UNROLL
                for (int v = 0; v < Count; ++v) at[r][First + v] += scalar * column[v];
            }
            a += depth_stride;
            b += b_stride;
        }
    }
};

// The same with one more row, of ones: extra += the sum of B over the depth.
template <class T, int Rows, int Vectors>
ELMAN_INLINE void multiply_and_sum(Tile<T, Rows, Vectors>& tile, Tile<T, 1, Vectors>& extra, const T* a,
                                   ptrdiff_t depth_stride, const T* b, ptrdiff_t b_stride,
                                   int64_t depth) {
    for (int64_t k = 0; k < depth; ++k) {
        tile.multiply(a, 1, 0, b, 0, 1);
        ELMAN_UNROLL
        for (int v = 0; v < Vectors; ++v) extra.at[0][v] += load(b + v * lanes<T>);
        a += depth_stride;
        b += b_stride;
    }
}

// Calls visit(first_row, rows as a compile-time constant) over `count` rows, in tiles of nearly
// equal height: 32 rows in tiles of at most 6 are 6+6+5+5+5+5, not 5 x 6 + 2.
template <int Rows>
struct RowCount {
    static constexpr int value = Rows;
};

template <int Most, class Visit>
ELMAN_INLINE void dispatch_rows(int rows, Visit&& visit) {
    switch (rows) {
        case 1: visit(RowCount<1>{}); return;
        case 2: if constexpr (Most >= 2) visit(RowCount<2>{}); return;
        case 3: if constexpr (Most >= 3) visit(RowCount<3>{}); return;
        case 4: if constexpr (Most >= 4) visit(RowCount<4>{}); return;
        case 5: if constexpr (Most >= 5) visit(RowCount<5>{}); return;
        case 6: if constexpr (Most >= 6) visit(RowCount<6>{}); return;
        case 7: if constexpr (Most >= 7) visit(RowCount<7>{}); return;
        case 8: if constexpr (Most >= 8) visit(RowCount<8>{}); return;
    }
}

template <int Most, class Visit>
ELMAN_INLINE void for_row_tiles(int64_t count, Visit&& visit) {
    const int64_t tiles = (count + Most - 1) / Most;
    int64_t row = 0;
    for (int64_t tile = 0; tile < tiles; ++tile) {
        const int rows = int((count - row + (tiles - tile) - 1) / (tiles - tile));
        dispatch_rows<Most>(rows, [&](auto constant) {
            visit(row, constant);
        });
        row += rows;
    }
}

// Calls visit(first_vector, vectors as a constant) over `count` vectors of columns in panels of
// at most Most, the last one narrower.
template <int Vectors>
struct VectorCount {
    static constexpr int value = Vectors;
};

template <int Most, class Visit>
ELMAN_INLINE void dispatch_vectors(int64_t vectors, Visit&& visit) {
    switch (vectors) {
        case 1: visit(VectorCount<1>{}); return;
        case 2: if constexpr (Most >= 2) visit(VectorCount<2>{}); return;
        case 3: if constexpr (Most >= 3) visit(VectorCount<3>{}); return;
        case 4: if constexpr (Most >= 4) visit(VectorCount<4>{}); return;
    }
}

// to[rows, columns] = from[rows, depth] x panels, or += when Add. Each panel of at most four vectors
// of columns is [bias, if Bias][depth][vectors]. The depth may lie in `blocks` pieces of `depth`
// elements that are `block_step` apart within a row of `from`.
template <bool Add, bool Bias = false, class T>
void multiply_panels(const T* from, ptrdiff_t from_row, int64_t blocks, ptrdiff_t block_step,
                     int64_t depth, int64_t rows, const T* panels, T* to, ptrdiff_t to_row,
                     int64_t columns) {
    constexpr int V = lanes<T>;
    for (int64_t first = 0; first < columns; first += 4 * V) {
        const int64_t wanted = columns - first < 4 * V ? columns - first : 4 * V;
        dispatch_vectors<4>((wanted + V - 1) / V, [&](auto vectors) {
            constexpr int Vectors = decltype(vectors)::value;
            for_row_tiles<tile_rows(Vectors)>(rows, [&](int64_t row, auto count) {
                constexpr int Rows = decltype(count)::value;
                Tile<T, Rows, Vectors> tile;
                T* const target = to + row * to_row + first;
                if constexpr (Add)
                    tile.load_from(target, to_row);
                else if constexpr (Bias)
                    tile.fill(panels);
                else
                    tile.zero();
                const T* a = from + row * from_row;
                const T* b = panels + (Bias ? Vectors * V : 0);
                for (int64_t block = 0; block < blocks; ++block) {
                    tile.multiply(a, from_row, 1, b, Vectors * V, depth);
                    a += block_step;
                    b += depth * Vectors * V;
                }
                if (Add || wanted == Vectors * V) {  // a sum's target is padded
                    tile.store_to(target, to_row);
                    return;
                }
                for (int r = 0; r < Rows; ++r)
                    for (int v = 0; v < Vectors; ++v)
                        store_up_to(target + r * to_row + v * V, tile.at[r][v], wanted - v * V);
            });
            panels += (blocks * depth + (Bias ? 1 : 0)) * Vectors * V;
        });
    }
}

}  // namespace elman::ELMAN_ISA
