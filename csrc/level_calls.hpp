// A level of a recurrent layer, one direction or both, over PyTorch's tensors: one call forward and
// one call back.
#pragma once

#include "blocks.hpp"
#include "isa.hpp"
#include "keys.hpp"
#include "tensors.hpp"
#include "walk.hpp"

namespace elman {

// What a level is, beside its tensors.
template <class T>
struct LevelPlan {
    const CellKernels* cell;
    int64_t input_size, hidden_size;
    bool bias, layer_norm;
    int directions;  // 1 or 2; the second walks each row from its end
    Regularization<T> regularization;

    // Calls visit(name, the weight, its gradient, its sizes) for the weights of one direction.
    template <class Visit>
    void each_weight(Layer<T>& l, Visit&& visit) const {
        Regularization<T>& r = l.regularization;
        const int64_t gates = cell->gates * hidden_size;
        visit("weight_ih", l.weight_ih, l.d_weight_ih, Sizes{gates, input_size});
        visit("weight_hh", l.weight_hh, l.d_weight_hh, Sizes{gates, hidden_size});
        if (bias) {
            visit("bias_ih", l.bias_ih, l.d_bias_ih, Sizes{gates});
            visit("bias_hh", l.bias_hh, l.d_bias_hh, Sizes{gates});
        }
        if (!layer_norm) return;
        visit("weight_ln_ih", r.gain_ih, r.d_gain_ih, Sizes{gates});
        visit("bias_ln_ih", r.shift_ih, r.d_shift_ih, Sizes{gates});
        visit("weight_ln_hh", r.gain_hh, r.d_gain_hh, Sizes{gates});
        visit("bias_ln_hh", r.shift_hh, r.d_shift_hh, Sizes{gates});
        if (!cell->reads_out) return;
        visit("weight_ln_c", r.gain_state, r.d_gain_state, Sizes{hidden_size});
        visit("bias_ln_c", r.shift_state, r.d_shift_state, Sizes{hidden_size});
    }

    int weights() const { return directions * (2 + (bias ? 2 : 0) + (!layer_norm ? 0 : cell->reads_out ? 6 : 4)); }
};

// The tensors of one walk over a level, and in what layout they are; see Level.
struct LevelInputs {
    const nb::tuple& tensors;
    nb::handle live, seeds, rows;
    bool batch_first;
};

// The operands of one pass over a level, as a layer for each direction.
template <class T>
class LevelPass {
  public:
    int64_t steps, batch;

    LevelPass(const LevelPlan<T>& plan, Tensors& tensors, const LevelInputs& in, bool training)
        : plan_(plan),
          tensors_(tensors),
          batch_first_(in.batch_first),
          walks_{Walk<T>(*plan.cell, plan.layer_norm), Walk<T>(*plan.cell, plan.layer_norm)} {
        const nb::tuple& inputs = in.tensors;
        const int states = plan.cell->states, given = int(inputs.size()) - 1 - plan.weights();
        if (given != 0 && given != states)
            throw std::invalid_argument("inputs: expected x, the states of the cell or none, and the weights");
        stateful_ = given > 0;
        const Array3<const T> x = read_x(inputs[0]);
        const int64_t* const counts = read_live(in.live);
        read_keys(in.seeds, in.rows);
        for (int d = 0; d < plan.directions; ++d) {
            Layer<T>& l = walks_[d].layer;
            l.steps = steps;
            l.batch = batch;
            l.input_size = plan.input_size;
            l.hidden_size = plan.hidden_size;
            l.reverse = d == 1;
            l.training = training;
            l.live = counts;
            l.x = x;
            l.regularization = plan.regularization;
            l.regularization.random = !in.seeds.is_none();
            l.regularization.row_keys = keys_.data() + size_t(d * batch) * l.regularization.random;
        }
        for (int k = 0; k < given; ++k) {
            const T* const state = tensors.read<T>("state", inputs[size_t(1 + k)], state_sizes());
            for (int d = 0; d < plan.directions; ++d) walks_[d].layer.initial_state[k] = of(d, state);
        }
        each_weight(inputs, [&](const char* name, nb::handle tensor, const T*& weight, T*&, const Sizes& sizes) {
            weight = tensors.read<T>(name, tensor, sizes);
        });
    }

    // Memory for the outputs and the final states, which the walk will fill. The output of a single
    // step is the first state.
    nb::tuple new_results(nb::handle x) {
        const int64_t size = plan_.hidden_size;
        nb::object results = nb::steal(PyTuple_New(!single_ + plan_.cell->states));
        for (int k = 0; k < plan_.cell->states; ++k) {
            nb::object state = tensors_.empty(x, state_sizes());
            T* const last = tensors_.written<T>("final state", state, state_sizes());
            for (int d = 0; d < plan_.directions; ++d) walks_[d].layer.final_state[k] = of(d, last);
            NB_TUPLE_SET_ITEM(results.ptr(), !single_ + k, state.release().ptr());
        }
        Layer<T>& first = walks_[0].layer;
        if (single_) {
            first.output = {first.final_state[0], 0, size};
            first.final_state[0] = nullptr;
        } else {
            const int64_t columns = plan_.directions * size;
            nb::object made = tensors_.empty(x, step_sizes(columns));
            const Array3<T> output =
                tensors_.written_steps<T>("output", made, steps, batch, columns, batch_first_);
            for (int d = 0; d < plan_.directions; ++d)
                walks_[d].layer.output = {output.base + d * size, output.step, output.row};
            NB_TUPLE_SET_ITEM(results.ptr(), 0, made.release().ptr());
        }
        return nb::borrow<nb::tuple>(results);
    }

    // Where the gradients come from and go to; see LevelCalls.
    void set_gradients(const nb::tuple& d_results, const nb::tuple& gradients) {
        const int states = plan_.cell->states;
        const int64_t size = plan_.hidden_size;
        expect_count("d_results", d_results, !single_ + states);
        expect_count("gradients", gradients, 1 + stateful_ * states + plan_.weights());
        Array3<const T> d_output;
        if (single_) {
            T* const base = tensors_.written<T>("d_x", gradients[0], {batch, plan_.input_size});
            if (base) d_x_ = {base, 0, plan_.input_size};
        } else {
            d_output = tensors_.read_steps<T>("d_output", d_results[0], steps, batch,
                                              plan_.directions * size, batch_first_);
            d_x_ = tensors_.written_steps<T>("d_x", gradients[0], steps, batch, plan_.input_size, batch_first_);
        }
        for (int d = 0; d < plan_.directions; ++d) {
            Layer<T>& l = walks_[d].layer;
            if (d_output.base) l.d_output = {d_output.base + d * size, d_output.step, d_output.row};
            l.d_x = d_x_;
        }
        for (int k = 0; k < states; ++k) {
            const T* const given = tensors_.read<T>("d_final state", d_results[size_t(!single_ + k)], state_sizes());
            for (int d = 0; d < plan_.directions; ++d) walks_[d].layer.d_final_state[k] = of(d, given);
            if (!stateful_) continue;
            T* const wanted = tensors_.written<T>("d_state", gradients[size_t(1 + k)], state_sizes());
            for (int d = 0; d < plan_.directions; ++d) walks_[d].layer.d_initial_state[k] = of(d, wanted);
        }
        each_weight(gradients, [&](const char* name, nb::handle tensor, const T*&, T*& gradient, const Sizes& sizes) {
            gradient = tensors_.written<T>(name, tensor, sizes);
        });
    }

    int64_t elements() const {
        int64_t total = second_d_x();
        for (int d = 0; d < plan_.directions; ++d) total += walks_[d].elements();
        return total;
    }

    void forward(T* data) {
        data += second_d_x();
        for (int d = 0; d < plan_.directions; ++d) {
            walks_[d].forward(data);
            data += walks_[d].elements();
        }
    }

    void backward(T* data) {
        T* const part = data;
        data += second_d_x();
        for (int d = 0; d < plan_.directions; ++d) {
            Layer<T>& l = walks_[d].layer;
            plan_.each_weight(l, [](const char*, const T*&, T*& gradient, const Sizes& sizes) {
                std::fill_n(gradient, sizes.elements(), T(0));
            });
            const bool second = d && d_x_.base;
            const int64_t columns = plan_.input_size;
            if (second) l.d_x = {part, batch * columns, columns};
            walks_[d].backward(data);
            if (second) add_to_d_x(l.d_x);
            data += walks_[d].elements();
        }
    }

  private:
    // Elements for the gradient of x in the second direction, before it is added to the first's.
    int64_t second_d_x() const {
        return plan_.directions == 2 && walks_[0].layer.training ? steps * batch * plan_.input_size : 0;
    }

    Sizes state_sizes() const {
        if (single_) return {batch, plan_.hidden_size};
        return {plan_.directions, batch, plan_.hidden_size};
    }

    Sizes step_sizes(int64_t columns) const {
        if (batch_first_) return {batch, steps, columns};
        return {steps, batch, columns};
    }

    // All steps of x, or a single one without an axis of time.
    Array3<const T> read_x(nb::handle x) {
        const Sizes shape = tensors_.sizes("x", x);
        single_ = shape.count == 2;
        if (single_) {
            if (plan_.directions != 1) throw std::invalid_argument("x: a single step has one direction");
            steps = 1;
            batch = shape.size[0];
            return {tensors_.read<T>("x", x, {batch, plan_.input_size}), 0, plan_.input_size};
        }
        steps = shape.size[batch_first_];
        batch = shape.size[!batch_first_];
        return tensors_.read_steps<T>("x", x, steps, batch, plan_.input_size, batch_first_);
    }

    template <class U>
    U* of(int direction, U* states) const {
        return states ? states + direction * batch * plan_.hidden_size : nullptr;
    }

    static void expect_count(const char* name, const nb::tuple& tensors, int count) {
        if (int(tensors.size()) != count)
            throw std::invalid_argument(std::string(name) + ": expected " + std::to_string(count) +
                                        " tensors, got " + std::to_string(tensors.size()));
    }

    // The weights are the last of the tensors, whichever come before.
    template <class Visit>
    void each_weight(const nb::tuple& tensors, Visit&& visit) {
        size_t next = tensors.size() - size_t(plan_.weights());
        for (int d = 0; d < plan_.directions; ++d)
            plan_.each_weight(walks_[d].layer, [&](const char* name, const T*& weight, T*& gradient,
                                                   const Sizes& sizes) {
                visit(name, tensors[next++], weight, gradient, sizes);
            });
    }

    const int64_t* read_live(nb::handle live) {
        const int64_t* const counts = tensors_.read<int64_t>("live", live, {steps});
        for (int64_t t = 0; counts && t < steps; ++t)
            if (counts[t] < 0 || counts[t] > (t ? counts[t - 1] : batch))
                throw std::invalid_argument("live: expected counts from the batch size downwards");
        return counts;
    }

    void read_keys(nb::handle seeds, nb::handle rows) {
        const int64_t* const first = tensors_.read<int64_t>("seeds", seeds, {plan_.directions});
        const int64_t* const numbers = tensors_.read<int64_t>("rows", rows, {batch});
        if (!first) return;
        keys_.reserve(size_t(plan_.directions * batch));
        for (int d = 0; d < plan_.directions; ++d)
            for (int64_t row = 0; row < batch; ++row)
                keys_.push_back(row_key(uint64_t(first[d]), numbers ? numbers[row] : row));
    }

    void add_to_d_x(const Array3<T>& part) const {
        for (int64_t t = 0; t < steps; ++t)
            for (int64_t row = 0; row < batch; ++row) {
                T* const sum = d_x_.at(t, row);
                const T* const addend = part.at(t, row);
                for (int64_t i = 0; i < plan_.input_size; ++i) sum[i] += addend[i];
            }
    }

    const LevelPlan<T>& plan_;
    Tensors& tensors_;
    const bool batch_first_;
    bool stateful_, single_;
    Walk<T> walks_[2];
    std::vector<uint64_t> keys_;  // of the rows, of each direction in turn
    Array3<T> d_x_;
};

// A level as Python calls it, in one precision; see Level.
template <class T>
class LevelCalls {
  public:
    explicit LevelCalls(const LevelPlan<T>& plan) : plan_(plan) {}

    nb::tuple forward(Tensors& tensors, const LevelInputs& in, bool training) const {
        LevelPass<T> pass(plan_, tensors, in, training);
        nb::tuple results = pass.new_results(in.tensors[0]);
        auto block = std::make_unique<Block<T>>(owner_, pass.elements());
        fill(pass, *block);
        if (!training) return nb::make_tuple(results, nb::none());
        return nb::make_tuple(results, nb::cast(block.release(), nb::rv_policy::take_ownership));
    }

    nb::tuple backward(Tensors& tensors, const LevelInputs& in, const nb::tuple& d_results, nb::handle kept,
                       bool need_d_x) const {
        LevelPass<T> pass(plan_, tensors, in, true);
        nb::tuple gradients = new_gradients(tensors, in, need_d_x);
        pass.set_gradients(d_results, gradients);
        Block<T>* block = find(tensors, kept);
        std::unique_ptr<Block<T>> fresh;
        if (!block || !block->claim(owner_, pass.elements())) {
            // Another backward pass has had what was kept: walk forward again.
            const nb::tuple unread = pass.new_results(in.tensors[0]);
            fresh = std::make_unique<Block<T>>(owner_, pass.elements());
            block = fresh.get();
            fill(pass, *block);
            block->claim(owner_, pass.elements());
        }
        {
            const nb::gil_scoped_release release;
            pass.backward(block->data());
        }
        block->give_back();
        return gradients;
    }

  private:
    static void fill(LevelPass<T>& pass, Block<T>& block) {
        {
            const nb::gil_scoped_release release;
            pass.forward(block.data());
        }
        block.fill();
    }

    // Memory for the gradients of the inputs, None for that of x if it is not needed.
    static nb::tuple new_gradients(Tensors& tensors, const LevelInputs& in, bool need_d_x) {
        const size_t count = in.tensors.size();
        nb::tuple gradients = nb::steal<nb::tuple>(PyTuple_New(Py_ssize_t(count)));
        for (size_t i = 0; i < count; ++i) {
            nb::object one = i || need_d_x ? tensors.empty_like(in.tensors[i]) : nb::none();
            NB_TUPLE_SET_ITEM(gradients.ptr(), Py_ssize_t(i), one.release().ptr());
        }
        return gradients;
    }

    static Block<T>* find(Tensors& tensors, nb::handle kept) {
        if (kept.is_none()) return nullptr;
        if (nb::isinstance<Block<T>>(kept)) return nb::cast<Block<T>*>(kept);
        return Block<T>::marked(tensors.read<int8_t>("kept", kept, {Block<T>::mark_bytes}));
    }

    const LevelPlan<T> plan_;
    const typename Pool<T>::Owner owner_ = std::make_shared<const char>('\0');  // which blocks are its own
};

// A level in the precision of its inputs.
class Level {
  public:
    // zoneout: a probability for each state of the cell, or none at all.
    Level(nb::handle tensor_class, const std::string& cell, int64_t input_size, int64_t hidden_size,
          bool bias, int directions, double recurrent_dropout, const std::vector<double>& zoneout,
          bool layer_norm)
        : tensor_class_(tensor_class),
          input_size_(input_size),
          single_(plan<float>(cell, input_size, hidden_size, bias, directions, recurrent_dropout, zoneout,
                              layer_norm)),
          double_(plan<double>(cell, input_size, hidden_size, bias, directions, recurrent_dropout, zoneout,
                               layer_norm)) {}

    // The outputs with the final states, and with `training` what backward needs, else None. `inputs`:
    // x, the states or none of them, and the weights of each direction in turn. `live`, `seeds` (of
    // each direction) and `rows` are int64 or None. Without an axis of time x is a single step; then
    // the states have no axis of directions, and are the only results.
    nb::tuple forward(nb::tuple inputs, nb::handle live, nb::handle seeds, nb::handle rows,
                      bool batch_first, bool training) const {
        const LevelInputs in{inputs, live, seeds, rows, batch_first};
        Tensors tensors(tensor_class_);
        return tensors.is_double("x", inputs[0]) ? double_.forward(tensors, in, training)
                                                 : single_.forward(tensors, in, training);
    }

    // The gradients of the inputs, from those of the results, of which any may be None for zeros.
    // `kept`: what forward gave, or a tensor that shows its mark, or None.
    nb::tuple backward(nb::tuple inputs, nb::handle live, nb::handle seeds, nb::handle rows,
                       bool batch_first, nb::tuple d_results, nb::handle kept, bool need_d_x) const {
        const LevelInputs in{inputs, live, seeds, rows, batch_first};
        Tensors tensors(tensor_class_);
        return tensors.is_double("x", inputs[0])
                   ? double_.backward(tensors, in, d_results, kept, need_d_x)
                   : single_.backward(tensors, in, d_results, kept, need_d_x);
    }

    // Whether these inputs are plain tensors of one dtype, and x has steps, rows and the right columns;
    // false, too, where that is not known at once. Forward then refuses nothing but weights' shapes.
    bool takes(nb::tuple inputs) const {
        Sizes x({});
        return tensor_class_.are_plain(inputs, x) && x.count == 3 && x.size[2] == input_size_ &&
               x.elements() > 0;
    }

  private:
    template <class T>
    static LevelPlan<T> plan(const std::string& cell, int64_t input_size, int64_t hidden_size, bool bias,
                             int directions, double recurrent_dropout, const std::vector<double>& zoneout,
                             bool layer_norm) {
        LevelPlan<T> plan{&cell_kernels(cell), input_size, hidden_size, bias, layer_norm, directions, {}};
        if (directions != 1 && directions != 2)
            throw std::invalid_argument("directions: expected 1 or 2, got " + std::to_string(directions));
        if (!zoneout.empty() && int(zoneout.size()) != plan.cell->states)
            throw std::invalid_argument("zoneout: expected a probability for each state of the cell");
        plan.regularization.recurrent_dropout = recurrent_dropout;
        for (size_t k = 0; k < zoneout.size(); ++k) plan.regularization.zoneout[k] = zoneout[k];
        return plan;
    }

    const TensorClass tensor_class_;
    const int64_t input_size_;
    const LevelCalls<float> single_;
    const LevelCalls<double> double_;
};

template <class T>
void bind_block(nb::module_& module, const char* name) {
    nb::class_<Block<T>>(module, name).def_prop_ro("mark", [](nb::handle self) {
        return nb::ndarray<nb::numpy, int8_t, nb::ndim<1>>(nb::cast<Block<T>&>(self).mark(),
                                                           {Block<T>::mark_bytes}, self);
    }, "Bytes that keep it alive, and by which backward finds it.");
}

inline void bind_levels(nb::module_& module) {
    using namespace nb::literals;
    module.def("pooled_bytes", [] { return Pool<float>::bytes() + Pool<double>::bytes(); },
               "Memory kept for walks to come, in bytes.");
    bind_block<float>(module, "Block32");
    bind_block<double>(module, "Block64");
    nb::class_<Level>(module, "Level")
        .def(nb::init<nb::handle, const std::string&, int64_t, int64_t, bool, int, double,
                      const std::vector<double>&, bool>(),
             "tensor_class"_a, "cell"_a, "input_size"_a, "hidden_size"_a, "bias"_a, "directions"_a,
             "recurrent_dropout"_a, "zoneout"_a, "layer_norm"_a)
        .def("takes", &Level::takes, "inputs"_a)
        .def("forward", &Level::forward, "inputs"_a, "live"_a.none(), "seeds"_a.none(), "rows"_a.none(),
             "batch_first"_a, "training"_a)
        .def("backward", &Level::backward, "inputs"_a, "live"_a.none(), "seeds"_a.none(),
             "rows"_a.none(), "batch_first"_a, "d_results"_a, "kept"_a.none(), "need_d_x"_a);
}

}  // namespace elman
