#include "tensorflow_calls.hpp"

#if defined(_WIN32)
#include <windows.h>
#else
#include <dlfcn.h>
#endif

#include <cstring>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "isa.hpp"
#include "keras_walk.hpp"
#include "refusals.hpp"

namespace elman {
namespace {

// --- TensorFlow's C interface ------------------------------------------------------------------------
// What is used of tensorflow/c/{kernels,ops,tf_tensor,tf_status}.h, which promise to stay as they
// are. The functions are looked up in the library that is loaded: elman links nothing of it.

struct TF_Status;
struct TF_Tensor;
struct TF_KernelBuilder;
struct TF_OpDefinitionBuilder;
struct TF_OpKernelConstruction;
struct TF_OpKernelContext;
struct TF_ShapeInferenceContext;
enum TF_DataType { TF_FLOAT = 1, TF_DOUBLE = 2 };
enum TF_Code { TF_OK = 0, TF_INVALID_ARGUMENT = 3 };

#define ELMAN_TENSORFLOW(each)                                                                             \
    each(TF_NewStatus, TF_Status*, ())                                                                     \
    each(TF_DeleteStatus, void, (TF_Status*))                                                              \
    each(TF_SetStatus, void, (TF_Status*, TF_Code, const char*))                                           \
    each(TF_GetCode, TF_Code, (const TF_Status*))                                                          \
    each(TF_Message, const char*, (const TF_Status*))                                                      \
    each(TF_DeleteTensor, void, (TF_Tensor*))                                                              \
    each(TF_NumDims, int, (const TF_Tensor*))                                                              \
    each(TF_Dim, int64_t, (const TF_Tensor*, int))                                                         \
    each(TF_TensorData, void*, (const TF_Tensor*))                                                         \
    each(TF_NewOpDefinitionBuilder, TF_OpDefinitionBuilder*, (const char*))                                \
    each(TF_OpDefinitionBuilderAddAttr, void, (TF_OpDefinitionBuilder*, const char*))                      \
    each(TF_OpDefinitionBuilderAddInput, void, (TF_OpDefinitionBuilder*, const char*))                     \
    each(TF_OpDefinitionBuilderAddOutput, void, (TF_OpDefinitionBuilder*, const char*))                    \
    each(TF_OpDefinitionBuilderSetShapeInferenceFunction, void,                                            \
         (TF_OpDefinitionBuilder*, void (*)(TF_ShapeInferenceContext*, TF_Status*)))                       \
    each(TF_RegisterOpDefinition, void, (TF_OpDefinitionBuilder*, TF_Status*))                             \
    each(TF_ShapeInferenceContextSetUnknownShape, void, (TF_ShapeInferenceContext*, TF_Status*))           \
    each(TF_NewKernelBuilder, TF_KernelBuilder*,                                                           \
         (const char*, const char*, void* (*)(TF_OpKernelConstruction*),                                   \
          void (*)(void*, TF_OpKernelContext*), void (*)(void*)))                                          \
    each(TF_KernelBuilder_TypeConstraint, void,                                                            \
         (TF_KernelBuilder*, const char*, TF_DataType, TF_Status*))                                        \
    each(TF_RegisterKernelBuilder, void, (const char*, TF_KernelBuilder*, TF_Status*))                     \
    each(TF_OpKernelConstruction_GetAttrSize, void,                                                  \
         (TF_OpKernelConstruction*, const char*, int32_t*, int32_t*, TF_Status*))                          \
    each(TF_OpKernelConstruction_GetAttrString, void,                                                      \
         (TF_OpKernelConstruction*, const char*, char*, size_t, TF_Status*))                               \
    each(TF_OpKernelConstruction_GetAttrBool, void,                                                        \
         (TF_OpKernelConstruction*, const char*, unsigned char*, TF_Status*))                              \
    each(TF_OpKernelConstruction_Failure, void, (TF_OpKernelConstruction*, TF_Status*))                    \
    each(TF_NumInputs, int, (TF_OpKernelContext*))                                                         \
    each(TF_GetInput, void, (TF_OpKernelContext*, int, TF_Tensor**, TF_Status*))                           \
    each(TF_AllocateOutput, TF_Tensor*,                                                                    \
         (TF_OpKernelContext*, int, TF_DataType, const int64_t*, int, size_t, TF_Status*))                 \
    each(TF_OpKernelContext_Failure, void, (TF_OpKernelContext*, TF_Status*))

#define ELMAN_DECLARE(name, result, arguments) result(*name) arguments = nullptr;
struct TensorFlow {
    ELMAN_TENSORFLOW(ELMAN_DECLARE)
};
#undef ELMAN_DECLARE

TensorFlow tf;

void* find(const std::string& library, const char* name) {
#if defined(_WIN32)
    const HMODULE handle = GetModuleHandleA(library.c_str());
    return handle ? reinterpret_cast<void*>(GetProcAddress(handle, name)) : nullptr;
#else
    void* const handle = dlopen(library.c_str(), RTLD_NOW | RTLD_NOLOAD);  // never a second copy
    if (!handle) return nullptr;
    void* const found = dlsym(handle, name);
    dlclose(handle);  // TensorFlow itself keeps it loaded
    return found;
#endif
}

TensorFlow look_up(const std::string& library) {
    TensorFlow all;
    auto take = [&](auto& function, const char* name) {
        void* const found = find(library, name);
        if (!found) throw Unavailable("TensorFlow: " + library + " does not offer " + name);
        std::memcpy(&function, &found, sizeof found);
    };
#define ELMAN_TAKE(name, result, arguments) take(all.name, #name);
    ELMAN_TENSORFLOW(ELMAN_TAKE)
#undef ELMAN_TAKE
    return all;
}

class Status {
  public:
    Status() : status_(tf.TF_NewStatus()) {}
    Status(const Status&) = delete;
    Status& operator=(const Status&) = delete;
    ~Status() { tf.TF_DeleteStatus(status_); }

    operator TF_Status*() const { return status_; }

    void refuse(const char* message) const { tf.TF_SetStatus(status_, TF_INVALID_ARGUMENT, message); }

    void check() const {
        if (tf.TF_GetCode(status_) != TF_OK) throw std::runtime_error(tf.TF_Message(status_));
    }

  private:
    TF_Status* const status_;
};

struct DeleteTensor {
    void operator()(TF_Tensor* tensor) const { tf.TF_DeleteTensor(tensor); }
};
using Tensor = std::unique_ptr<TF_Tensor, DeleteTensor>;

// --- The operations ----------------------------------------------------------------------------------

constexpr const char* attributes[] = {"T: {float, double}", "N: int >= 1", "M: int >= 0", "R: int >= 1",
                                      "cell: string"};
constexpr const char* flags[] = {"bias",        "go_backwards", "all_outputs",      "masked",
                                 "zero_masked", "begins",       "recurrent_dropout", "by_gate"};

// The plan of a node, read once when it is built.
KerasPlan plan_of(TF_OpKernelConstruction* node) {
    const Status status;
    int32_t list = 0, length = 0;
    tf.TF_OpKernelConstruction_GetAttrSize(node, "cell", &list, &length, status);
    status.check();
    std::string name(size_t(length), '\0');
    tf.TF_OpKernelConstruction_GetAttrString(node, "cell", name.data(), name.size(), status);
    status.check();
    auto flag = [&](const char* which) {
        unsigned char value = 0;
        tf.TF_OpKernelConstruction_GetAttrBool(node, which, &value, status);
        status.check();
        return value != 0;
    };
    KerasPlan plan;
    plan.cell = &cell_kernels(name);
    plan.bias = flag("bias");
    plan.two_biases = plan.bias && name == "gru";
    plan.go_backwards = flag("go_backwards");
    plan.all_outputs = flag("all_outputs");
    plan.masked = flag("masked");
    plan.zero_masked = flag("zero_masked");
    plan.begins = flag("begins");
    plan.recurrent_dropout = flag("recurrent_dropout");
    plan.by_gate = flag("by_gate");
    return plan;
}

// The inputs and outputs of one call.
template <class T>
class Call {
  public:
    Call(TF_OpKernelContext* context, const KerasPlan& plan) : context_(context) {
        for (int i = 0, count = tf.TF_NumInputs(context); i < count; ++i) {
            TF_Tensor* tensor = nullptr;
            tf.TF_GetInput(context, i, &tensor, status_);
            status_.check();
            inputs_.emplace_back(tensor);
        }
        walk.plan = plan;
        const TF_Tensor* const x = at(0, 3);
        walk.batch = tf.TF_Dim(x, 0);
        walk.steps = tf.TF_Dim(x, 1);
        walk.input_size = tf.TF_Dim(x, 2);
        walk.hidden_size = tf.TF_Dim(at(1, 2), 1);
        const int64_t b = walk.batch, d = walk.input_size, h = walk.hidden_size;
        const int64_t columns = plan.cell->gates * h;
        walk.x = input({b, walk.steps, d});
        for (int k = 0; k < plan.cell->states; ++k) walk.state[k] = input({b, h});
        walk.kernel = input({d, columns});
        walk.recurrent_kernel = input({h, columns});
        if (plan.bias) walk.bias = plan.two_biases ? input({2, columns}) : input({columns});
        if (plan.recurrent_dropout)
            walk.factors = plan.by_gate ? input({plan.cell->gates, b, d + h}) : input({b, h});
        if (plan.masked) walk.mask = static_cast<const bool*>(data({b, walk.steps}));
    }

    void forward() {
        walk.output = output(output_shape());
        for (int k = 0; k < walk.plan.cell->states; ++k) walk.final_state[k] = output(state_shape());
        elman::forward(walk, output({kept_elements(walk)}));
    }

    void backward() {
        const int64_t columns = walk.plan.cell->gates * walk.hidden_size;
        const T* const kept = input({kept_elements(walk)});
        walk.d_output = input(output_shape());
        const int states = walk.plan.cell->states;
        for (int k = 0; k < states; ++k) walk.d_final_state[k] = input(state_shape());
        walk.d_x = output({walk.batch, walk.steps, walk.input_size});
        for (int k = 0; k < states; ++k) walk.d_state[k] = output(state_shape());
        walk.d_kernel = output({walk.input_size, columns});
        walk.d_recurrent_kernel = output({walk.hidden_size, columns});
        if (walk.plan.bias)
            walk.d_bias = walk.plan.two_biases ? output({2, columns}) : output({columns});
        elman::backward(walk, kept);
    }

    KerasWalk<T> walk;

  private:
    using Shape = std::vector<int64_t>;

    Shape state_shape() const { return {walk.batch, walk.hidden_size}; }
    Shape output_shape() const {
        return walk.plan.all_outputs ? Shape{walk.batch, walk.steps, walk.hidden_size} : state_shape();
    }

    const TF_Tensor* at(size_t index, int dimensions) const {
        if (index >= inputs_.size()) throw std::invalid_argument("elman: too few inputs");
        const TF_Tensor* const tensor = inputs_[index].get();
        if (tf.TF_NumDims(tensor) != dimensions)
            throw std::invalid_argument("elman: input " + std::to_string(index) + ": expected " +
                                        std::to_string(dimensions) + " axes, got " +
                                        std::to_string(tf.TF_NumDims(tensor)));
        return tensor;
    }

    // The next input, which must have this shape.
    const void* data(const Shape& shape) {
        const TF_Tensor* const tensor = at(next_input_, int(shape.size()));
        for (size_t i = 0; i < shape.size(); ++i)
            if (tf.TF_Dim(tensor, int(i)) != shape[i])
                throw std::invalid_argument("elman: input " + std::to_string(next_input_) + ": expected " +
                                            std::to_string(shape[i]) + " along axis " + std::to_string(i) +
                                            ", got " + std::to_string(tf.TF_Dim(tensor, int(i))));
        ++next_input_;
        return tf.TF_TensorData(tensor);
    }
    const T* input(const Shape& shape) { return static_cast<const T*>(data(shape)); }

    T* output(const Shape& shape) {
        constexpr TF_DataType type = sizeof(T) == 4 ? TF_FLOAT : TF_DOUBLE;
        size_t bytes = sizeof(T);
        for (int64_t length : shape) bytes *= size_t(length);
        TF_Tensor* const tensor = tf.TF_AllocateOutput(context_, next_output_++, type, shape.data(),
                                                       int(shape.size()), bytes, status_);
        status_.check();
        outputs_.emplace_back(tensor);
        return static_cast<T*>(tf.TF_TensorData(tensor));
    }

    TF_OpKernelContext* const context_;
    const Status status_;
    std::vector<Tensor> inputs_, outputs_;
    size_t next_input_ = 0;
    int next_output_ = 0;
};

// TensorFlow's code is no place for exceptions: a failure is reported to it instead.
template <class Function, class Report>
void reporting(Report report, Function function) {
    try {
        function();
    } catch (const std::exception& failure) {
        const Status status;
        status.refuse(failure.what());
        report(status);
    }
}

void* create(TF_OpKernelConstruction* node) {
    KerasPlan* plan = nullptr;
    reporting([&](TF_Status* status) { tf.TF_OpKernelConstruction_Failure(node, status); },
              [&] { plan = new KerasPlan(plan_of(node)); });
    return plan;
}

void destroy(void* plan) { delete static_cast<KerasPlan*>(plan); }

template <class T, bool Gradient>
void compute(void* plan, TF_OpKernelContext* context) {
    reporting([&](TF_Status* status) { tf.TF_OpKernelContext_Failure(context, status); }, [&] {
        Call<T> call(context, *static_cast<const KerasPlan*>(plan));
        Gradient ? call.backward() : call.forward();
    });
}

void leave_shapes_open(TF_ShapeInferenceContext* context, TF_Status* status) {
    tf.TF_ShapeInferenceContextSetUnknownShape(context, status);
}

template <class T, bool Gradient>
void register_kernel(const char* operation, TF_DataType type) {
    const Status status;
    TF_KernelBuilder* const builder =
        tf.TF_NewKernelBuilder(operation, "CPU", create, compute<T, Gradient>, destroy);
    tf.TF_KernelBuilder_TypeConstraint(builder, "T", type, status);
    status.check();
    tf.TF_RegisterKernelBuilder(operation, builder, status);
    status.check();
}

// Inputs and outputs are those of KerasWalk in its order. Forward's last output is the block kept,
// which the gradient's inputs have after those of forward; the gradients of the outputs follow.
template <bool Gradient>
void register_operation(const char* operation) {
    const Status status;
    TF_OpDefinitionBuilder* const builder = tf.TF_NewOpDefinitionBuilder(operation);
    for (const char* attribute : attributes) tf.TF_OpDefinitionBuilderAddAttr(builder, attribute);
    for (const char* flag : flags)
        tf.TF_OpDefinitionBuilderAddAttr(builder, (std::string(flag) + ": bool").c_str());
    tf.TF_OpDefinitionBuilderAddInput(builder, "arrays: N * T");
    tf.TF_OpDefinitionBuilderAddInput(builder, "mask: M * bool");
    if (Gradient) {
        tf.TF_OpDefinitionBuilderAddAttr(builder, "K: int >= 2");
        tf.TF_OpDefinitionBuilderAddInput(builder, "kept_and_gradients: K * T");
    }
    tf.TF_OpDefinitionBuilderAddOutput(builder, "results: R * T");
    tf.TF_OpDefinitionBuilderSetShapeInferenceFunction(builder, leave_shapes_open);
    tf.TF_RegisterOpDefinition(builder, status);
    status.check();
    register_kernel<float, Gradient>(operation, TF_FLOAT);
    register_kernel<double, Gradient>(operation, TF_DOUBLE);
}

}  // namespace

void register_tensorflow(const std::string& library) {
    static std::once_flag once;
    std::call_once(once, [&] {
        tf = look_up(library);
        register_operation<false>("ElmanWalk");
        register_operation<true>("ElmanWalkGradient");
    });
}

}  // namespace elman
