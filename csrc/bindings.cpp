// The module elman._core: everything that Python sees of the compiled core.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "arrays.hpp"
#include "crf_calls.hpp"
#include "isa.hpp"
#include "keras_calls.hpp"
#include "level_calls.hpp"
#include "recording.hpp"
#include "recurrence.hpp"
#include "refusals.hpp"
#include "tensorflow_calls.hpp"
#include "threads.hpp"
#include "training_calls.hpp"
#include "xla_calls.hpp"

namespace nb = nanobind;
using namespace nb::literals;

namespace elman {
namespace {

template <class T>
void bind_workspace(nb::module_& module, const char* name) {
    using Class = RecurrenceWorkspace<T>;
    nb::class_<Class>(module, name)
        .def(nb::init<const std::string&, int64_t, int64_t, bool, double, const std::vector<double>&,
                      bool>(),
             "cell"_a, "input_size"_a, "hidden_size"_a, "reverse"_a, "recurrent_dropout"_a = 0.0,
             "zoneout"_a = std::vector<double>(), "layer_norm"_a = false)
        .def("forward", recordable(&Class::forward), "weight_ih"_a.noconvert(), "weight_hh"_a.noconvert(),
             "bias_ih"_a.noconvert().none(), "bias_hh"_a.noconvert().none(), "norms"_a, "x"_a.noconvert(),
             "hidden"_a.noconvert().none(), "memory"_a.noconvert().none(), "live"_a.noconvert().none(),
             "output"_a.noconvert(), "final_hidden"_a.noconvert().none(),
             "final_memory"_a.noconvert().none(), "training"_a, "version"_a,
             "seed"_a.noconvert().none(), "rows"_a.noconvert().none())
        .def("step", &Class::step, "x"_a.noconvert(), "hidden"_a.noconvert(),
             "memory"_a.noconvert().none(), "new_hidden"_a.noconvert(),
             "new_memory"_a.noconvert().none(), "version"_a,
             "One step with the weights that forward packed under this version; false if it did not.")
        .def("backward", recordable(&Class::backward), "weight_ih"_a.noconvert(), "weight_hh"_a.noconvert(),
             "x"_a.noconvert(), "d_output"_a.noconvert().none(), "d_final_hidden"_a.noconvert().none(),
             "d_final_memory"_a.noconvert().none(), "d_x"_a.noconvert().none(),
             "d_hidden"_a.noconvert().none(), "d_memory"_a.noconvert().none(),
             "d_weight_ih"_a.noconvert(), "d_weight_hh"_a.noconvert(),
             "d_bias_ih"_a.noconvert().none(), "d_bias_hh"_a.noconvert().none(), "d_norms"_a,
             "truncate"_a)
        .def_prop_ro("bytes", &Class::bytes, "Memory the workspace holds, in bytes.");
}

template <class T>
void dense_forward(Array<const T, 2> x, Array<const T, 2> weight, Array<const T, 1> bias, Array<T, 2> y) {
    DenseCall<T> call(x, weight);
    call.forward(bias, y);
}

template <class T>
void dense_backward(Array<const T, 2> x, Array<const T, 2> weight, Array<const T, 2> d_y,
                    Array<T, 2> d_x, Array<T, 2> d_weight, Array<T, 1> d_bias) {
    DenseCall<T> call(x, weight);
    call.backward(d_y, d_x, d_weight, d_bias);
}

template <class T>
void bind_dense(nb::module_& module) {
    module.def("dense_forward", recordable(&dense_forward<T>), "x"_a.noconvert(), "weight"_a.noconvert(),
               "bias"_a.noconvert().none(), "y"_a.noconvert(),
               "y[R, N] = x[R, M] weight[N, M]^T + bias[N]. A row's bits do not depend on R.");
    module.def("dense_backward", recordable(&dense_backward<T>), "x"_a.noconvert(), "weight"_a.noconvert(),
               "d_y"_a.noconvert(), "d_x"_a.noconvert().none(), "d_weight"_a.noconvert(),
               "d_bias"_a.noconvert().none(),
               "Writes d_x = d_y weight (unless None); adds d_y^T x to d_weight, column sums to d_bias.");
}

template <class T, class Target>
nb::tuple recorded_loss(int kind, Packed<const T> output, Packed<const Target> target,
                        Packed<const T> weight, Array<const int64_t, 1> live,
                        Flat<const double> constants, Packed<T> gradient) {
    auto call = [=] { return mean_loss<T, Target>(kind, output, target, weight, live, constants, gradient); };
    if (Recording* recording = Recording::active())
        recording->add([call](Report& report) {
            const LossValue value = call();
            report.loss = value.mean;
            report.weight = value.weight;
        });
    const LossValue value = call();
    return nb::make_tuple(value.mean, value.weight);
}

template <class T>
double recorded_clip(Flat<T> gradient, double clip_norm, double clip_value) {
    auto call = [=] { return clip_gradient<T>(gradient, clip_norm, clip_value); };
    if (Recording* recording = Recording::active())
        recording->add([call](Report& report) { report.norm = call(); });
    return call();
}

void bind_recording(nb::module_& module) {
    nb::class_<Recording>(module, "Recording")
        .def(nb::init<>())
        .def("start", &Recording::start, "Keep a copy of every call that follows in this thread.")
        .def("stop", &Recording::stop, "Keep no more.")
        .def("run", &Recording::run,
             "Make the calls again; the loss, the sum of its weights and the norm they report.")
        .def("__len__", &Recording::size);
}

template <class T, class Target>
void bind_loss(nb::module_& module) {
    module.def("loss", &recorded_loss<T, Target>, "kind"_a, "output"_a.noconvert(), "target"_a.noconvert(),
               "weight"_a.noconvert().none(), "live"_a.noconvert().none(), "constants"_a.noconvert(),
               "gradient"_a.noconvert().none(),
               "The weighted mean loss over live positions and the sum of the weights; writes gradient.");
}

template <class T>
void bind_activations(nb::module_& module) {
    module.def("activate", recordable(&activate<T>), "kind"_a, "y"_a.noconvert(), "y = phi(y), in place.");
    module.def("activation_adjoint", recordable(&activation_adjoint<T>), "kind"_a, "y"_a.noconvert(),
               "d_y"_a.noconvert(), "Turns the gradient of y = phi(a) into that of a, in place.");
}

template <class T>
void bind_updates(nb::module_& module) {
    module.def("clip_gradient", &recorded_clip<T>, "gradient"_a.noconvert(), "clip_norm"_a,
               "clip_value"_a, "Limits the gradient (0: no limit); returns the norm it had.");
    module.def("sgd", &sgd<T>, "parameters"_a.noconvert(), "gradient"_a.noconvert(),
               "velocity"_a.noconvert(), "step"_a, "rate"_a, "momentum"_a, "nesterov"_a,
               "weight_decay"_a);
    module.def("rmsprop", &rmsprop<T>, "parameters"_a.noconvert(), "gradient"_a.noconvert(),
               "square"_a.noconvert(), "velocity"_a.noconvert(), "rate"_a, "alpha"_a, "epsilon"_a,
               "momentum"_a, "weight_decay"_a);
    module.def("adam", &adam<T>, "parameters"_a.noconvert(), "gradient"_a.noconvert(),
               "mean"_a.noconvert(), "square"_a.noconvert(), "step"_a, "rate"_a, "beta1"_a, "beta2"_a,
               "epsilon"_a, "weight_decay"_a, "decoupled"_a);
}

template <class T>
void bind_batches(nb::module_& module) {
    module.def("gather", recordable(&gather<T>), "values"_a.noconvert(), "starts"_a.noconvert(),
               "lengths"_a.noconvert().none(), "rows"_a.noconvert(), "out"_a.noconvert(),
               "out[t, b] = values[starts[rows[b]] + t], zero from lengths[rows[b]] on.");
    module.def("zero_dead", recordable(&zero_dead<T>), "y"_a.noconvert(), "live"_a.noconvert(),
               "Writes zeros at the dead positions of y [T, B, C].");
    module.def("fill_zero", recordable(&fill_zero<T>), "array"_a.noconvert(), "array = 0.");
    module.def("add", recordable(&add<T>), "sum"_a.noconvert(), "addend"_a.noconvert(),
               "sum += addend.");
    module.def("last_adjoint", recordable(&last_adjoint<T>), "d_last"_a.noconvert(),
               "d_x"_a.noconvert(), "d_x = 0, but d_last at the last step.");
}

template <class T>
void bind_embedding(nb::module_& module) {
    module.def("embed", recordable(&embed<T>), "weight"_a.noconvert(), "tokens"_a.noconvert(), "y"_a.noconvert(),
               "y[p] = weight[tokens[p]].");
    module.def("embed_adjoint", recordable(&embed_adjoint<T>), "d_weight"_a.noconvert(), "tokens"_a.noconvert(),
               "d_y"_a.noconvert(), "d_weight[tokens[p]] += d_y[p].");
}

template <class T>
void bind_training(nb::module_& module) {
    bind_loss<T, T>(module);
    bind_loss<T, int64_t>(module);
    bind_activations<T>(module);
    bind_updates<T>(module);
    bind_batches<T>(module);
    bind_embedding<T>(module);
    module.def("first_not_finite", &first_not_finite<T>, "values"_a.noconvert(),
               "The index of the first element that is NaN or infinite, or -1.");
}

}  // namespace
}  // namespace elman

namespace {

// The core's refusals as the errors that a person may catch by name.
void translate_refusal(const std::exception_ptr& thrown, void*) {
    auto raise = [](const char* name, const std::exception& refusal) {
        PyErr_SetString(nb::module_::import_("elman.errors").attr(name).ptr(), refusal.what());
    };
    try {
        std::rethrow_exception(thrown);
    } catch (const elman::Unavailable& refusal) {
        raise("BackendUnavailable", refusal);
    } catch (const elman::WrongInput& refusal) {
        raise("InputError", refusal);
    }
}

}  // namespace

NB_MODULE(_core, module) {
    using namespace elman;
    nb::register_exception_translator(translate_refusal);
    // A program may well end while a graph of PyTorch's still holds what a walk keeps.
    nb::set_leak_warnings(false);
    module.doc() = "The compiled core of elman.";

    module.def("available_isas", &available_isas, "Instruction sets this processor and build offer, best last.");
    module.def("isa", [] { return std::string(kernels().isa); }, "The instruction set in use.");
    module.def("vector_bytes", [] { return kernels().vector_bytes; }, "Bytes in one vector register.");
    module.def("cells", [] {
        std::vector<std::string> names;
        for (int i = 0; const CellKernels* cell = kernels().cell(i); ++i) names.emplace_back(cell->name);
        return names;
    }, "Names of the cells the core has.");
    module.def("get_num_threads", &maximum_threads, "Most threads a call may use.");
    module.def("set_num_threads", &set_maximum_threads, "threads"_a);
    module.def("set_poison", [](bool on) { poison.store(on); }, "on"_a,
               "For tests: fill workspace memory with NaN before each use.");

    module.def("register_tensorflow", &register_tensorflow, "library"_a,
               "Adds the walk to the operations of the TensorFlow loaded from this library, once.");

    bind_recording(module);
    bind_workspace<float>(module, "Workspace32");
    bind_workspace<double>(module, "Workspace64");
    bind_levels(module);
    bind_dense<float>(module);
    bind_dense<double>(module);
    module.attr("losses") = nb::cast(std::vector<std::string>(std::begin(loss_names), std::end(loss_names)));
    module.attr("activations") =
        nb::cast(std::vector<std::string>(std::begin(activation_names), std::end(activation_names)));
    bind_training<float>(module);
    bind_training<double>(module);
    bind_crf<float>(module);
    bind_crf<double>(module);
    bind_keras(module);
    bind_xla(module);
    bind_batches<int64_t>(module);  // tokens and labels
    module.def("arrange", &arrange, "lengths"_a.noconvert(), "rows"_a.noconvert(),
               "sorted_rows"_a.noconvert(), "sorted_lengths"_a.noconvert(), "live"_a.noconvert(),
               "Sorts rows by length, longest first; counts in live how many live at each step.");
}
