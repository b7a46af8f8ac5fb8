// The walk in Keras's layout for Python: arrays as addresses, for frameworks whose tensors NumPy
// need not see. The caller has checked them; nothing here can.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "isa.hpp"
#include "keras_walk.hpp"

namespace elman {

namespace nb = nanobind;

// From elman.keras.plan.Plan, which is a tuple.
inline KerasPlan keras_plan(const nb::tuple& fields) {
    const auto name = nb::cast<std::string>(fields[0]);
    size_t next = 1;
    auto flag = [&] { return nb::cast<bool>(fields[next++]); };
    KerasPlan plan;
    plan.cell = &cell_kernels(name);
    plan.bias = flag();
    plan.two_biases = plan.bias && name == "gru";
    plan.go_backwards = flag();
    plan.all_outputs = flag();
    plan.masked = flag();
    plan.zero_masked = flag();
    plan.begins = flag();
    plan.recurrent_dropout = flag();
    plan.by_gate = flag();
    return plan;
}

// Takes the addresses one after the other as what they are.
class Addresses {
  public:
    explicit Addresses(const std::vector<uintptr_t>& all) : all_(all) {}

    template <class U>
    void take(U*& pointer, bool wanted = true) {
        if (wanted) pointer = reinterpret_cast<U*>(all_.at(next_++));
    }

    void end() const {
        if (next_ != all_.size()) throw std::invalid_argument("addresses: there are too many");
    }

  private:
    const std::vector<uintptr_t>& all_;
    size_t next_ = 0;
};

template <class T>
struct KerasCalls {
    using Sizes = std::vector<int64_t>;  // batch, steps, inputs, units
    using Arrays = const std::vector<uintptr_t>&;

    static KerasWalk<T> sized(const nb::tuple& plan, const Sizes& sizes) {
        KerasWalk<T> walk;
        walk.plan = keras_plan(plan);
        walk.batch = sizes.at(0);
        walk.steps = sizes.at(1);
        walk.input_size = sizes.at(2);
        walk.hidden_size = sizes.at(3);
        return walk;
    }

    static void take_inputs(KerasWalk<T>& walk, Addresses& arrays) {
        const KerasPlan& plan = walk.plan;
        arrays.take(walk.x);
        for (int k = 0; k < plan.cell->states; ++k) arrays.take(walk.state[k]);
        arrays.take(walk.kernel);
        arrays.take(walk.recurrent_kernel);
        arrays.take(walk.bias, plan.bias);
        arrays.take(walk.factors, plan.recurrent_dropout);
        arrays.take(walk.mask, plan.masked);
    }

    static int64_t kept(const nb::tuple& plan, const Sizes& sizes) {
        return kept_elements(sized(plan, sizes));
    }

    static void run_forward(const nb::tuple& fields, const Sizes& sizes, Arrays addresses, uintptr_t kept) {
        KerasWalk<T> walk = sized(fields, sizes);
        const KerasPlan& plan = walk.plan;
        Addresses arrays(addresses);
        take_inputs(walk, arrays);
        arrays.take(walk.output);
        for (int k = 0; k < plan.cell->states; ++k) arrays.take(walk.final_state[k]);
        arrays.end();
        nb::gil_scoped_release release;
        forward(walk, reinterpret_cast<T*>(kept));
    }

    static void run_backward(const nb::tuple& fields, const Sizes& sizes, Arrays addresses, uintptr_t kept,
                             bool over) {
        KerasWalk<T> walk = sized(fields, sizes);
        const KerasPlan& plan = walk.plan;
        Addresses arrays(addresses);
        arrays.take(walk.x);
        arrays.take(walk.mask, plan.masked);
        arrays.take(walk.d_output);
        for (int k = 0; k < plan.cell->states; ++k) arrays.take(walk.d_final_state[k]);
        arrays.take(walk.d_x);
        for (int k = 0; k < plan.cell->states; ++k) arrays.take(walk.d_state[k]);
        arrays.take(walk.d_kernel);
        arrays.take(walk.d_recurrent_kernel);
        arrays.take(walk.d_bias, plan.bias);
        arrays.end();
        nb::gil_scoped_release release;
        if (over)
            backward_over(walk, reinterpret_cast<T*>(kept));
        else
            backward(walk, reinterpret_cast<const T*>(kept));
    }

    static void bind(nb::module_& module, const std::string& name) {
        using namespace nb::literals;
        module.def(("keras_kept" + name).c_str(), &kept, "plan"_a, "sizes"_a,
                   "How many elements forward keeps for backward; sizes: batch, steps, inputs, units.");
        module.def(("keras_forward" + name).c_str(), &run_forward, "plan"_a, "sizes"_a, "addresses"_a,
                   "kept"_a,
                   "addresses: x, states, kernel, recurrent kernel, bias, factors, mask; then the output "
                   "and the final states. kept: that of the block, or 0 if no backward follows.");
        module.def(("keras_backward" + name).c_str(), &run_backward, "plan"_a, "sizes"_a, "addresses"_a,
                   "kept"_a, "over"_a = false,
                   "addresses: x, the mask; the gradients of the results; where those of x, the states, "
                   "the kernels and the bias go. 0: a zero gradient, or one not wanted. over: whether the "
                   "block may be overwritten, which saves a copy.");
    }
};

inline void bind_keras(nb::module_& module) {
    KerasCalls<float>::bind(module, "32");
    KerasCalls<double>::bind(module, "64");
}

}  // namespace elman
