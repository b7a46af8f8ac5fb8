// A walk over plain pointers, whose memory is one block that the caller owns: for programs that
// may keep nothing but arrays from forward to backward.
#pragma once

#include "isa.hpp"
#include "threads.hpp"

namespace elman {

// The functions that serve a layer: the plain ones unless a pass is regularised.
template <class T>
const CellFunctions<T>& functions_for(const CellKernels& cell, const Layer<T>& layer, bool layer_norm) {
    const Regularization<T>& r = layer.regularization;
    bool regularized = r.random && r.recurrent_dropout > 0;
    for (double rate : r.zoneout) regularized = regularized || rate > 0;
    const CellWalks<T>& all = walks<T>(cell);
    return layer_norm ? all.normalized : regularized ? all.regularized : all.plain;
}

// Of a forward pass; multiply-adds count two.
template <class T>
double operations(const CellKernels& cell, const Layer<T>& layer) {
    return 2.0 * double(layer.steps) * double(layer.batch) * double(cell.gates * layer.hidden_size) *
           double(layer.input_size + layer.hidden_size);
}

template <class T>
void walk_forward(const CellKernels& cell, const CellFunctions<T>& functions, Layer<T>& layer) {
    const FlushSubnormals flush;
    layer.threads = useful_threads(operations(cell, layer));
    functions.forward(layer);
}

template <class T>
void walk_backward(const CellKernels& cell, const CellFunctions<T>& functions, Layer<T>& layer) {
    const FlushSubnormals flush;
    layer.threads = useful_threads(2 * operations(cell, layer));
    functions.backward(layer);
}

template <class T>
class Walk {
  public:
    Layer<T> layer;  // all but its buffers and threads is the caller's to set

    explicit Walk(const CellKernels& cell, bool layer_norm = false) : cell_(cell), layer_norm_(layer_norm) {}

    const CellKernels& cell() const { return cell_; }

    // How large the block is that forward writes and backward reads, for these sizes.
    int64_t elements() const {
        int64_t each[buffer_count] = {}, total = line;  // the block need not begin at a line
        functions().measure(layer, each);
        for (int64_t count : each) total += whole_lines(count);
        return total;
    }

    void forward(T* block) {
        lay_out(block);
        walk_forward(cell_, functions(), layer);
    }

    // After forward, with the same layer and block; it replaces what the block holds. The weights'
    // gradients are added into.
    void backward(T* block) {
        lay_out(block);
        walk_backward(cell_, functions(), layer);
    }

  private:
    static constexpr int64_t line = 64 / int64_t(sizeof(T));

    static int64_t whole_lines(int64_t count) { return (count + line - 1) / line * line; }

    const CellFunctions<T>& functions() const { return functions_for(cell_, layer, layer_norm_); }

    void lay_out(T* block) {
        int64_t each[buffer_count] = {};
        functions().measure(layer, each);
        auto next = (reinterpret_cast<uintptr_t>(block) + 63) / 64 * 64;
        for (int i = 0; i < buffer_count; ++i) {
            layer.buffer[i] = reinterpret_cast<T*>(next);
            next += uintptr_t(whole_lines(each[i])) * sizeof(T);
        }
    }

    const CellKernels& cell_;
    const bool layer_norm_;
};

}  // namespace elman
