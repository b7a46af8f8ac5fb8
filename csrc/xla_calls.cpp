#include "xla_calls.hpp"

#include <nanobind/stl/string.h>

#include <algorithm>
#include <cstring>
#include <initializer_list>
#include <new>
#include <string>
#include <type_traits>

#include "arrays.hpp"
#include "isa.hpp"
#include "keras_walk.hpp"
#include "refusals.hpp"
#include "xla_ffi.hpp"

using namespace nanobind::literals;

namespace elman {
namespace {

using xla::CallFrame;

template <class T>
constexpr xla::DataType type_of = std::is_same_v<T, bool>    ? xla::DataType::boolean
                                  : std::is_same_v<T, float> ? xla::DataType::single_precision
                                                             : xla::DataType::double_precision;

std::string shape_of(const xla::Buffer& buffer) { return shape_text(buffer.shape, size_t(buffer.rank)); }

// --- attributes: the plan --------------------------------------------------------------------------

const void* attribute(const xla::Attributes& all, const std::string& name, xla::AttributeType type) {
    for (int64_t i = 0; i < all.count; ++i) {
        const xla::Text& found = *all.names[i];
        if (name.size() != found.size || std::memcmp(name.data(), found.begin, found.size) != 0) continue;
        if (all.types[i] != type) throw WrongInput("attribute " + name + ": of a wrong type");
        return all.each[i];
    }
    throw WrongInput("attribute " + name + ": expected, but not given");
}

bool flag(const xla::Attributes& all, const char* name) {
    const auto& scalar =
        *static_cast<const xla::Scalar*>(attribute(all, name, xla::AttributeType::scalar));
    if (scalar.type != xla::DataType::boolean)
        throw WrongInput(std::string("attribute ") + name + ": expected a boolean");
    return *static_cast<const bool*>(scalar.value);
}

KerasPlan plan_of(const xla::Attributes& all) {
    const auto& cell = *static_cast<const xla::Text*>(attribute(all, "cell", xla::AttributeType::string));
    KerasPlan plan;
    plan.cell = &cell_kernels(std::string(cell.begin, cell.size));
    plan.bias = flag(all, "bias");
    plan.go_backwards = flag(all, "go_backwards");
    plan.all_outputs = flag(all, "all_outputs");
    plan.masked = flag(all, "masked");
    plan.zero_masked = flag(all, "zero_masked");
    plan.begins = flag(all, "begins");
    return plan;
}

// --- arguments and results -------------------------------------------------------------------------

// Takes the arrays of one side one after the other, and holds each against what it must be.
class Arrays {
  public:
    Arrays(const char* side, const xla::Buffers& all) : side_(side), all_(all) {}

    const xla::Buffer& at(int64_t index, const char* name) const {
        if (index >= all_.count)
            throw WrongInput(std::string(name) + ": expected among the " + side_ + ", of which there are " +
                             std::to_string(all_.count));
        if (all_.types[index] != xla::ArgumentType::buffer)
            throw WrongInput(std::string(name) + ": expected an array");
        return *static_cast<const xla::Buffer*>(all_.each[index]);
    }

    const xla::Buffer& at(int64_t index, const char* name, int64_t rank) const {
        const xla::Buffer& buffer = at(index, name);
        if (buffer.rank != rank)
            throw WrongInput(std::string(name) + ": expected " + std::to_string(rank) +
                             " axes, got shape " + shape_of(buffer));
        return buffer;
    }

    const xla::Buffer& ahead(const char* name) const { return at(next_, name); }

    template <class T>
    T* take(const char* name, std::initializer_list<int64_t> shape) {
        const xla::Buffer& buffer = at(next_++, name, int64_t(shape.size()));
        if (buffer.type != type_of<std::remove_const_t<T>>)
            throw WrongInput(std::string(name) + ": expected the type of x, of a mask booleans");
        if (!std::equal(shape.begin(), shape.end(), buffer.shape))
            throw WrongInput(std::string(name) + ": expected shape " +
                             shape_text(shape.begin(), shape.size()) + ", got " + shape_of(buffer));
        return static_cast<T*>(buffer.data);
    }

    void finish() const {
        if (next_ != all_.count)
            throw WrongInput(std::string(side_) + ": expected " + std::to_string(next_) + ", got " +
                             std::to_string(all_.count));
    }

  private:
    const char* const side_;
    const xla::Buffers& all_;
    int64_t next_ = 0;
};

// The sizes, and what both passes are given.
template <class T>
KerasWalk<T> walk_of(const KerasPlan& plan, Arrays& given) {
    KerasWalk<T> walk;
    walk.plan = plan;
    const int64_t* const sizes = given.at(0, "x", 3).shape;
    const int64_t hidden = given.at(1, "state", 2).shape[1], gates = plan.cell->gates * hidden;
    walk.batch = sizes[0];
    walk.steps = sizes[1];
    walk.input_size = sizes[2];
    walk.hidden_size = hidden;
    walk.x = given.take<const T>("x", {walk.batch, walk.steps, walk.input_size});
    for (int k = 0; k < plan.cell->states; ++k)
        walk.state[k] = given.take<const T>("state", {walk.batch, hidden});
    walk.kernel = given.take<const T>("kernel", {walk.input_size, gates});
    walk.recurrent_kernel = given.take<const T>("recurrent_kernel", {hidden, gates});
    if (plan.bias) {
        walk.plan.two_biases = given.ahead("bias").rank == 2;
        walk.bias = walk.plan.two_biases ? given.take<const T>("bias", {2, gates})
                                         : given.take<const T>("bias", {gates});
    }
    if (plan.masked) walk.mask = given.take<const bool>("mask", {walk.batch, walk.steps});
    return walk;
}

// The output or its gradient.
template <class T, class A>
T* take_output(const KerasWalk<A>& walk, Arrays& arrays, const char* name) {
    return walk.plan.all_outputs ? arrays.take<T>(name, {walk.batch, walk.steps, walk.hidden_size})
                                 : arrays.take<T>(name, {walk.batch, walk.hidden_size});
}

// The block that goes from forward to backward. What lies in it depends on where its cache lines
// begin, so one that does not begin with a line is worked on in a copy that does.
template <class T>
class KeptBlock {
  public:
    KeptBlock(T* given, int64_t elements)
        : given_(given), data_(given), bytes_(size_t(elements) * sizeof(T)) {
        if (reinterpret_cast<uintptr_t>(given) % 64 == 0) return;
        data_ = copy_.reserve(elements);
        std::memcpy(data_, given_, bytes_);
    }

    T* data() { return data_; }

    void give_back() {
        if (data_ != given_) std::memcpy(given_, data_, bytes_);
    }

  private:
    T *const given_, *data_;
    const size_t bytes_;
    Memory<T> copy_;
};

template <class T>
void walk_forward_call(const CallFrame& frame) {
    Arrays given("arguments", frame.arguments), results("results", frame.results);
    KerasWalk<T> walk = walk_of<T>(plan_of(frame.attributes), given);
    given.finish();
    walk.output = take_output<T>(walk, results, "output");
    for (int k = 0; k < walk.plan.cell->states; ++k)
        walk.final_state[k] = results.take<T>("final_state", {walk.batch, walk.hidden_size});
    const bool training = results.ahead("kept").rank == 1 && results.ahead("kept").shape[0] > 0;
    const int64_t elements = training ? kept_elements(walk) : 0;
    T* const kept = results.take<T>("kept", {elements});
    results.finish();
    if (!training) return forward(walk, static_cast<T*>(nullptr));
    KeptBlock<T> block(kept, elements);
    forward(walk, block.data());
    block.give_back();
}

// The block is an argument and, because it is worked on, a result: in one place, unless XLA has other
// uses for the argument.
template <class T>
void walk_backward_call(const CallFrame& frame) {
    Arrays given("arguments", frame.arguments), results("results", frame.results);
    KerasWalk<T> walk = walk_of<T>(plan_of(frame.attributes), given);
    const KerasPlan& plan = walk.plan;
    const int64_t hidden = walk.hidden_size, gates = plan.cell->gates * hidden;
    const int64_t elements = kept_elements(walk);
    const T* const kept = given.take<const T>("kept", {elements});
    walk.d_output = take_output<const T>(walk, given, "d_output");
    for (int k = 0; k < plan.cell->states; ++k)
        walk.d_final_state[k] = given.take<const T>("d_final_state", {walk.batch, hidden});
    given.finish();
    walk.d_x = results.take<T>("d_x", {walk.batch, walk.steps, walk.input_size});
    for (int k = 0; k < plan.cell->states; ++k)
        walk.d_state[k] = results.take<T>("d_state", {walk.batch, hidden});
    walk.d_kernel = results.take<T>("d_kernel", {walk.input_size, gates});
    walk.d_recurrent_kernel = results.take<T>("d_recurrent_kernel", {hidden, gates});
    if (plan.bias)
        walk.d_bias = plan.two_biases ? results.take<T>("d_bias", {2, gates})
                                      : results.take<T>("d_bias", {gates});
    T* const worked = results.take<T>("kept", {elements});
    results.finish();
    if (worked != kept) std::memcpy(worked, kept, size_t(elements) * sizeof(T));
    KeptBlock<T> block(worked, elements);
    backward(walk, block.data());
}

// --- what XLA calls --------------------------------------------------------------------------------

xla::Error* error(const CallFrame& frame, xla::ErrorCode code, const std::string& message) {
    xla::ErrorCreation creation{sizeof creation, nullptr, message.c_str(), code};
    return frame.functions->create_error(&creation);
}

// When a handler is registered XLA asks which interface it speaks. What is read here is the same in
// all that are known, so the answer is XLA's own, or for a later one the latest that is known: that
// one XLA can serve or refuse. The first XLA that asked did not say which it speaks.
void describe(const CallFrame& frame) {
    const int theirs = frame.functions ? frame.functions->version.minor_version : xla::first_minor_version;
    xla::Metadata& metadata = *reinterpret_cast<xla::MetadataExtension*>(frame.extension)->metadata;
    metadata.version = {sizeof(xla::Version), nullptr, xla::major_version,
                        std::min(theirs, xla::latest_minor_version)};
    metadata.traits = 0;
}

xla::Error* answer(const char* name, CallFrame* frame, void (*single)(const CallFrame&),
                   void (*twofold)(const CallFrame&)) noexcept {
    const std::string begin = std::string(name) + ": ";
    try {
        if (frame->extension && frame->extension->type == xla::ExtensionType::metadata) {
            describe(*frame);
            return nullptr;
        }
        if (frame->struct_size < sizeof(CallFrame))
            return error(*frame, xla::ErrorCode::unavailable, begin + "an older interface of XLA than this");
        if (frame->stage != xla::Stage::execute)
            return error(*frame, xla::ErrorCode::internal, begin + "called before it is to run");
        const xla::DataType type = Arrays("arguments", frame->arguments).at(0, "x").type;
        if (type == xla::DataType::single_precision)
            single(*frame);
        else if (type == xla::DataType::double_precision)
            twofold(*frame);
        else
            throw WrongInput("x: expected float32 or float64");
        return nullptr;
    } catch (const Unavailable& refusal) {
        return error(*frame, xla::ErrorCode::unavailable, begin + refusal.what());
    } catch (const std::bad_alloc&) {
        return error(*frame, xla::ErrorCode::resource_exhausted, begin + "out of memory");
    } catch (const std::exception& refusal) {
        return error(*frame, xla::ErrorCode::invalid_argument, begin + refusal.what());
    }
}

xla::Error* forward_handler(CallFrame* frame) {
    return answer("elman_walk_forward", frame, walk_forward_call<float>, walk_forward_call<double>);
}

xla::Error* backward_handler(CallFrame* frame) {
    return answer("elman_walk_backward", frame, walk_backward_call<float>, walk_backward_call<double>);
}

nb::capsule capsule(xla::Error* (*handler)(CallFrame*)) {
    return nb::capsule(reinterpret_cast<void*>(handler), "xla._CUSTOM_CALL_TARGET");
}

template <class T>
int64_t elements_of(const KerasPlan& plan, int64_t batch, int64_t steps, int64_t input_size,
                    int64_t hidden_size) {
    KerasWalk<T> walk;
    walk.plan = plan;
    walk.batch = batch;
    walk.steps = steps;
    walk.input_size = input_size;
    walk.hidden_size = hidden_size;
    return kept_elements(walk);
}

}  // namespace

void bind_xla(nb::module_& module) {
    nb::dict handlers;
    handlers["elman_walk_forward"] = capsule(&forward_handler);
    handlers["elman_walk_backward"] = capsule(&backward_handler);
    module.attr("xla_handlers") = handlers;
    module.def(
        "xla_kept_elements",
        [](const std::string& cell, bool masked, bool all_outputs, int64_t batch, int64_t steps,
           int64_t input_size, int64_t hidden_size, bool double_precision) {
            KerasPlan plan;
            plan.cell = &cell_kernels(cell);
            plan.masked = masked;
            plan.all_outputs = all_outputs;
            return (double_precision ? elements_of<double> : elements_of<float>)(plan, batch, steps,
                                                                                 input_size, hidden_size);
        },
        "cell"_a, "masked"_a, "all_outputs"_a, "batch"_a, "steps"_a, "input_size"_a, "hidden_size"_a,
        "double_precision"_a, "Elements of the block that goes from forward to backward.");
}

}  // namespace elman
