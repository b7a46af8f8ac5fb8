// What the workspace of a walk holds, and where everything lies in it.
//
// Columns inside the workspace are padded to whole vectors and ordered [unit vector][slot][lane],
// so that one tile of a product holds all slots of its units and the pointwise mathematics follows
// without leaving the first-level cache.
#pragma once

#include "cell.hpp"
#include "weight_gradients.hpp"

namespace elman::ELMAN_ISA {

template <class T>
constexpr int64_t vectors_for(int64_t count) {
    return (count + lanes<T> - 1) / lanes<T>;
}

// The columns of the tile in which a stage accumulates: its input and hidden slots together.
template <class Stage>
struct StageColumns {
    using Input = typename Stage::Input;
    using Hidden = typename Stage::Hidden;
    static constexpr int first = int(smaller(Input::first, Hidden::first));
    static constexpr int count = int(larger(Input::end, Hidden::end)) - first;
    // Stages whose input and hidden slots coincide take several unit vectors into one tile.
    static constexpr bool same = Input::first == Hidden::first && Input::count == Hidden::count;
    static constexpr int most_units = same ? 4 / count : 1;
};

// Where everything lies in the workspace.
template <class T, class Cell>
struct Geometry {
    static constexpr int V = lanes<T>;
    const Layer<T>& layer;
    const int64_t units;       // unit vectors
    const int64_t padded;      // hidden_size in whole vectors
    const int64_t slots_row;   // elements of one row's slots
    const int64_t kept_steps;  // how many steps the workspace remembers

    explicit Geometry(const Layer<T>& l)
        : layer(l),
          units(vectors_for<T>(l.hidden_size)),
          padded(units * V),
          slots_row(units * Cell::slots * V),
          kept_steps(l.training ? l.steps : 1) {}

    int64_t time(int64_t s) const { return layer.reverse ? layer.steps - 1 - s : s; }

    int64_t live(int64_t s) const {  // rows alive at step s of the walk, 0 before and after it
        return s < 0 || s >= layer.steps ? 0 : live_rows(layer, s);
    }

    // State k before step s; the state after it is state(k, s + 1).
    Array3<T> states(int k) const {
        T* base = layer.buffer[states_buffer] + k * (kept_steps + 1) * layer.batch * padded;
        return {base, layer.batch * padded, padded};
    }
    T* state(int k, int64_t s, int64_t row) const {
        return states(k).at(layer.training ? s : s & 1, row);
    }
    Array3<T> slots() const {
        return {layer.buffer[slots_buffer], layer.training ? layer.batch * slots_row : 0, slots_row};
    }
    Array3<T> operand() const {
        return {layer.buffer[operand_buffer], layer.training ? layer.batch * padded : 0, padded};
    }
    // The recurrent operand of a stage at step s.
    template <class Stage>
    Array3<T> hidden_operand(int set = 0) const {
        if (Stage::operand == Operand::computed) return operand();
        return dropping() ? dropped(set) : states(0);
    }
    template <class Stage>
    const T* hidden_operand(int64_t s, int64_t row, int set = 0) const {
        if (Stage::operand == Operand::computed) return operand().at(s, row);
        return dropping() ? dropped(s, row, set) : state(0, s, row);
    }
    T* carry(int k, int64_t row) const {
        return layer.buffer[carry_buffer] + (k * layer.batch + row) * padded;
    }
    T* operand_carry(int64_t row) const { return layer.buffer[operand_carry_buffer] + row * padded; }

    // Recurrent dropout: the factors of a row's units, and the hidden state times these.
    bool dropping() const {
        if constexpr (!is_regularized<Cell>) return false;
        const Regularization<T>& r = layer.regularization;
        return r.random && r.recurrent_dropout > 0;
    }
    T* mask(int64_t row, int set = 0) const {
        return layer.buffer[mask_buffer] + (set * layer.batch + row) * padded;
    }
    Array3<T> dropped(int set = 0) const {
        T* base = layer.buffer[dropped_buffer] + set * (kept_steps + 1) * layer.batch * padded;
        return {base, layer.batch * padded, padded};
    }
    T* dropped(int64_t s, int64_t row, int set = 0) const {
        return dropped(set).at(layer.training ? s : s & 1, row);
    }

    // Whether each gate reads the inputs and the state with factors of its own; how many sets of
    // them there are; and which is a slot's.
    bool by_gate() const {
        if constexpr (!may_drop_by_gate<Cell>) return false;
        return dropping() && layer.regularization.by_gate;
    }
    int sets() const { return by_gate() ? Cell::gates : 1; }
    int set_of(int slot) const { return by_gate() ? Cell::gate_of_slot[slot] : 0; }

    // What the cell made of state k at step s: without zoneout the state after it.
    bool zones_out(int k) const {
        if constexpr (!is_regularized<Cell>) return false;
        return layer.regularization.zoneout[k] > 0;
    }
    bool noisy() const {  // recurrent dropout or zoneout
        bool any = dropping();
        for (int k = 0; k < Cell::states; ++k) any = any || zones_out(k);
        return any;
    }
    T* made(int k, int64_t s, int64_t row) const {
        if (!zones_out(k)) return state(k, s + 1, row);
        const int64_t step = layer.training ? s : 0;
        return layer.buffer[made_buffer] + ((k * kept_steps + step) * layer.batch + row) * padded;
    }

    SlotGradients<T> slot_gradients() const {
        const Array3<T> all = slots();
        return {{all.base, all.step, all.row}, units, Cell::slots, Cell::gate_of_slot};
    }

    // Packed weights of one unit vector of a stage: biases, then W, then U.
    template <class Stage>
    int64_t forward_panel() const {
        return V * (StageColumns<Stage>::count + layer.input_size * Stage::Input::count +
                    layer.hidden_size * Stage::Hidden::count);
    }
    template <class S>
    int64_t depth() const {  // columns of the slots S, as the depth of a product
        return units * S::count * V;
    }
};

template <class T>
ELMAN_INLINE void copy_padded(T* to, const T* from, int64_t count, int64_t padded) {
    for (int64_t i = 0; i < padded; i += lanes<T>)
        store(to + i, from ? load_up_to(from + i, count - i) : Vector<T>{});
}

template <class T>
ELMAN_INLINE void copy_unpadded(T* to, const T* from, int64_t count) {
    for (int64_t i = 0; i < count; i += lanes<T>) store_up_to(to + i, load(from + i), count - i);
}

}  // namespace elman::ELMAN_ISA
