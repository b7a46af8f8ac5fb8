// One recurrent layer walking in one direction, as plain pointers: what the bindings hand to the
// kernels. Nothing here depends on the instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

namespace elman {

// A three-dimensional array [step, row, column] with contiguous columns.
template <class T>
struct Array3 {
    T* base = nullptr;
    ptrdiff_t step = 0, row = 0;  // strides in elements

    T* at(int64_t t, int64_t b) const { return base + t * step + b * row; }
};

// The workspace: buffers that the kernels lay out and that outlive a call.
enum Buffer {
    states_buffer,         // every state after every step (two steps when not training)
    slots_buffer,          // what a step keeps for its adjoint; the adjoint's result replaces it
    operand_buffer,        // a second recurrent operand (r * h), for cells that have one
    carry_buffer,          // gradient of the states, walking back
    operand_carry_buffer,  // gradient of the second operand
    forward_weights,       // weights packed in the order in which forward reads them
    backward_weights,      // the same for backward
    gradient_buffer,       // weight gradients, in the packed order
    // Of regularised walks alone:
    made_buffer,           // zoneout: what the cell made of each state, before units kept their old value
    mask_buffer,           // recurrent dropout: the factor of each row and unit
    dropped_buffer,        // the hidden states times these factors
    products_buffer,       // layer normalisation: the products before it; the adjoint replaces them
    scales_buffer,         // and one over their standard deviation
    norm_gradient_buffer,  // gradients of gains, shifts and centred weights
    buffer_count
};

constexpr int most_states = 2;

// Recurrent dropout, zoneout and layer normalisation of a layer.
template <class T>
struct Regularization {
    double recurrent_dropout = 0, zoneout[most_states] = {};  // probabilities
    bool random = false;  // draw; else nothing is dropped, and zoneout is its expectation
    const uint64_t* row_keys = nullptr;  // from the seed of this pass and the rows' numbers
    const T* recurrent_factors = nullptr;  // [batch, hidden_size]: given, not drawn; or null
    bool by_gate = false;  // given [gates, batch, hidden_size], and so is x; see x_gate

    // Layer normalisation: of the product with the input, of that with the state, and of a state.
    const T *gain_ih = nullptr, *shift_ih = nullptr, *gain_hh = nullptr, *shift_hh = nullptr;
    const T *gain_state = nullptr, *shift_state = nullptr;
    T *d_gain_ih = nullptr, *d_shift_ih = nullptr, *d_gain_hh = nullptr, *d_shift_hh = nullptr;
    T *d_gain_state = nullptr, *d_shift_state = nullptr;
};

template <class T>
struct Layer {
    int64_t steps = 0, batch = 0, input_size = 0, hidden_size = 0;
    bool reverse = false, training = false;
    bool weights_packed = false;     // forward_weights still hold these weights
    const int64_t* live = nullptr;   // rows alive at each step, non-increasing; null: all
    int threads = 1;

    // Parameters in PyTorch's layout; the biases may be null.
    const T *weight_ih = nullptr, *weight_hh = nullptr, *bias_ih = nullptr, *bias_hh = nullptr;

    Array3<const T> x;                             // [steps, batch, input_size]
    ptrdiff_t x_gate = 0, d_x_gate = 0;            // from one gate's x to that of the next, if by_gate
    const T* initial_state[most_states] = {};      // [batch, hidden_size], or null for zeros
    Array3<T> output;                              // [steps, batch, hidden_size]
    T* final_state[most_states] = {};              // [batch, hidden_size]

    Array3<const T> d_output;                      // base null: no gradient from the outputs
    const T* d_final_state[most_states] = {};      // or null
    Array3<T> d_x;                                 // base null: not wanted
    T* d_initial_state[most_states] = {};          // or null
    T *d_weight_ih = nullptr, *d_weight_hh = nullptr, *d_bias_ih = nullptr, *d_bias_hh = nullptr;
    int64_t truncate = 0;                          // 0: full backpropagation through time

    Regularization<T> regularization;

    T* buffer[buffer_count] = {};
};

// The functions of one cell in one precision.
template <class T>
struct CellFunctions {
    // Elements each buffer needs for this layer's sizes.
    void (*measure)(const Layer<T>&, int64_t (&elements)[buffer_count]) = nullptr;
    void (*forward)(const Layer<T>&) = nullptr;
    void (*backward)(const Layer<T>&) = nullptr;
};

// A cell's walks in one precision.
template <class T>
struct CellWalks {
    CellFunctions<T> plain;
    CellFunctions<T> regularized;  // with recurrent dropout or zoneout
    CellFunctions<T> normalized;   // with layer normalisation, and with these or without
};

struct CellKernels {
    const char* name;
    int states;
    int gates;
    bool reads_out;  // layer normalisation also normalises the last state
    CellWalks<float> single_precision;
    CellWalks<double> double_precision;
};

template <class T>
const CellWalks<T>& walks(const CellKernels& cell);
template <>
inline const CellWalks<float>& walks<float>(const CellKernels& cell) {
    return cell.single_precision;
}
template <>
inline const CellWalks<double>& walks<double>(const CellKernels& cell) {
    return cell.double_precision;
}

}  // namespace elman
