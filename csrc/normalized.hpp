// Layer normalisation inside a cell (Ba, Kiros & Hinton 2016): every product of the cell, with its
// input and with its state, is normalised over its gates and units before the pointwise mathematics.
//
//     v = W x + b,  y = gain (v - mean v) / sqrt(var v + epsilon) + shift
//
// The mean over the rows of W x + b is the product of x with the mean of the rows of W, and so on.
// With weights whose columns are centred, v has no mean: nothing has to be subtracted, forward or
// back, and one sum of a row, that of its squares, normalises it. The gradient of the weights is
// centred at the end instead, once.
//
// The products of a step are written out (the normalisation needs the whole row), the pointwise
// mathematics reads them, and the adjoint replaces them by their gradients. The gradients of gains
// and shifts are summed by blocks of rows, which no thread shares, then over the blocks.
#pragma once

#include "gemm.hpp"
#include "normalized_geometry.hpp"
#include "normalized_parameters.hpp"

namespace elman::ELMAN_ISA {

// ---------------------------------------------------------------------------------------------
// Forward

template <class T>
ELMAN_INLINE Vector<T> squares_of(const T* v, int64_t columns) {
    constexpr int V = lanes<T>;
    Vector<T> squares[2] = {};
    int64_t i = 0;
    for (; i + 2 * V <= columns; i += 2 * V) {
        const Vector<T> first = load(v + i), second = load(v + i + V);
        squares[0] += first * first;
        squares[1] += second * second;
    }
    if (i < columns) {
        const Vector<T> last = load(v + i);
        squares[0] += last * last;
    }
    return squares[0] + squares[1];
}

template <class T>
ELMAN_INLINE Vector<T> total_of(const T* row, int64_t count) {
    Vector<T> sum{};
    for (int64_t i = 0; i < count; i += lanes<T>) sum += first_lanes<T>(load(row + i), count - i);
    return sum;
}

template <class T>
ELMAN_INLINE Vector<T> squares_about(const T* row, int64_t count, T mean) {
    Vector<T> squares{};
    for (int64_t i = 0; i < count; i += lanes<T>) {
        const Vector<T> centred = first_lanes<T>(load(row + i) - mean, count - i);
        squares += centred * centred;
    }
    return squares;
}

// sums[r] = the sum of the lanes of of_row(r) for the rows of a block, zero for r >= rows.
template <class T, class OfRow>
ELMAN_INLINE void sums_of_block(int64_t rows, OfRow&& of_row, T (&sums)[norm_block]) {
    Vector<T> of_rows[norm_block];
    ELMAN_UNROLL
    for (int r = 0; r < norm_block; ++r) of_rows[r] = r < rows ? of_row(r) : Vector<T>{};
    sums_over_lanes<T, norm_block>(of_rows, sums);
}

// The scales of `rows` rows from `begin` on. The rows of a block go through each part of the
// mathematics together: the sums over their lanes, the root, the division.
template <int Product, class Cell, class T>
ELMAN_ONE_COPY void find_scales(const NormalizedGeometry<T, Cell>& n, int64_t s, int64_t begin,
                                int64_t rows) {
    const int64_t columns = n.columns(Product);
    const T* v = n.products(Product).at(s, begin);
    T* scales = n.scales(s, begin) + Product;
    const T size = n.norm_size(Product);
    for (int64_t left = rows; left > 0; left -= norm_block) {
        const int64_t block = smaller(norm_block, left);
        T squares[norm_block];
        sums_of_block<T>(block, [&](int64_t r) { return squares_of(v + r * columns, columns); }, squares);
        for (int r = 0; r < norm_block; ++r) squares[r] = one_over_root<T>(squares[r] / size);
        for (int64_t r = 0; r < block; ++r) scales[r * scales_row] = squares[r];
        v += norm_block * columns;
        scales += norm_block * scales_row;
    }
}

// From the products to what the cell keeps: all of it, or all but what reads the state out.
template <int Product, class Stage, bool Last, bool Noisy, class Cell, class T>
ELMAN_ONE_COPY void finish_normalized(const NormalizedGeometry<T, Cell>& n, int64_t s, int64_t begin,
                                      int64_t rows) {
    using P = typename NormalizedGeometry<T, Cell>::P;
    using Columns = StageColumns<Stage>;
    using Input = typename Stage::Input;
    using Hidden = typename Stage::Hidden;
    constexpr int V = lanes<T>;
    const Geometry<T, Cell>& g = n.g;
    const T* x_row = n.products(0).at(s, begin) + (Columns::first - P::firsts[0]) * V;
    const T* h_row = n.products(Product).at(s, begin);
    const T* const x_gain = n.gains(0) + (Columns::first - P::firsts[0]) * V;
    const T* const h_gain = n.gains(Product);
    const T* const shift = n.shifts() + Columns::first * V;
    const T* scales = n.scales(s, begin);
    ForwardRow<Cell, T, Noisy> row(g, s, begin);
    for (int64_t r = 0; r < rows; ++r, row.next_row()) {
        const T x_scale = scales[0], h_scale = scales[Product];
        for (int64_t u = 0; u < g.units; ++u) {
            alignas(64) T sums[Columns::count * V];
            ELMAN_UNROLL
            for (int c = 0; c < Columns::count; ++c) {
                const int slot = Columns::first + c;
                Vector<T> sum = load(shift + (u * Cell::slots + c) * V);
                if (slot >= Input::first && slot < Input::end) {
                    const int64_t at = (u * P::counts[0] + c) * V;
                    sum += load(x_gain + at) * (load(x_row + at) * x_scale);
                }
                if (slot >= Hidden::first && slot < Hidden::end) {
                    const int64_t at = (u * Hidden::count + slot - Hidden::first) * V;
                    sum += load(h_gain + at) * (load(h_row + at) * h_scale);
                }
                store(sums + c * V, sum);
            }
            const ForwardUnit<T> here = row.at(u * V, sums);
            if constexpr (Last && Cell::reads_out) {
                Stage::template memory<T>(here);
            } else {
                Stage::template forward<T>(here);
                if constexpr (Last) row.finish(u * V); else row.finish_operand(u * V);
            }
        }
        x_row += n.columns(0);
        h_row += n.columns(Product);
        scales += scales_row;
    }
}

// The output of a cell that reads its last state, through its normalisation.
template <class Stage, bool Noisy, class Cell, class T>
ELMAN_ONE_COPY void read_out_normalized(const NormalizedGeometry<T, Cell>& n, int64_t s, int64_t begin,
                                        int64_t rows) {
    using P = typename NormalizedGeometry<T, Cell>::P;
    constexpr int V = lanes<T>, state = Cell::states - 1;
    const Geometry<T, Cell>& g = n.g;
    const int64_t hidden = g.layer.hidden_size;
    T* const scales = n.scales(s, begin) + P::count;
    const T* const c = g.made(state, s, begin);
    for (int64_t first = 0; first < rows; first += norm_block) {
        const T* const block = c + first * g.padded;
        const int64_t block_rows = smaller(norm_block, rows - first);
        T means[norm_block], squares[norm_block];
        sums_of_block<T>(
            block_rows, [&](int64_t r) { return total_of(block + r * g.padded, hidden); }, means);
        for (T& mean : means) mean /= T(hidden);
        sums_of_block<T>(
            block_rows, [&](int64_t r) { return squares_about(block + r * g.padded, hidden, means[r]); },
            squares);
        for (T& square : squares) square = one_over_root<T>(square / T(hidden));
        for (int64_t r = 0; r < block_rows; ++r) {
            scales[(first + r) * scales_row] = means[r];
            scales[(first + r) * scales_row + 1] = squares[r];
        }
    }
    ForwardRow<Cell, T, Noisy> row(g, s, begin);
    for (int64_t r = 0; r < rows; ++r, row.next_row()) {
        const T mean = scales[r * scales_row], scale = scales[r * scales_row + 1];
        for (int64_t u = 0; u < g.padded; u += V) {
            const ForwardUnit<T> here = row.at(u, nullptr);
            const Vector<T> normal = (load(here.next[state]) - mean) * scale;
            const Vector<T> seen = load(n.state_gain() + u) * normal + load(n.state_shift() + u);
            Stage::template read_out<T>(here, seen);
            row.finish(u);
        }
    }
}

template <int Product, bool Last, bool Noisy, class Stage, class Cell, class T>
void forward_normalized_stage(const NormalizedGeometry<T, Cell>& n, int64_t s, int64_t begin,
                              int64_t rows) {
    const Geometry<T, Cell>& g = n.g;
    multiply_panels<false, true>(g.template hidden_operand<Stage>(s, begin), g.padded, 1, 0,
                                 g.layer.hidden_size, rows, (const T*)n.panels(Product),
                                 n.products(Product).at(s, begin), n.columns(Product), n.columns(Product));
    // As many rows in a row as stay in the first-level cache.
    const int64_t most = larger(norm_block, 4096 / n.row / norm_block * norm_block);
    for (int64_t done = 0; done < rows; done += most) {
        const int64_t first = begin + done, block_rows = smaller(most, rows - done);
        if constexpr (Product == 1) find_scales<0>(n, s, first, block_rows);
        find_scales<Product>(n, s, first, block_rows);
        finish_normalized<Product, Stage, Last, Noisy>(n, s, first, block_rows);
        if constexpr (Last && Cell::reads_out) read_out_normalized<Stage, Noisy>(n, s, first, block_rows);
    }
}

template <int Product, bool Noisy, class Cell, class T, class First, class... Rest>
void forward_normalized_stages(const NormalizedGeometry<T, Cell>& n, int64_t s, int64_t begin,
                               int64_t rows, Stages<First, Rest...>) {
    forward_normalized_stage<Product, sizeof...(Rest) == 0, Noisy, First>(n, s, begin, rows);
    if constexpr (sizeof...(Rest) > 0)
        forward_normalized_stages<Product + 1, Noisy>(n, s, begin, rows, Stages<Rest...>{});
}

// One step of the rows from `begin` on.
template <class Cell, class T, class... S>
void forward_normalized(const Geometry<T, Cell>& g, int64_t s, int64_t begin, int64_t rows, Stages<S...>) {
    const NormalizedGeometry<T, Cell> n(g);
    const Array3<const T>& x = g.layer.x;
    multiply_panels<false, true>(x.at(g.time(s), begin), x.row, 1, 0, g.layer.input_size, rows,
                                 (const T*)n.panels(0), n.products(0).at(s, begin), n.columns(0), n.columns(0));
    if (g.noisy())
        forward_normalized_stages<1, true>(n, s, begin, rows, Stages<S...>{});
    else
        forward_normalized_stages<1, false>(n, s, begin, rows, Stages<S...>{});
}

// ---------------------------------------------------------------------------------------------
// Backward

// From the gradient of a normalised product, which the slots hold, that of the product itself; of the
// rows of one block.
template <int Product, class Cell, class T>
ELMAN_ONE_COPY void product_adjoint(const NormalizedGeometry<T, Cell>& n, int64_t s, int64_t begin,
                                    int64_t rows) {
    using P = typename NormalizedGeometry<T, Cell>::P;
    constexpr int V = lanes<T>, count = P::counts[Product], first = P::firsts[Product];
    const Geometry<T, Cell>& g = n.g;
    const T* const gain = n.gains(Product);
    const int64_t offset = g.units * P::before(Product) * V, columns = n.columns(Product);
    const T* const slots = g.slots().at(s, begin) + first * V;
    T* const products = n.products(Product).at(s, begin);
    const T* const scales = n.scales(s, begin) + Product;
    T along[norm_block], scale[norm_block];
    auto along_row = [&](int64_t r) {
        const T *d = slots + r * g.slots_row, *v = products + r * columns, *weight = gain;
        Vector<T> sum[2] = {};
        for (int64_t u = 0; u < g.units; ++u, d += V * Cell::slots, v += V * count, weight += V * count) {
            ELMAN_UNROLL
            for (int c = 0; c < count; ++c)
                sum[c & 1] += (load(d + c * V) * load(weight + c * V)) * load(v + c * V);
        }
        return sum[0] + sum[1];
    };
    sums_of_block<T>(rows, along_row, along);
    for (int64_t r = 0; r < rows; ++r) scale[r] = scales[r * scales_row];
    const T size = n.norm_size(Product);
    for (int64_t r = 0; r < rows; ++r) along[r] *= scale[r] * scale[r] * scale[r] / size;
    T* const gain_sums = n.gain_sums(begin / norm_block) + offset;
    T* const shift_sums = n.shift_sums(begin / norm_block) + offset;
    for (int64_t u = 0; u < g.units; ++u)
        for (int c = 0; c < count; ++c) {
            const int64_t at = (u * count + c) * V;
            const T* d = slots + (u * Cell::slots + c) * V;
            T* v = products + at;
            const Vector<T> weight = load(gain + at);
            Vector<T> d_gain = load(gain_sums + at), d_shift = load(shift_sums + at);
            for (int64_t r = 0; r < rows; ++r, d += g.slots_row, v += columns) {
                const Vector<T> d_y = load(d), value = load(v);
                const Vector<T> scaled = d_y * scale[r];
                d_gain += scaled * value;
                d_shift += d_y;
                store(v, weight * scaled - value * along[r]);
            }
            store(gain_sums + at, d_gain);
            store(shift_sums + at, d_shift);
        }
}

// The pointwise adjoint of a stage that reads its last state through its normalisation: first of the
// reading, which leaves the gradient of the normalised state times its gain, then of the rest.
template <class Cell, class Stage, bool Noisy, class T>
ELMAN_ONE_COPY void adjoint_read_out(const NormalizedGeometry<T, Cell>& n, int64_t s, int64_t begin,
                                     int64_t rows, T (&mean_d)[norm_block], T (&mean_along)[norm_block]) {
    using P = typename NormalizedGeometry<T, Cell>::P;
    constexpr int V = lanes<T>, state = Cell::states - 1;
    const Geometry<T, Cell>& g = n.g;
    const int64_t hidden = g.layer.hidden_size, block = begin / norm_block;
    const T* const gain = n.state_gain();
    T *const gain_sum = n.state_gain_sums(block), *const shift_sum = n.state_shift_sums(block);
    const T* const scales = n.scales(s, begin) + P::count;
    Vector<T> total[norm_block], along[norm_block];
    for (int64_t r = rows; r < norm_block; ++r) total[r] = along[r] = Vector<T>{};
    AdjointRow<Cell, T, Noisy> row(g, s, begin);
    for (int64_t r = 0; r < rows; ++r, row.next_row()) {
        const T mean = scales[r * scales_row], scale = scales[r * scales_row + 1];
        T* const d_normal = g.operand_carry(begin + r);
        Vector<T> sum{}, sum_along{};
        for (int64_t u = 0; u < g.padded; u += V) {
            const AdjointUnit<T> here = row.at(u);
            Vector<T> d_previous, d_made;
            row.split(0, u, d_previous, d_made);
            store(here.carry[0], d_previous);
            // seen = gain normal + shift
            const Vector<T> normal = first_lanes<T>((load(here.next[state]) - mean) * scale, hidden - u);
            const Vector<T> d_seen = Stage::template read_out_adjoint<T>(here, d_made);
            store(gain_sum + u, load(gain_sum + u) + d_seen * normal);
            store(shift_sum + u, load(shift_sum + u) + d_seen);
            const Vector<T> d = load(gain + u) * d_seen;  // the gain is zero above the last unit
            store(d_normal + u, d);
            sum += d;
            sum_along += d * normal;
        }
        total[r] = sum;
        along[r] = sum_along;
    }
    sums_over_lanes<T, norm_block>(total, mean_d);
    sums_over_lanes<T, norm_block>(along, mean_along);
    for (int r = 0; r < norm_block; ++r) {
        mean_d[r] /= T(hidden);
        mean_along[r] /= T(hidden);
    }
}

template <class Cell, class Stage, bool Noisy, class T>
ELMAN_ONE_COPY void adjoint_memory(const NormalizedGeometry<T, Cell>& n, int64_t s, int64_t begin,
                                   int64_t rows, const T* mean_d, const T* mean_along) {
    using P = typename NormalizedGeometry<T, Cell>::P;
    constexpr int V = lanes<T>, state = Cell::states - 1;
    const Geometry<T, Cell>& g = n.g;
    const int64_t hidden = g.layer.hidden_size;
    const T* const scales = n.scales(s, begin) + P::count;
    AdjointRow<Cell, T, Noisy> row(g, s, begin);
    for (int64_t r = 0; r < rows; ++r, row.next_row()) {
        const T mean = scales[r * scales_row], scale = scales[r * scales_row + 1];
        const T* const d_normal = g.operand_carry(begin + r);
        for (int64_t u = 0; u < g.padded; u += V) {
            const AdjointUnit<T> here = row.at(u);
            const Vector<T> normal = (load(here.next[state]) - mean) * scale;
            Vector<T> d_previous, d_made;
            row.split(state, u, d_previous, d_made);
            const Vector<T> d_state = (load(d_normal + u) - mean_d[r] - normal * mean_along[r]) * scale;
            Stage::template memory_adjoint<T>(here, d_made + first_lanes<T>(d_state, hidden - u));
            store(here.carry[state], load(here.carry[state]) + d_previous);
        }
    }
}

template <int Product, bool Last, bool Noisy, class Stage, class Cell, class T>
void adjoint_normalized_stage(const NormalizedGeometry<T, Cell>& n, const T* weights, int64_t s,
                              int64_t begin, int64_t rows) {
    const Geometry<T, Cell>& g = n.g;
    if constexpr (!(Last && Cell::reads_out)) adjoint_regularized<Cell, Stage, Last, Noisy>(g, s, begin, rows);
    for (int64_t done = 0; done < rows; done += norm_block) {
        const int64_t first_row = begin + done, block_rows = smaller(norm_block, rows - done);
        if constexpr (Last && Cell::reads_out) {
            T mean_d[norm_block], mean_along[norm_block];
            adjoint_read_out<Cell, Stage, Noisy>(n, s, first_row, block_rows, mean_d, mean_along);
            adjoint_memory<Cell, Stage, Noisy>(n, s, first_row, block_rows, (const T*)mean_d,
                                        (const T*)mean_along);
        }
        product_adjoint<Product>(n, s, first_row, block_rows);
        if constexpr (Product == 1) product_adjoint<0>(n, s, first_row, block_rows);
    }
    const T* const from = n.products(Product).at(s, begin);
    const int64_t depth = n.columns(Product);
    if (Stage::operand == Operand::computed || g.dropping())
        multiply_panels<false>(from, depth, 1, 0, depth, rows, weights, g.operand_carry(begin), g.padded,
                               g.padded);
    else
        multiply_panels<true>(from, depth, 1, 0, depth, rows, weights, g.carry(0, begin), g.padded,
                              g.padded);
    drop_gradient<Cell, Stage>(g, begin, rows);
}

template <int Product, bool Noisy, class Cell, class T, class First, class... Rest>
void adjoint_normalized_stages(const NormalizedGeometry<T, Cell>& n, const T* weights, int64_t s,
                               int64_t begin, int64_t rows, Stages<First, Rest...>) {
    if constexpr (sizeof...(Rest) > 0)
        adjoint_normalized_stages<Product + 1, Noisy>(n, weights + n.columns(Product) * n.g.padded, s, begin,
                                               rows, Stages<Rest...>{});
    adjoint_normalized_stage<Product, sizeof...(Rest) == 0, Noisy, First>(n, weights, s, begin, rows);
}

// One step of the rows from `begin` on, backwards.
template <class Cell, class T, class... S>
void adjoint_normalized(const Geometry<T, Cell>& g, int64_t s, int64_t begin, int64_t rows, Stages<S...>) {
    const NormalizedGeometry<T, Cell> n(g);
    const T* const weights = g.layer.buffer[backward_weights];
    if (g.noisy())
        adjoint_normalized_stages<1, true>(n, weights, s, begin, rows, Stages<S...>{});
    else
        adjoint_normalized_stages<1, false>(n, weights, s, begin, rows, Stages<S...>{});
}

template <class Cell, class T>
void normalized_input_gradient(const Geometry<T, Cell>& g, const T* weights, int64_t s, int64_t begin,
                               int64_t rows) {
    const NormalizedGeometry<T, Cell> n(g);
    const Layer<T>& l = g.layer;
    multiply_panels<false>((const T*)n.products(0).at(s, begin), n.columns(0), 1, 0, n.columns(0), rows, weights,
                           l.d_x.at(g.time(s), begin), l.d_x.row, l.input_size);
}

}  // namespace elman::ELMAN_ISA
