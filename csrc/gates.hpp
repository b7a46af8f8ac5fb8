// Walks in which each gate reads the inputs and the state with dropout factors of its own: the
// products of a step, one gate at a time. The inputs lie there with their factors already.
#pragma once

#include "regularized.hpp"

namespace elman::ELMAN_ISA {

template <class S>
constexpr bool has_slot(int slot) {
    return slot >= S::first && slot < S::end;
}

// The sums of a tile of `units` unit vectors, as sum_tile has them.
template <class Cell, class Stage, int Rows, class T>
void sum_by_gate(const Geometry<T, Cell>& g, const T* panel, int64_t units, int64_t s, int64_t row, T* sums) {
    using Columns = StageColumns<Stage>;
    using Input = typename Stage::Input;
    using Hidden = typename Stage::Hidden;
    constexpr int V = lanes<T>;
    const Layer<T>& l = g.layer;
    const int64_t width = units * Columns::count * V;
    const T* const from_input = panel + width;
    const T* const from_hidden = from_input + l.input_size * units * Input::count * V;
    for (int64_t unit = 0; unit < units; ++unit)
        for (int slot = Columns::first; slot < Columns::first + Columns::count; ++slot) {
            const int64_t column = (unit * Columns::count + slot - Columns::first) * V;
            const int set = g.set_of(slot);
            Tile<T, Rows, 1> tile;
            tile.fill(panel + column);
            if (has_slot<Input>(slot))
                tile.multiply((const T*)l.x.at(g.time(s), row) + set * l.x_gate, l.x.row, 1,
                              from_input + (unit * Input::count + slot - Input::first) * V,
                              units * Input::count * V, l.input_size);
            if (has_slot<Hidden>(slot))
                tile.multiply(g.template hidden_operand<Stage>(s, row, set), g.padded, 1,
                              from_hidden + (unit * Hidden::count + slot - Hidden::first) * V,
                              units * Hidden::count * V, l.hidden_size);
            tile.store_to(sums + column, width);
        }
}

// to[rows, columns] = one slot [rows] x its packed weights.
template <class Cell, class T>
void multiply_slot(const Geometry<T, Cell>& g, const T* slots, int slot, int64_t rows, const T* weights,
                   T* to, ptrdiff_t to_row, int64_t columns) {
    constexpr int V = lanes<T>;
    multiply_panels<false>(slots + slot * V, g.slots_row, g.units, Cell::slots * V, V, rows, weights, to,
                           to_row, columns);
}

// The gradient of a stage's operand from those of its slots.
template <class Cell, class Stage, class T>
void adjoint_by_gate(const Geometry<T, Cell>& g, const T* slots, const T* weights, int64_t begin,
                     int64_t rows) {
    using Hidden = typename Stage::Hidden;
    for (int slot = Hidden::first; slot < Hidden::end; ++slot) {
        multiply_slot(g, slots, slot, rows, weights, g.operand_carry(begin), g.padded, g.padded);
        drop_gradient<Cell, Stage>(g, begin, rows, g.set_of(slot));
        weights += g.units * lanes<T> * g.padded;
    }
}

// The gradient of the inputs as each gate reads them.
template <class Cell, class T>
void input_gradient_by_gate(const Geometry<T, Cell>& g, const T* weights, int64_t s, int64_t begin,
                            int64_t alive, int64_t end) {
    using Input = typename Cell::Input;
    const Layer<T>& l = g.layer;
    const int64_t t = g.time(s), width = vectors_for<T>(l.input_size) * lanes<T>;
    for (int slot = Input::first; slot < Input::end; ++slot) {
        T* const to = l.d_x.base + g.set_of(slot) * l.d_x_gate;
        const Array3<T> d_x = {to, l.d_x.step, l.d_x.row};
        multiply_slot(g, (const T*)g.slots().at(s, begin), slot, alive - begin, weights, d_x.at(t, begin),
                      d_x.row, l.input_size);
        for (int64_t row = alive; row < end; ++row)
            std::memset(d_x.at(t, row), 0, size_t(l.input_size) * sizeof(T));
        weights += g.units * lanes<T> * width;
    }
}

// The slots of all stages' hidden products follow one another.
template <class... S>
constexpr int first_hidden_slot(Stages<S...>) {
    int first = 1 << 20;
    ((first = S::Hidden::first < first ? S::Hidden::first : first), ...);
    return first;
}

template <class... S>
constexpr int hidden_slots(Stages<S...>) {
    return (0 + ... + S::Hidden::count);
}

// What the hidden product of a slot read.
template <class T, class Cell, class... S>
Array3<T> operand_of_slot(const Geometry<T, Cell>& g, int slot, Stages<S...>) {
    Array3<T> operand;
    ((operand = has_slot<typename S::Hidden>(slot) ? g.template hidden_operand<S>(g.set_of(slot)) : operand),
     ...);
    return operand;
}

}  // namespace elman::ELMAN_ISA
