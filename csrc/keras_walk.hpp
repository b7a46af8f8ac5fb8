// A walk in the layout of Keras: the batch first, kernels [D, gates * H] with the gates in Keras's
// order, and masks in place of lengths. Nothing here is global or knows of Python: any thread may
// call, at any time, for other programs that differentiate.
#pragma once

#include <cstdint>

#include "layer.hpp"

namespace elman {

// What a walk is, beside its arrays.
struct KerasPlan {
    const CellKernels* cell = nullptr;
    bool bias = false;
    bool two_biases = false;    // of the inputs and of the recurrent product, [2, gates * H]
    bool go_backwards = false;  // the last step is the first one read; outputs come in that order
    bool all_outputs = false;   // an output for every step, not the last alone
    bool masked = false;        // a mask comes with the inputs
    bool zero_masked = false;   // the output of a masked step is zero, not that of the step before it
    bool begins = false;        // a masked step before all others gives the initial state, not zeros
    bool recurrent_dropout = false;  // factors come with the inputs
    bool by_gate = false;            // they are each gate's own, of the inputs and of the state
};

// The arrays, without gaps.
template <class T>
struct KerasWalk {
    KerasPlan plan;
    int64_t batch = 0, steps = 0, input_size = 0, hidden_size = 0;

    const T* x = nullptr;                      // [batch, steps, input_size]
    const T* state[most_states] = {};          // [batch, hidden_size]
    const T *kernel = nullptr, *recurrent_kernel = nullptr, *bias = nullptr;
    const bool* mask = nullptr;                // [batch, steps], true where a step is observed
    // What the recurrent kernel reads the state times, [batch, hidden_size]; or by gate, in Keras's
    // order, what each reads the inputs and the state times, [gates, batch, input_size + hidden_size].
    const T* factors = nullptr;
    T* output = nullptr;                       // [batch, steps, hidden_size], or [batch, hidden_size]
    T* final_state[most_states] = {};

    const T* d_output = nullptr;               // null: zeros
    const T* d_final_state[most_states] = {};  // null: zeros
    T* d_x = nullptr;                          // written, not added into; null: not wanted
    T* d_state[most_states] = {};              // the same
    T *d_kernel = nullptr, *d_recurrent_kernel = nullptr, *d_bias = nullptr;  // the same
};

// How many elements the block has that forward writes and backward reads; the plan and the sizes
// suffice.
template <class T>
int64_t kept_elements(const KerasWalk<T>& walk);

// Writes the outputs and final states; `kept` is null if no backward pass follows.
template <class T>
void forward(const KerasWalk<T>& walk, T* kept);

// After forward, with the same block or a copy of it anywhere: writes the gradients. Of forward's
// arrays it reads x and the mask alone, which must be the same. It leaves the block as it is, so that
// any number of backward passes may follow a forward pass.
template <class T>
void backward(const KerasWalk<T>& walk, const T* kept);

// The same for a block that nobody needs any more: without a copy of a large part of it.
template <class T>
void backward_over(const KerasWalk<T>& walk, T* kept);

}  // namespace elman
