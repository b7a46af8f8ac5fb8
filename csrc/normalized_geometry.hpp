// What a normalised walk holds beside a plain one's workspace, and where everything lies in it.
#pragma once

#include "regularized.hpp"

namespace elman::ELMAN_ISA {

constexpr double norm_epsilon = 1e-5;  // as in PyTorch
constexpr int norm_block = 8;          // rows whose share of a gain's gradient is summed together
constexpr int scales_row = 8;          // scalars kept for a row and step

template <class T>
ELMAN_INLINE T one_over_root(T mean_square) {
    return T(1) / __builtin_sqrt(mean_square + T(norm_epsilon));
}
template <>
ELMAN_INLINE float one_over_root(float mean_square) {
    return 1.0f / __builtin_sqrtf(mean_square + float(norm_epsilon));
}

// The first `count` lanes, zeros above.
template <class T>
ELMAN_INLINE Vector<T> first_lanes(Vector<T> value, int64_t count) {
    if (count >= lanes<T>) return value;
    alignas(64) T buffer[lanes<T>];
    store(buffer, value);
    return load_partial(buffer, int(count));
}

// Which products there are and where they lie. Product 0 is that with the input, product 1 + i
// that of stage i with its recurrent operand.
template <class Cell, class StageList>
struct Products;

template <class Cell, class... S>
struct Products<Cell, Stages<S...>> {
    static constexpr int count = 1 + int(sizeof...(S));
    static constexpr int firsts[count] = {Cell::Input::first, S::Hidden::first...};  // slots
    static constexpr int counts[count] = {Cell::Input::count, S::Hidden::count...};
    static constexpr int before(int product) {
        int sum = 0;
        for (int i = 0; i < product; ++i) sum += counts[i];
        return sum;
    }
    static constexpr int all = before(count);  // vectors of one unit
    static constexpr int first_gate(int product) {
        int gate = Cell::gate_of_slot[firsts[product]];
        for (int i = 1; i < counts[product]; ++i) {
            const int other = Cell::gate_of_slot[firsts[product] + i];
            if (other < gate) gate = other;
        }
        return gate;
    }
};

template <class T, class Cell>
struct NormalizedGeometry {
    using P = Products<Cell, typename Cell::StageList>;
    static constexpr int V = lanes<T>;
    const Geometry<T, Cell>& g;
    const Layer<T>& layer;
    const int64_t gate_rows;  // rows of the weights
    const int64_t row;        // elements of one row's products, together
    const int64_t sums_row;   // gradients of gains and shifts, of one block of rows

    explicit NormalizedGeometry(const Geometry<T, Cell>& geometry)
        : g(geometry),
          layer(geometry.layer),
          gate_rows(Cell::gates * layer.hidden_size),
          row(g.units * P::all * V),
          sums_row(2 * row + 2 * g.padded) {}

    Array3<T> products(int product) const {
        const int64_t before = g.units * P::before(product) * V, own = columns(product);
        return {layer.buffer[products_buffer] + g.kept_steps * layer.batch * before,
                layer.training ? layer.batch * own : 0, own};
    }
    T* scales(int64_t s, int64_t r) const {
        return layer.buffer[scales_buffer] +
               ((layer.training ? s : 0) * layer.batch + r) * scales_row;
    }
    int64_t columns(int product) const { return g.units * P::counts[product] * V; }
    T norm_size(int product) const { return T(P::counts[product] * layer.hidden_size); }

    int64_t inputs(int product) const { return product ? layer.hidden_size : layer.input_size; }

    // Packed: the products' panels, their gains, the shifts of all slots, gain and shift of a state,
    // and then the centred weights and biases as they came.
    T* panels(int product) const {
        T* at = layer.buffer[forward_weights];
        for (int i = 0; i < product; ++i) at += columns(i) * (1 + inputs(i));
        return at;
    }
    T* gains(int product) const { return panels(P::count) + g.units * P::before(product) * V; }
    T* shifts() const { return gains(P::count); }
    T* state_gain() const { return shifts() + g.slots_row; }
    T* state_shift() const { return state_gain() + g.padded; }
    T* centred_weight_ih() const { return state_shift() + g.padded; }
    T* centred_weight_hh() const { return centred_weight_ih() + gate_rows * layer.input_size; }
    T* centred_bias_ih() const { return centred_weight_hh() + gate_rows * layer.hidden_size; }
    T* centred_bias_hh() const { return centred_bias_ih() + gate_rows; }
    int64_t packed_elements() const {
        return centred_bias_hh() + gate_rows - layer.buffer[forward_weights];
    }

    // Gradients: of each block of rows [gains][shifts][state's gain and shift], of the centred weights.
    int64_t blocks() const { return (layer.batch + norm_block - 1) / norm_block; }
    T* gain_sums(int64_t block) const {
        return layer.buffer[norm_gradient_buffer] + block * sums_row;
    }
    T* shift_sums(int64_t block) const { return gain_sums(block) + row; }
    T* state_gain_sums(int64_t block) const { return shift_sums(block) + row; }
    T* state_shift_sums(int64_t block) const { return state_gain_sums(block) + g.padded; }
    T* d_weight_ih() const { return gain_sums(blocks()); }
    T* d_weight_hh() const { return d_weight_ih() + gate_rows * layer.input_size; }
    T* d_bias_ih() const { return d_weight_hh() + gate_rows * layer.hidden_size; }
    T* d_bias_hh() const { return d_bias_ih() + gate_rows; }
    int64_t gradient_elements() const {
        return d_bias_hh() + gate_rows - layer.buffer[norm_gradient_buffer];
    }

    SlotGradients<T> slot_gradients(int product) const {
        const Array3<T> all = products(product);
        return {{all.base, all.step, all.row}, g.units, P::counts[product],
                Cell::gate_of_slot + P::firsts[product]};
    }
};

template <class Cell, class T>
void measure_normalized(const Geometry<T, Cell>& g, int64_t (&elements)[buffer_count]) {
    const NormalizedGeometry<T, Cell> n(g);
    const int64_t rows = g.kept_steps * g.layer.batch;
    elements[products_buffer] = rows * n.row;
    elements[scales_buffer] = rows * scales_row;
    elements[forward_weights] = n.packed_elements();
    elements[norm_gradient_buffer] = g.layer.training ? n.gradient_elements() : 0;
}

}  // namespace elman::ELMAN_ISA
