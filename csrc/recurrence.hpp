// From Python's arrays to a Layer: checks, memory, threads, and the call.
#pragma once

#include <vector>

#include "arrays.hpp"
#include "isa.hpp"
#include "keys.hpp"
#include "walk.hpp"

namespace elman {

template <class T>
class RecurrenceWorkspace {
  public:
    // zoneout: a probability for each state of the cell, or none at all.
    RecurrenceWorkspace(const std::string& cell, int64_t input_size, int64_t hidden_size, bool reverse,
                        double recurrent_dropout, const std::vector<double>& zoneout, bool layer_norm)
        : cell_(cell_kernels(cell)), layer_norm_(layer_norm) {
        layer_.input_size = input_size;
        layer_.hidden_size = hidden_size;
        layer_.reverse = reverse;
        Regularization<T>& r = layer_.regularization;
        r.recurrent_dropout = recurrent_dropout;
        if (!zoneout.empty() && int(zoneout.size()) != cell_.states)
            throw std::invalid_argument("zoneout: expected a probability for each state of the cell");
        for (size_t k = 0; k < zoneout.size(); ++k) r.zoneout[k] = zoneout[k];
    }

    // `norms`: gains and shifts of layer normalisation, of ih, hh and of a state, if it has them.
    // `version`: a number that changes when the weights do; -1 always packs them anew.
    // `seed`: of the random numbers of recurrent dropout and zoneout, or none; `rows`: see the layer.
    void forward(Array<const T, 2> weight_ih, Array<const T, 2> weight_hh, Array<const T, 1> bias_ih,
                 Array<const T, 1> bias_hh, std::vector<Array<const T, 1>> norms, Array<const T, 3> x, Array<const T, 2> hidden,
                 Array<const T, 2> memory, Array<const int64_t, 1> live, Array<T, 3> output,
                 Array<T, 2> final_hidden, Array<T, 2> final_memory, bool training, int64_t version,
                 Array<const uint64_t, 1> seed, Array<const int64_t, 1> rows) {
        ready_ = false;
        const int64_t gates = cell_.gates * layer_.hidden_size;
        const int64_t steps = int64_t(x.shape(0)), batch = int64_t(x.shape(1));
        Layer<T>& l = layer_;
        l.steps = steps;
        l.batch = batch;
        l.training = training;
        set_operands(weight_ih, weight_hh, x);
        l.bias_ih = contiguous("bias_ih", bias_ih, {gates});
        l.bias_hh = contiguous("bias_hh", bias_hh, {gates});
        l.initial_state[0] = contiguous("state[0]", hidden, {batch, l.hidden_size});
        l.initial_state[1] = contiguous("state[1]", memory, {batch, l.hidden_size});
        l.output = strided("output", output, {steps, batch, l.hidden_size});
        l.final_state[0] = contiguous("final_state[0]", final_hidden, {batch, l.hidden_size});
        l.final_state[1] = contiguous("final_state[1]", final_memory, {batch, l.hidden_size});
        set_live(live);
        set_norms(norms);
        set_noise(seed, rows);
        reserve(version);
        {
            nb::gil_scoped_release release;
            walk_forward(cell_, *functions_, l);
        }
        ready_ = training;
    }

    // One step from `hidden` and `memory` to the new ones, with the weights that the latest forward
    // packed: false, and nothing done, unless it packed them under this version.
    bool step(Array<const T, 2> x, Array<const T, 2> hidden, Array<const T, 2> memory,
              Array<T, 2> new_hidden, Array<T, 2> new_memory, int64_t version) {
        Layer<T>& l = layer_;
        if (version < 0 || version != version_) return false;
        ready_ = false;
        const int64_t batch = int64_t(x.shape(0));
        l.steps = 1;
        l.batch = batch;
        l.training = false;
        l.live = nullptr;
        l.x.base = contiguous("x", x, {batch, l.input_size});
        l.x.step = 0;
        l.x.row = l.input_size;
        l.initial_state[0] = contiguous("hidden", hidden, {batch, l.hidden_size});
        l.initial_state[1] = contiguous("memory", memory, {batch, l.hidden_size});
        l.output.base = contiguous("new_hidden", new_hidden, {batch, l.hidden_size});
        l.output.step = 0;
        l.output.row = l.hidden_size;
        l.final_state[0] = nullptr;  // it is the output
        l.final_state[1] = contiguous("new_memory", new_memory, {batch, l.hidden_size});
        set_noise({}, {});
        reserve(version);
        nb::gil_scoped_release release;
        walk_forward(cell_, *functions_, l);
        return true;
    }

    void backward(Array<const T, 2> weight_ih, Array<const T, 2> weight_hh, Array<const T, 3> x,
                  Array<const T, 3> d_output, Array<const T, 2> d_final_hidden,
                  Array<const T, 2> d_final_memory, Array<T, 3> d_x, Array<T, 2> d_hidden,
                  Array<T, 2> d_memory, Array<T, 2> d_weight_ih, Array<T, 2> d_weight_hh,
                  Array<T, 1> d_bias_ih, Array<T, 1> d_bias_hh, std::vector<Array<T, 1>> d_norms,
                  int64_t truncate) {
        if (!ready_) throw std::logic_error("backward needs a forward in training just before it");
        Layer<T>& l = layer_;
        const int64_t gates = cell_.gates * l.hidden_size;
        expect_shape("x", x, {l.steps, l.batch, l.input_size});
        set_operands(weight_ih, weight_hh, x);
        l.d_output = strided("d_output", d_output, {l.steps, l.batch, l.hidden_size});
        l.d_final_state[0] = contiguous("d_final_state[0]", d_final_hidden, {l.batch, l.hidden_size});
        l.d_final_state[1] = contiguous("d_final_state[1]", d_final_memory, {l.batch, l.hidden_size});
        l.d_x = strided("d_x", d_x, {l.steps, l.batch, l.input_size});
        l.d_initial_state[0] = contiguous("d_state[0]", d_hidden, {l.batch, l.hidden_size});
        l.d_initial_state[1] = contiguous("d_state[1]", d_memory, {l.batch, l.hidden_size});
        l.d_weight_ih = contiguous("d_weight_ih", d_weight_ih, {gates, l.input_size});
        l.d_weight_hh = contiguous("d_weight_hh", d_weight_hh, {gates, l.hidden_size});
        l.d_bias_ih = contiguous("d_bias_ih", d_bias_ih, {gates});
        l.d_bias_hh = contiguous("d_bias_hh", d_bias_hh, {gates});
        set_norm_gradients(d_norms);
        l.truncate = truncate;
        ready_ = false;  // backward replaces what forward kept
        nb::gil_scoped_release release;
        walk_backward(cell_, *functions_, l);
    }

    int64_t bytes() const {
        int64_t total = 0;
        for (const Memory<T>& memory : memory_) total += memory.bytes();
        return total;
    }

  private:
    void set_operands(const Array<const T, 2>& weight_ih, const Array<const T, 2>& weight_hh,
                      const Array<const T, 3>& x) {
        Layer<T>& l = layer_;
        const int64_t gates = cell_.gates * l.hidden_size;
        l.weight_ih = contiguous("weight_ih", weight_ih, {gates, l.input_size});
        l.weight_hh = contiguous("weight_hh", weight_hh, {gates, l.hidden_size});
        l.x = strided("x", x, {l.steps, l.batch, l.input_size});
    }

    // How many elements each gain and shift has, in their order.
    template <class U, class... Pointers>
    void set_vectors(const std::vector<Array<U, 1>>& vectors, Pointers*... pointers) {
        const int64_t gates = cell_.gates * layer_.hidden_size;
        const size_t expected = !layer_norm_ ? 0 : cell_.reads_out ? 6 : 4;
        if (vectors.size() != expected)
            throw std::invalid_argument("norms: expected a gain and a shift for each normalisation");
        size_t i = 0;
        auto take = [&](U*& pointer) {
            if (i >= expected) return;
            pointer = contiguous("norms", vectors[i], {i < 4 ? gates : layer_.hidden_size});
            ++i;
        };
        (take(*pointers), ...);
    }

    void set_norms(const std::vector<Array<const T, 1>>& norms) {
        Regularization<T>& r = layer_.regularization;
        set_vectors(norms, &r.gain_ih, &r.shift_ih, &r.gain_hh, &r.shift_hh, &r.gain_state,
                    &r.shift_state);
    }

    void set_norm_gradients(const std::vector<Array<T, 1>>& norms) {
        Regularization<T>& r = layer_.regularization;
        set_vectors(norms, &r.d_gain_ih, &r.d_shift_ih, &r.d_gain_hh, &r.d_shift_hh, &r.d_gain_state,
                    &r.d_shift_state);
    }

    // Whether this pass is random, and with that which of the cell's walks it is.
    void set_noise(const Array<const uint64_t, 1>& seed, const Array<const int64_t, 1>& rows) {
        Regularization<T>& r = layer_.regularization;
        r.random = seed.is_valid();
        if (r.random) {
            const uint64_t first = *contiguous("seed", seed, {1});
            const int64_t* numbers = contiguous("rows", rows, {layer_.batch});
            row_keys_.resize(size_t(layer_.batch));
            for (int64_t row = 0; row < layer_.batch; ++row)
                row_keys_[size_t(row)] = row_key(first, numbers ? numbers[row] : row);
            r.row_keys = row_keys_.data();
        }
        functions_ = &functions_for(cell_, layer_, layer_norm_);
    }

    void set_live(const Array<const int64_t, 1>& live) {
        Layer<T>& l = layer_;
        l.live = nullptr;
        if (!live.is_valid()) return;
        const int64_t* counts = contiguous("live", live, {l.steps});
        live_.assign(counts, counts + l.steps);  // kept: backward needs it too
        for (int64_t t = 0; t < l.steps; ++t)
            if (counts[t] < 0 || counts[t] > (t ? counts[t - 1] : l.batch))
                throw std::invalid_argument("live: expected counts from the batch size downwards");
        l.live = live_.data();
    }

    void reserve(int64_t version) {
        int64_t elements[buffer_count] = {};
        functions_->measure(layer_, elements);
        layer_.weights_packed = version >= 0 && version == version_ && layer_.bias_ih == packed_bias_;
        for (int i = 0; i < buffer_count; ++i)
            if (i != forward_weights || !layer_.weights_packed)
                layer_.buffer[i] = memory_[i].reserve(elements[i]);
        version_ = version;
        packed_bias_ = layer_.bias_ih;
    }

    const CellKernels& cell_;
    const bool layer_norm_;
    const CellFunctions<T>* functions_ = nullptr;  // of the latest pass
    Layer<T> layer_;
    Memory<T> memory_[buffer_count];
    std::vector<int64_t> live_;
    std::vector<uint64_t> row_keys_;
    int64_t version_ = -1;
    const T* packed_bias_ = nullptr;
    bool ready_ = false;
};

template <class T>
const DenseFunctions<T>& dense_functions();
template <>
inline const DenseFunctions<float>& dense_functions<float>() {
    return kernels().dense_single;
}
template <>
inline const DenseFunctions<double>& dense_functions<double>() {
    return kernels().dense_double;
}

// One call of the dense layer on arrays from Python; scratch memory is kept per thread.
template <class T>
class DenseCall {
  public:
    DenseCall(const Array<const T, 2>& x, const Array<const T, 2>& weight) {
        dense_.rows = int64_t(x.shape(0));
        dense_.inputs = int64_t(x.shape(1));
        dense_.outputs = int64_t(weight.shape(0));
        dense_.x = rows_of("x", x, {dense_.rows, dense_.inputs});
        dense_.x_row = x.stride(0);
        dense_.weight = contiguous("weight", weight, {dense_.outputs, dense_.inputs});
        const double work = 2.0 * double(dense_.rows) * double(dense_.inputs) * double(dense_.outputs);
        dense_.threads = useful_threads(work);
        thread_local Memory<T> scratch;
        dense_.scratch = scratch.reserve(dense_functions<T>().scratch(dense_));
    }

    void forward(const Array<const T, 1>& bias, const Array<T, 2>& y) {
        dense_.bias = contiguous("bias", bias, {dense_.outputs});
        dense_.y = rows_of("y", y, {dense_.rows, dense_.outputs});
        dense_.y_row = y.stride(0);
        nb::gil_scoped_release release;
        const FlushSubnormals flush;
        dense_functions<T>().forward(dense_);
    }

    void backward(const Array<const T, 2>& d_y, const Array<T, 2>& d_x, const Array<T, 2>& d_weight,
                  const Array<T, 1>& d_bias) {
        dense_.d_y = rows_of("d_y", d_y, {dense_.rows, dense_.outputs});
        dense_.d_y_row = d_y.stride(0);
        dense_.d_x = rows_of("d_x", d_x, {dense_.rows, dense_.inputs});
        if (dense_.d_x) dense_.d_x_row = d_x.stride(0);
        dense_.d_weight = contiguous("d_weight", d_weight, {dense_.outputs, dense_.inputs});
        dense_.d_bias = contiguous("d_bias", d_bias, {dense_.outputs});
        nb::gil_scoped_release release;
        const FlushSubnormals flush;
        dense_functions<T>().backward(dense_);
    }

  private:
    Dense<T> dense_;
};

}  // namespace elman
