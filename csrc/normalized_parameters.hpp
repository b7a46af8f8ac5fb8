// Layer normalisation: from the parameters to what the walks read, and from their gradients back.
#pragma once

#include "gemm.hpp"
#include "normalized_geometry.hpp"
#include "panels.hpp"

namespace elman::ELMAN_ISA {

// to = from without the mean of its rows; [rows, columns], `to` may be `from`.
template <class T>
void centre_rows(const T* from, int64_t rows, int64_t columns, T* to) {
    constexpr int V = lanes<T>;
    for (int64_t c = 0; c < columns; c += V) {
        Vector<T> sum{};
        for (int64_t r = 0; r < rows; ++r) sum += load_up_to(from + r * columns + c, columns - c);
        const Vector<T> mean = sum / T(rows);
        for (int64_t r = 0; r < rows; ++r)
            store_up_to(to + r * columns + c, load_up_to(from + r * columns + c, columns - c) - mean,
                        columns - c);
    }
}

// Panels of at most four vectors of columns: [bias][depth][vectors], as multiply_panels reads them.
template <class Cell, class T>
void pack_product(const NormalizedGeometry<T, Cell>& n, int product, const T* weight, const T* bias) {
    using P = typename NormalizedGeometry<T, Cell>::P;
    constexpr int V = lanes<T>;
    const int64_t depth = n.inputs(product), hidden = n.layer.hidden_size;
    const int count = P::counts[product];
    T* to = n.panels(product);
    for (int64_t first = 0; first < n.g.units * count; first += 4) {
        const int64_t vectors = smaller(4, n.g.units * count - first);
        for (int64_t v = 0; v < vectors; ++v) {
            const int64_t h = (first + v) / count * V;
            const int gate = Cell::gate_of_slot[P::firsts[product] + (first + v) % count];
            const int64_t row = gate * hidden + h, wanted = smaller(V, hidden - h);
            copy_padded(to + v * V, bias ? bias + row : nullptr, wanted, V);
            transpose_rows(weight + row * depth, depth, wanted, depth, to + (vectors + v) * V,
                           vectors * V);
        }
        to += vectors * V * (1 + depth);
    }
}

// Vectors [gates, hidden] in the order of the products' columns; added to `to` if it is shared.
template <class Cell, class T>
void pack_vector(const NormalizedGeometry<T, Cell>& n, const T* from, int first_slot, int slots,
                 int slots_per_unit, T* to, bool add) {
    constexpr int V = lanes<T>;
    const int64_t hidden = n.layer.hidden_size;
    for (int64_t unit = 0; unit < n.g.units; ++unit)
        for (int c = 0; c < slots; ++c) {
            const int64_t h = unit * V;
            const T* row = from + Cell::gate_of_slot[first_slot + c] * hidden + h;
            T* const target = to + (unit * slots_per_unit + c) * V;
            const Vector<T> value = load_up_to(row, smaller(V, hidden - h));
            store(target, add ? load(target) + value : value);
        }
}

template <class Cell, class T>
void pack_normalized(const Geometry<T, Cell>& g) {
    const NormalizedGeometry<T, Cell> n(g);
    using P = typename NormalizedGeometry<T, Cell>::P;
    const Layer<T>& l = g.layer;
    const Regularization<T>& r = l.regularization;
    const int64_t hidden = l.hidden_size;
    std::memset(n.shifts(), 0, size_t(g.slots_row) * sizeof(T));
    for (int product = 0; product < P::count; ++product) {
        const int64_t first = P::first_gate(product) * hidden, rows = P::counts[product] * hidden;
        const int64_t depth = n.inputs(product);
        T* const weight = product ? n.centred_weight_hh() : n.centred_weight_ih();
        T* const bias = product ? n.centred_bias_hh() : n.centred_bias_ih();
        const T* const given_bias = product ? l.bias_hh : l.bias_ih;
        centre_rows((product ? l.weight_hh : l.weight_ih) + first * depth, rows, depth,
                    weight + first * depth);
        if (given_bias) centre_rows(given_bias + first, rows, 1, bias + first);
        pack_product(n, product, (const T*)weight, given_bias ? (const T*)bias : nullptr);
        const int first_slot = P::firsts[product], slots = P::counts[product];
        pack_vector(n, product ? r.gain_hh : r.gain_ih, first_slot, slots, slots, n.gains(product),
                    false);
        pack_vector(n, product ? r.shift_hh : r.shift_ih, first_slot, slots, Cell::slots,
                    n.shifts() + first_slot * lanes<T>, true);
    }
    if constexpr (Cell::reads_out) {
        copy_padded(n.state_gain(), r.gain_state, hidden, g.padded);
        copy_padded(n.state_shift(), r.shift_state, hidden, g.padded);
    }
}

template <class Cell, class T>
void clear_norm_gradients(const Geometry<T, Cell>& g) {
    const NormalizedGeometry<T, Cell> n(g);
    std::memset(n.gain_sums(0), 0, size_t(n.gradient_elements()) * sizeof(T));
}

// Adds sums in the order of the products' columns to a vector [gates, hidden].
template <class Cell, class T>
void add_unpacked(const NormalizedGeometry<T, Cell>& n, int product, const T* from, T* to) {
    using P = typename NormalizedGeometry<T, Cell>::P;
    constexpr int V = lanes<T>;
    const int64_t hidden = n.layer.hidden_size;
    for (int64_t unit = 0; unit < n.g.units; ++unit)
        for (int c = 0; c < P::counts[product]; ++c, from += V) {
            T* const row = to + Cell::gate_of_slot[P::firsts[product] + c] * hidden + unit * V;
            const int64_t wanted = smaller(V, hidden - unit * V);
            store_up_to(row, load_up_to(row, wanted) + load(from), wanted);
        }
}

template <class T>
void add_to(T* to, const T* from, int64_t count) {
    for (int64_t i = 0; i < count; ++i) to[i] += from[i];
}

// After the walk: the gradients of gains and shifts, and of the weights from those of the centred.
template <class Cell, class T>
void finish_norm_gradients(const Geometry<T, Cell>& g) {
    const NormalizedGeometry<T, Cell> n(g);
    using P = typename NormalizedGeometry<T, Cell>::P;
    const Layer<T>& l = g.layer;
    const Regularization<T>& r = l.regularization;
    const int64_t hidden = l.hidden_size;
    T* const total = n.gain_sums(0);
    for (int64_t block = 1; block < n.blocks(); ++block) add_to(total, n.gain_sums(block), n.sums_row);
    for (int product = 0; product < P::count && n.blocks() > 0; ++product) {
        const int64_t offset = g.units * P::before(product) * lanes<T>;
        add_unpacked(n, product, n.gain_sums(0) + offset, product ? r.d_gain_hh : r.d_gain_ih);
        add_unpacked(n, product, n.shift_sums(0) + offset, product ? r.d_shift_hh : r.d_shift_ih);
    }
    if (Cell::reads_out && n.blocks() > 0) {
        add_to(r.d_gain_state, n.state_gain_sums(0), hidden);
        add_to(r.d_shift_state, n.state_shift_sums(0), hidden);
    }
    for (int product = 0; product < P::count; ++product) {
        const int64_t first = P::first_gate(product) * hidden, rows = P::counts[product] * hidden;
        const int64_t depth = n.inputs(product);
        T* const weight = (product ? n.d_weight_hh() : n.d_weight_ih()) + first * depth;
        centre_rows((const T*)weight, rows, depth, weight);
        add_to((product ? l.d_weight_hh : l.d_weight_ih) + first * depth, weight, rows * depth);
        T* const d_bias = product ? l.d_bias_hh : l.d_bias_ih;
        T* const bias = (product ? n.d_bias_hh() : n.d_bias_ih()) + first;
        if (!d_bias) continue;
        centre_rows((const T*)bias, rows, 1, bias);
        add_to(d_bias + first, bias, rows);
    }
}

}  // namespace elman::ELMAN_ISA
