#include "xla_calls.hpp"

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

template <class V>
V scalar(const xla::Attributes& all, const char* name, xla::DataType type, const char* expected) {
    const auto& found = *static_cast<const xla::Scalar*>(attribute(all, name, xla::AttributeType::scalar));
    if (found.type != type)
        throw WrongInput(std::string("attribute ") + name + ": expected " + expected);
    return *static_cast<const V*>(found.value);
}

bool flag(const xla::Attributes& all, const char* name) {
    return scalar<bool>(all, name, xla::DataType::boolean, "a boolean");
}

// The fields of elman.keras.plan.Plan; the bias itself says whether there are two.
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
    plan.recurrent_dropout = flag(all, "recurrent_dropout");
    plan.by_gate = flag(all, "by_gate");
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

    // The same, or null for an array of one axis without elements: a gradient that is zero, or that
    // nobody wants.
    template <class T>
    T* take_unless_empty(const char* name, std::initializer_list<int64_t> shape) {
        const xla::Buffer& buffer = at(next_, name);
        if (buffer.rank != 1 || buffer.shape[0] != 0) return take<T>(name, shape);
        ++next_;
        return nullptr;
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

template <class T>
KerasWalk<T> sized(const KerasPlan& plan, const xla::Buffer& x, int64_t hidden_size) {
    KerasWalk<T> walk;
    walk.plan = plan;
    walk.batch = x.shape[0];
    walk.steps = x.shape[1];
    walk.input_size = x.shape[2];
    walk.hidden_size = hidden_size;
    return walk;
}

// Arguments: those of elman.keras.plan.Plan. Results: the output, the states, the kept block.
template <class T>
void run_forward(const CallFrame& frame) {
    Arrays given("arguments", frame.arguments), results("results", frame.results);
    const int64_t units = given.at(1, "state", 2).shape[1];
    KerasWalk<T> walk = sized<T>(plan_of(frame.attributes), given.at(0, "x", 3), units);
    KerasPlan& plan = walk.plan;
    const int64_t batch = walk.batch, hidden = walk.hidden_size, gates = plan.cell->gates * hidden;
    walk.x = given.take<const T>("x", {batch, walk.steps, walk.input_size});
    for (int k = 0; k < plan.cell->states; ++k) walk.state[k] = given.take<const T>("state", {batch, hidden});
    walk.kernel = given.take<const T>("kernel", {walk.input_size, gates});
    walk.recurrent_kernel = given.take<const T>("recurrent_kernel", {hidden, gates});
    plan.two_biases = plan.bias && given.ahead("bias").rank == 2;
    if (plan.bias)
        walk.bias = plan.two_biases ? given.take<const T>("bias", {2, gates})
                                    : given.take<const T>("bias", {gates});
    if (plan.recurrent_dropout)
        walk.factors = plan.by_gate ? given.take<const T>("factors", {plan.cell->gates, batch, walk.input_size + hidden})
                                    : given.take<const T>("factors", {batch, hidden});
    if (plan.masked) walk.mask = given.take<const bool>("mask", {batch, walk.steps});
    given.finish();
    walk.output = plan.all_outputs ? results.take<T>("output", {batch, walk.steps, hidden})
                                   : results.take<T>("output", {batch, hidden});
    for (int k = 0; k < plan.cell->states; ++k)
        walk.final_state[k] = results.take<T>("final_state", {batch, hidden});
    T* const kept = results.take_unless_empty<T>("kept", {kept_elements(walk)});
    results.finish();
    forward(walk, kept);
}

// Arguments: x, the mask if there is one, the kept block, the gradients of the output and the states.
// Results: those of x, the states, the kernels and the bias; the block, which XLA puts where the
// argument is, or where a copy of it may be, if the argument has other uses.
template <class T>
void run_backward(const CallFrame& frame) {
    Arrays given("arguments", frame.arguments), results("results", frame.results);
    const auto units = scalar<int64_t>(frame.attributes, "units", xla::DataType::whole_number, "an int64");
    KerasWalk<T> walk = sized<T>(plan_of(frame.attributes), given.at(0, "x", 3), units);
    KerasPlan& plan = walk.plan;
    const int64_t batch = walk.batch, hidden = walk.hidden_size, gates = plan.cell->gates * hidden;
    walk.x = given.take<const T>("x", {batch, walk.steps, walk.input_size});
    if (plan.masked) walk.mask = given.take<const bool>("mask", {batch, walk.steps});
    const int64_t elements = kept_elements(walk);
    const T* const kept = given.take<const T>("kept", {elements});
    walk.d_output = plan.all_outputs
                        ? given.take_unless_empty<const T>("d_output", {batch, walk.steps, hidden})
                        : given.take_unless_empty<const T>("d_output", {batch, hidden});
    for (int k = 0; k < plan.cell->states; ++k)
        walk.d_final_state[k] = given.take_unless_empty<const T>("d_final_state", {batch, hidden});
    given.finish();
    walk.d_x = results.take_unless_empty<T>("d_x", {batch, walk.steps, walk.input_size});
    for (int k = 0; k < plan.cell->states; ++k)
        walk.d_state[k] = results.take_unless_empty<T>("d_state", {batch, hidden});
    walk.d_kernel = results.take_unless_empty<T>("d_kernel", {walk.input_size, gates});
    walk.d_recurrent_kernel = results.take_unless_empty<T>("d_recurrent_kernel", {hidden, gates});
    plan.two_biases = plan.bias && results.ahead("d_bias").rank == 2;
    if (plan.bias)
        walk.d_bias = plan.two_biases ? results.take<T>("d_bias", {2, gates})
                                      : results.take_unless_empty<T>("d_bias", {gates});
    T* const over = results.take<T>("kept", {elements});
    results.finish();
    if (over != kept) std::memcpy(over, kept, size_t(elements) * sizeof(T));
    backward_over(walk, over);
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
    return answer("elman_walk_forward", frame, run_forward<float>, run_forward<double>);
}

xla::Error* backward_handler(CallFrame* frame) {
    return answer("elman_walk_backward", frame, run_backward<float>, run_backward<double>);
}

nb::capsule capsule(xla::Error* (*handler)(CallFrame*)) {
    return nb::capsule(reinterpret_cast<void*>(handler), "xla._CUSTOM_CALL_TARGET");
}

}  // namespace

void bind_xla(nb::module_& module) {
    nb::dict handlers;
    handlers["elman_walk_forward"] = capsule(&forward_handler);
    handlers["elman_walk_backward"] = capsule(&backward_handler);
    module.attr("xla_handlers") = handlers;
}

}  // namespace elman
