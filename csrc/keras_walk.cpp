#include "keras_walk.hpp"

#include <algorithm>
#include <stdexcept>

#include "keras_rows.hpp"
#include "memory.hpp"
#include "walk.hpp"

namespace elman {
namespace {

// Of Keras's gates z, r, h and PyTorch's r, z, n: the same map both ways. Others agree.
int other_gate(const CellKernels& cell, int gate) {
    return cell.gates == 3 && gate < 2 ? 1 - gate : gate;
}

// to[column, row] = from[row, column], in squares that stay in the first-level cache.
template <class T>
void transpose(const T* from, int64_t from_row, int64_t rows, int64_t columns, T* to, int64_t to_row) {
    constexpr int64_t block = 16;
    for (int64_t row = 0; row < rows; row += block)
        for (int64_t column = 0; column < columns; column += block) {
            const int64_t last_row = std::min(row + block, rows);
            const int64_t last_column = std::min(column + block, columns);
            for (int64_t c = column; c < last_column; ++c)
                for (int64_t r = row; r < last_row; ++r) to[c * to_row + r] = from[r * from_row + c];
        }
}

// Lays out memory of this thread: once to count it, once to have it.
template <class T, class LayOut>
void with_scratch(LayOut&& lay_out) {
    thread_local Memory<T> memory;
    Parts<T> counted;
    lay_out(counted);
    Parts<T> parts(memory.reserve(counted.elements()));
    lay_out(parts);
}

template <class T>
T* kept_of_thread(int64_t elements) {
    thread_local Memory<T> memory;
    return memory.reserve(elements);
}

// What forward leaves in its block for backward.
constexpr Buffer kept_buffers[] = {states_buffer, slots_buffer, operand_buffer, mask_buffer,
                                   dropped_buffer};
// What backward writes beside the slots, which it finds in the block or takes a copy of.
constexpr Buffer backward_buffers[] = {carry_buffer, operand_carry_buffer, backward_weights,
                                       gradient_buffer};

template <class T>
class KerasCall {
  public:
    KerasCall(const KerasWalk<T>& walk, bool training)
        : walk_(walk), plan_(walk.plan), cell_(*plan_.cell), units_(walk.hidden_size) {
        layer_.batch = walk.batch;
        layer_.steps = walk.steps;
        layer_.input_size = walk.input_size;
        layer_.hidden_size = units_;
        layer_.training = training;
        if (plan_.by_gate && (cell_.gates == 1 || !plan_.recurrent_dropout))
            throw std::invalid_argument("by_gate: only factors of a cell with several gates are each gate's own");
        if (plan_.recurrent_dropout) {
            layer_.regularization.random = true;
            layer_.regularization.recurrent_dropout = 1;  // by the factors that are given
            layer_.regularization.by_gate = plan_.by_gate;
        }
        functions_ = &functions_for(cell_, layer_, false);
        functions_->measure(layer_, sizes_);
    }

    // The block: numbers, then from a cache line on what lay_out_kept says.
    int64_t kept_elements() {
        Parts<T> parts;
        lay_out_kept(parts);
        return numbers() + Parts<T>::line + parts.elements();
    }

    void forward(T* block) {
        int32_t* const numbers = reinterpret_cast<int32_t*>(block);
        const auto begins = reinterpret_cast<uintptr_t>(block + this->numbers());
        numbers[0] = int32_t((64 - begins % 64) % 64 / sizeof(T));
        KerasRows<T> rows(walk_, numbers + 2);
        numbers[1] = plan_.masked && rows.find();
        open(block, rows);
        with_scratch<T>([&](Parts<T>& parts) { lay_out_forward(parts); });
        take_weights();
        if (rows_) {
            rows_->count_live(live_);
            for (int k = 0; k < cell_.states; ++k) rows_->gather_state(walk_.state[k], state_[k]);
            if (plan_.recurrent_dropout && !plan_.by_gate) rows_->gather_state(walk_.factors, factors_);
        }
        if (plan_.by_gate) {
            take_factors();
            multiply_x();
        } else if (rows_) {
            rows_->gather_x(walked_x_);
        }
        set_forward();
        walk_forward(cell_, *functions_, layer_);
        write_results();
    }

    // Over the block: the slots in it are replaced, and nothing else.
    void backward(T* block, bool over) {
        KerasRows<T> rows(walk_, reinterpret_cast<int32_t*>(block) + 2);
        open(block, rows);
        int64_t sizes[buffer_count] = {};
        functions_->measure(layer_, sizes);
        const T* const slots = layer_.buffer[slots_buffer];
        with_scratch<T>([&](Parts<T>& parts) {
            if (!over) layer_.buffer[slots_buffer] = parts.take(sizes[slots_buffer]);
            lay_out_backward(parts);
        });
        if (!over) std::copy_n(slots, sizes[slots_buffer], layer_.buffer[slots_buffer]);
        if (rows_) rows_->count_live(live_);
        set_backward();
        walk_backward(cell_, *functions_, layer_);
        write_gradients();
    }

  private:
    // Whole elements for the numbers: where the arrays begin, whether the mask hides anything, rows.
    int64_t numbers() const {
        const int64_t count = 2 + (plan_.masked ? KerasRows<T>::numbers(walk_) : 0);
        return (count * int64_t(sizeof(int32_t)) + int64_t(sizeof(T)) - 1) / int64_t(sizeof(T));
    }

    void lay_out_kept(Parts<T>& parts) {
        for (Buffer buffer : kept_buffers) layer_.buffer[buffer] = parts.take(sizes_[buffer]);
        const int64_t gates = cell_.gates * units_;
        weight_ih_ = parts.take(gates * walk_.input_size);
        weight_hh_ = parts.take(gates * units_);
        const int64_t copies = plan_.by_gate ? cell_.gates : plan_.masked ? 1 : 0;
        walked_x_ = parts.take(copies * walk_.batch * walk_.steps * walk_.input_size);
        input_factors_ = parts.take(plan_.by_gate ? cell_.gates * walk_.batch * walk_.input_size : 0);
    }

    // Finds in the block what forward left there, or is about to.
    void open(T* block, KerasRows<T>& rows) {
        const int32_t* const numbers = reinterpret_cast<const int32_t*>(block);
        Parts<T> parts(block + this->numbers() + numbers[0]);
        lay_out_kept(parts);
        if (!numbers[1]) return;
        rows_ = &rows;
        layer_.steps = rows.steps();
    }

    void lay_out_forward(Parts<T>& parts) {
        layer_.buffer[forward_weights] = parts.take(sizes_[forward_weights]);
        const int64_t gates = cell_.gates * units_;
        bias_ih_ = parts.take(plan_.bias ? gates : 0);
        bias_hh_ = parts.take(plan_.two_biases ? gates : 0);
        factors_ = parts.take(!plan_.recurrent_dropout ? 0 : walk_.batch * (plan_.by_gate ? gates : units_));
        if (!rows_) return;
        lay_out_rows(parts);
        outputs_ = parts.take(plan_.all_outputs ? layer_.steps * walk_.batch * units_
                                                : walk_.batch * units_);
    }

    void lay_out_rows(Parts<T>& parts) {
        live_ = reinterpret_cast<int64_t*>(parts.take(layer_.steps * int64_t(8 / sizeof(T))));
        for (int k = 0; k < cell_.states; ++k) state_[k] = parts.take(walk_.batch * units_);
        for (int k = 0; k < cell_.states; ++k) final_[k] = parts.take(walk_.batch * units_);
    }

    void lay_out_backward(Parts<T>& parts) {
        for (Buffer buffer : backward_buffers) layer_.buffer[buffer] = parts.take(sizes_[buffer]);
        const int64_t gates = cell_.gates * units_;
        d_weights_ = parts.take(0);
        d_weight_ih_ = parts.take(gates * walk_.input_size);
        d_weight_hh_ = parts.take(gates * units_);
        bias_ih_ = parts.take(plan_.bias ? gates : 0);
        bias_hh_ = parts.take(plan_.two_biases ? gates : 0);
        d_weights_end_ = parts.take(0);
        d_last_ = parts.take(plan_.all_outputs ? 0 : walk_.batch * units_);
        if (walk_.d_x && (rows_ || plan_.by_gate)) d_x_ = parts.take((plan_.by_gate ? cell_.gates : 1) * all_x());
        if (!rows_) return;
        lay_out_rows(parts);
        outputs_ = parts.take(plan_.all_outputs ? layer_.steps * walk_.batch * units_ : 0);
        d_initial_ = parts.take(plan_.all_outputs ? walk_.batch * units_ : 0);
    }

    int64_t all_x() const { return layer_.steps * walk_.batch * walk_.input_size; }  // of the walk

    // The weights in PyTorch's layout.
    void take_weights() {
        const int64_t row = cell_.gates * units_, inputs = walk_.input_size;
        for (int gate = 0; gate < cell_.gates; ++gate) {
            const int64_t from = other_gate(cell_, gate) * units_, to = gate * units_;
            transpose(walk_.kernel + from, row, inputs, units_, weight_ih_ + to * inputs, inputs);
            transpose(walk_.recurrent_kernel + from, row, units_, units_, weight_hh_ + to * units_, units_);
            if (plan_.bias) std::copy_n(walk_.bias + from, units_, bias_ih_ + to);
            if (plan_.two_biases) std::copy_n(walk_.bias + row + from, units_, bias_hh_ + to);
        }
    }

    // The factors of the inputs and of the state, each [gates, batch, columns] in PyTorch's order.
    void take_factors() {
        const int64_t columns = walk_.input_size + units_;
        for (int gate = 0; gate < cell_.gates; ++gate)
            for (int64_t row = 0; row < walk_.batch; ++row) {
                const int64_t given = other_gate(cell_, gate) * walk_.batch + (rows_ ? rows_->row(row) : row);
                const T* const from = walk_.factors + given * columns;
                const int64_t to = gate * walk_.batch + row;
                std::copy_n(from, walk_.input_size, input_factors_ + to * walk_.input_size);
                std::copy_n(from + walk_.input_size, units_, factors_ + to * units_);
            }
    }

    // Calls visit(an offset in x, one in the walk's, one in the factors) for each input of a gate.
    template <class Visit>
    void each_input(int gate, Visit&& visit) const {
        const int64_t inputs = walk_.input_size;
        auto step = [&](int64_t s, int64_t row, int64_t at) {
            visit(at * inputs, (s * walk_.batch + row) * inputs + gate * all_x(),
                  (gate * walk_.batch + row) * inputs);
        };
        if (rows_) {
            rows_->each_observed(step);
            return;
        }
        for (int64_t row = 0; row < walk_.batch; ++row)
            for (int64_t s = 0; s < walk_.steps; ++s)
                step(s, row, row * walk_.steps + (plan_.go_backwards ? walk_.steps - 1 - s : s));
    }

    // What each gate reads.
    void multiply_x() {
        for (int gate = 0; gate < cell_.gates; ++gate)
            each_input(gate, [&](int64_t at, int64_t walked, int64_t factor) {
                for (int64_t i = 0; i < walk_.input_size; ++i)
                    walked_x_[walked + i] = walk_.x[at + i] * input_factors_[factor + i];
            });
    }

    // The gradient of x from those of what the gates read.
    void write_d_x() {
        std::fill_n(walk_.d_x, walk_.batch * walk_.steps * walk_.input_size, T(0));
        for (int gate = 0; gate < cell_.gates; ++gate)
            each_input(gate, [&](int64_t at, int64_t walked, int64_t factor) {
                for (int64_t i = 0; i < walk_.input_size; ++i)
                    walk_.d_x[at + i] += d_x_[walked + i] * input_factors_[factor + i];
            });
    }

    // The array [batch, walk_.steps, columns] in the order in which its steps are read.
    template <class U>
    Array3<U> read_order(U* array, int64_t columns) const {
        const int64_t row = walk_.steps * columns;
        if (!array || !plan_.go_backwards) return {array, columns, row};
        return {array + row - (row ? columns : 0), -columns, row};
    }

    void set_operands() {
        layer_.weight_ih = weight_ih_;
        layer_.weight_hh = weight_hh_;
        if (rows_) layer_.live = live_;
        if (rows_ || plan_.by_gate)
            layer_.x = {walked_x_, walk_.batch * walk_.input_size, walk_.input_size};
        else
            layer_.x = read_order(walk_.x, walk_.input_size);
        layer_.x_gate = layer_.d_x_gate = all_x();
    }

    void set_forward() {
        set_operands();
        layer_.bias_ih = plan_.bias ? bias_ih_ : nullptr;
        layer_.bias_hh = plan_.two_biases ? bias_hh_ : nullptr;
        for (int k = 0; k < cell_.states; ++k) {
            layer_.initial_state[k] = rows_ ? state_[k] : walk_.state[k];
            layer_.final_state[k] = rows_ ? final_[k] : walk_.final_state[k];
        }
        layer_.regularization.recurrent_factors = rows_ || plan_.by_gate ? factors_ : walk_.factors;
        if (!plan_.all_outputs)  // every step over the one before it
            layer_.output = {rows_ ? outputs_ : walk_.output, 0, units_};
        else if (rows_)
            layer_.output = {outputs_, walk_.batch * units_, units_};
        else
            layer_.output = {walk_.output, units_, walk_.steps * units_};
    }

    void write_results() {
        if (rows_) {
            for (int k = 0; k < cell_.states; ++k)
                if (walk_.final_state[k]) rows_->spread_state(final_[k], walk_.final_state[k]);
            if (plan_.all_outputs)
                rows_->spread_outputs(outputs_);
            else
                rows_->write_last_output(final_[0]);
        } else if (!plan_.all_outputs && walk_.steps == 0) {
            std::copy_n(walk_.state[0], walk_.batch * units_, walk_.output);
        }
    }

    void set_backward() {
        set_operands();
        std::fill(d_weights_, d_weights_end_, T(0));
        layer_.d_weight_ih = d_weight_ih_;
        layer_.d_weight_hh = d_weight_hh_;
        layer_.d_bias_ih = plan_.bias ? bias_ih_ : nullptr;
        layer_.d_bias_hh = plan_.two_biases ? bias_hh_ : nullptr;
        for (int k = 0; k < cell_.states; ++k) {
            layer_.d_final_state[k] = d_final_state(k);
            layer_.d_initial_state[k] = rows_ ? state_[k] : walk_.d_state[k];
        }
        layer_.d_x = d_x_ ? Array3<T>{d_x_, walk_.batch * walk_.input_size, walk_.input_size}
                          : read_order(walk_.d_x, walk_.input_size);
        if (!plan_.all_outputs || !walk_.d_output) return;
        if (rows_) {
            rows_->gather_d_outputs(outputs_, d_initial_);
            layer_.d_output = {outputs_, walk_.batch * units_, units_};
        } else {
            layer_.d_output = {walk_.d_output, units_, walk_.steps * units_};
        }
    }

    // The gradient of final state k in the order of the walk; the last output is a part of the first.
    const T* d_final_state(int k) {
        const int64_t count = walk_.batch * units_;
        const T* const given = walk_.d_final_state[k];
        const bool with_output = k == 0 && !plan_.all_outputs && walk_.d_output;
        if (!rows_ && !with_output) return given;
        T* const sum = rows_ ? final_[k] : d_last_;
        if (!given)
            std::fill_n(sum, count, T(0));
        else if (rows_)
            rows_->gather_state(given, sum);
        else
            std::copy_n(given, count, sum);
        if (with_output && rows_) rows_->add_d_last_output(sum);
        for (int64_t i = 0; with_output && !rows_ && i < count; ++i) sum[i] += walk_.d_output[i];
        return sum;
    }

    void write_gradients() {
        if (rows_) {
            for (int k = 0; k < cell_.states; ++k)
                if (walk_.d_state[k]) rows_->spread_state(state_[k], walk_.d_state[k]);
            if (plan_.all_outputs && walk_.d_output && walk_.d_state[0])
                rows_->add_d_initial(d_initial_, walk_.d_state[0]);
            if (walk_.d_x && !plan_.by_gate) rows_->spread_d_x(d_x_);
        }
        if (walk_.d_x && plan_.by_gate) write_d_x();
        const int64_t row = cell_.gates * units_, inputs = walk_.input_size;
        for (int gate = 0; gate < cell_.gates; ++gate) {
            const int64_t to = other_gate(cell_, gate) * units_, from = gate * units_;
            if (walk_.d_kernel)
                transpose(d_weight_ih_ + from * inputs, inputs, units_, inputs, walk_.d_kernel + to, row);
            if (walk_.d_recurrent_kernel)
                transpose(d_weight_hh_ + from * units_, units_, units_, units_,
                          walk_.d_recurrent_kernel + to, row);
            if (!plan_.bias || !walk_.d_bias) continue;
            std::copy_n(bias_ih_ + from, units_, walk_.d_bias + to);
            if (plan_.two_biases) std::copy_n(bias_hh_ + from, units_, walk_.d_bias + row + to);
        }
    }

    const KerasWalk<T>& walk_;
    const KerasPlan& plan_;
    const CellKernels& cell_;
    const int64_t units_;
    const CellFunctions<T>* functions_;
    Layer<T> layer_;
    int64_t sizes_[buffer_count] = {};  // of the buffers, for a walk of all steps
    KerasRows<T>* rows_ = nullptr;      // if the mask hides anything

    T *weight_ih_ = nullptr, *weight_hh_ = nullptr, *walked_x_ = nullptr;  // kept
    T* input_factors_ = nullptr;

    // Of this call. The biases are their gradients in a backward pass, and so are the others.
    T *bias_ih_ = nullptr, *bias_hh_ = nullptr, *outputs_ = nullptr, *factors_ = nullptr;
    T *state_[most_states] = {}, *final_[most_states] = {};
    int64_t* live_ = nullptr;
    T *d_weights_ = nullptr, *d_weight_ih_ = nullptr, *d_weight_hh_ = nullptr, *d_weights_end_ = nullptr;
    T *d_last_ = nullptr, *d_initial_ = nullptr, *d_x_ = nullptr;
};

}  // namespace

template <class T>
int64_t kept_elements(const KerasWalk<T>& walk) {
    return KerasCall<T>(walk, true).kept_elements();
}

template <class T>
void forward(const KerasWalk<T>& walk, T* kept) {
    KerasCall<T> call(walk, kept != nullptr);
    call.forward(kept ? kept : kept_of_thread<T>(call.kept_elements()));
}

template <class T>
void backward(const KerasWalk<T>& walk, const T* kept) {
    KerasCall<T>(walk, true).backward(const_cast<T*>(kept), false);  // which does not write there
}

template <class T>
void backward_over(const KerasWalk<T>& walk, T* kept) {
    KerasCall<T>(walk, true).backward(kept, true);
}

template int64_t kept_elements(const KerasWalk<float>&);
template int64_t kept_elements(const KerasWalk<double>&);
template void forward(const KerasWalk<float>&, float*);
template void forward(const KerasWalk<double>&, double*);
template void backward(const KerasWalk<float>&, const float*);
template void backward(const KerasWalk<double>&, const double*);
template void backward_over(const KerasWalk<float>&, float*);
template void backward_over(const KerasWalk<double>&, double*);

}  // namespace elman
