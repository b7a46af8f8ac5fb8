// What a cell tells the time loop about itself.
//
// A cell keeps `slots` vectors per unit for its adjoint. One or more stages fill them: a stage's
// slots receive W x (input slots), U operand (hidden slots) and the biases, and then its pointwise
// mathematics. The adjoint replaces each slot by the gradient of its pre-activation. A plain cell
// has one stage whose operand is the previous hidden state; a cell that multiplies U with
// something it has computed first (the GRU of Cho 2014: r * h) has two.
//
// A cell whose output reads its last state through a function (the LSTM: o tanh(c)) has `reads_out`
// set, and its last stage offers the parts of its mathematics before and after that reading, where
// layer normalisation comes in between: `memory` and `read_out`, `read_out_adjoint` and
// `memory_adjoint`.
#pragma once

#include "layer.hpp"
#include "elementary.hpp"

namespace elman::ELMAN_ISA {

enum class Operand { hidden_state, computed };

template <int First, int Count>
struct Slots {
    static constexpr int first = First, count = Count, end = First + Count;
};

template <class... S>
struct Stages {};

// A cell whose walk has recurrent dropout or zoneout, and one that has layer normalisation and
// perhaps these too. They are the same cell: what differs is in the walk around it.
template <class Cell>
struct Regularized : Cell {};
template <class Cell>
struct Normalized : Cell {};

template <class Cell>
constexpr bool is_normalized = false;
template <class Cell>
constexpr bool is_normalized<Normalized<Cell>> = true;
template <class Cell>
constexpr bool is_regularized = is_normalized<Cell>;
template <class Cell>
constexpr bool is_regularized<Regularized<Cell>> = true;
template <class Cell>
constexpr bool may_drop_by_gate = is_regularized<Cell> && !is_normalized<Cell> && Cell::gates > 1;

// One vector of units of one row, going forward. Pointers are to this vector's lanes.
template <class T>
struct ForwardUnit {
    const T* sums;                   // the stage's pre-activations, one vector a slot
    T* slots;                        // all slots of these units
    const T* previous[most_states];  // states before the step
    T* next[most_states];            // states after it, as the cell makes them
    T* operand;                      // the computed operand, for cells that have one

    ELMAN_INLINE Vector<T> sum(int slot) const { return load(sums + slot * lanes<T>); }
    ELMAN_INLINE Vector<T> kept(int slot) const { return load(slots + slot * lanes<T>); }
    ELMAN_INLINE void keep(int slot, Vector<T> value) const { store(slots + slot * lanes<T>, value); }
};

// The same, going back. carry[k] holds the gradient of state k after the step and must be left
// holding its direct (not through U) gradient before the step.
template <class T>
struct AdjointUnit {
    T* slots;
    const T* previous[most_states];
    const T* next[most_states];
    T* carry[most_states];
    const T* operand_carry;

    ELMAN_INLINE Vector<T> kept(int slot) const { return load(slots + slot * lanes<T>); }
    ELMAN_INLINE void keep(int slot, Vector<T> value) const { store(slots + slot * lanes<T>, value); }
};

}  // namespace elman::ELMAN_ISA
