// PyTorch's tensors as plain pointers: without a copy, and without linking to PyTorch.
//
// A tensor's class offers a table of C functions (DLPack 1.3, `__dlpack_c_exchange_api__`), one of
// which describes a tensor in a few nanoseconds; before PyTorch 2.10, which lacks it, the tensor's
// own `__dlpack__` is asked.
#pragma once

#include <algorithm>
#include <deque>
#include <initializer_list>
#include <type_traits>
#include <vector>

#include "arrays.hpp"

namespace elman {

// The part of DLPack that is needed here, with the layout of its header.
namespace dlpack {

constexpr int32_t cpu = 1;
enum Code : uint8_t { integer = 0, floating = 2 };

struct Tensor {
    void* data;
    int32_t device, device_number;
    int32_t dimensions;
    uint8_t code, bits;
    uint16_t lanes;
    int64_t *shape, *strides;
    uint64_t byte_offset;
};

struct Exchange {
    uint32_t major, minor;
    void* before;
    void *allocate, *to_managed, *from_managed;
    int (*describe)(void* object, Tensor* found);  // 0, or -1 with a Python error set
    void* stream;
};

}  // namespace dlpack

// How many steps, rows, columns a tensor has.
struct Sizes {
    Sizes(std::initializer_list<int64_t> sizes) : count(sizes.size()) {
        std::copy(sizes.begin(), sizes.end(), size);
    }

    int64_t elements() const {
        int64_t product = 1;
        for (size_t i = 0; i < count; ++i) product *= size[i];
        return product;
    }

    size_t count;
    int64_t size[3] = {};
};

// The class of PyTorch's tensors, and its table of functions if it has one.
class TensorClass {
  public:
    explicit TensorClass(nb::handle type)
        : type_(reinterpret_cast<PyTypeObject*>(type.ptr())),
          parameter_(reinterpret_cast<PyTypeObject*>(lasting("torch.nn", "Parameter"))),
          empty_like_(lasting("torch", "empty_like")) {
        const nb::object capsule = nb::getattr(type, "__dlpack_c_exchange_api__", nb::none());
        if (!PyCapsule_IsValid(capsule.ptr(), "dlpack_exchange_api")) return;
        const auto* table =
            static_cast<const dlpack::Exchange*>(PyCapsule_GetPointer(capsule.ptr(), "dlpack_exchange_api"));
        if (table->major == 1) describe_ = table->describe;
    }

    bool has(nb::handle object) const { return PyObject_TypeCheck(object.ptr(), type_); }
    auto describe() const { return describe_; }
    PyObject* empty_like() const { return empty_like_; }

    // Whether tensors are of no class derived from these, have their memory here, and are of one dtype,
    // single or double precision. False, too, where that is not known at once.
    bool are_plain(const nb::tuple& tensors, Sizes& first) const {
        uint8_t bits = 0;
        for (nb::handle tensor : tensors) {
            const PyTypeObject* const type = Py_TYPE(tensor.ptr());
            dlpack::Tensor found{};
            if ((type != type_ && type != parameter_) || !describe_) return false;
            if (describe_(tensor.ptr(), &found)) {
                PyErr_Clear();
                return false;
            }
            if (!bits) {
                if (found.dimensions > 3) return false;
                first.count = size_t(found.dimensions);
                std::copy_n(found.shape, found.dimensions, first.size);
                bits = found.bits;
            }
            if (found.device != dlpack::cpu || found.code != dlpack::floating || found.bits != bits ||
                (bits != 32 && bits != 64))
                return false;
        }
        return true;
    }

  private:
    static PyObject* lasting(const char* module, const char* name) {
        return nb::object(nb::module_::import_(module).attr(name)).release().ptr();
    }

    PyTypeObject *const type_, *const parameter_;  // these live as long as the process
    PyObject* const empty_like_;
    int (*describe_)(void*, dlpack::Tensor*) = nullptr;
};

// The tensors of one call; what had to be made for it (a copy without gaps) lives as long.
class Tensors {
  public:
    explicit Tensors(const TensorClass& type) : type_(type) {}

    // The pointer to a tensor without gaps that is read, or null for None.
    template <class T>
    const T* read(const char* name, nb::handle tensor, const Sizes& shape) {
        if (tensor.is_none()) return nullptr;
        View view = view_of<T>(name, plain(name, tensor), shape);
        if (!view.without_gaps()) view = view_of<T>(name, copied(tensor), shape);
        return static_cast<const T*>(view.data);
    }

    // The same for one that is written.
    template <class T>
    T* written(const char* name, nb::handle tensor, const Sizes& shape) {
        if (tensor.is_none()) return nullptr;
        const View view = view_of<T>(name, tensor, shape);
        if (!view.without_gaps()) throw std::invalid_argument(std::string(name) + ": it must be contiguous");
        return static_cast<T*>(view.data);
    }

    // A tensor of [steps, rows, columns], or [rows, steps, columns] if `batch_first`, that is read.
    template <class T>
    Array3<const T> read_steps(const char* name, nb::handle tensor, int64_t steps, int64_t rows,
                               int64_t columns, bool batch_first) {
        if (tensor.is_none()) return {};
        const Sizes shape = {batch_first ? rows : steps, batch_first ? steps : rows, columns};
        View view = view_of<T>(name, plain(name, tensor), shape);
        if (!view.last_without_gaps()) view = view_of<T>(name, copied(tensor), shape);
        return {static_cast<const T*>(view.data), view.stride[batch_first], view.stride[!batch_first]};
    }

    // The same for one that is written; it has no gaps.
    template <class T>
    Array3<T> written_steps(const char* name, nb::handle tensor, int64_t steps, int64_t rows,
                            int64_t columns, bool batch_first) {
        T* const base = written<T>(
            name, tensor, {batch_first ? rows : steps, batch_first ? steps : rows, columns});
        if (!base) return {};
        const ptrdiff_t outer = ptrdiff_t((batch_first ? steps : rows) * columns), inner = columns;
        return {base, batch_first ? inner : outer, batch_first ? outer : inner};
    }

    // The sizes of a tensor.
    Sizes sizes(const char* name, nb::handle tensor) {
        const View view = view_of(name, tensor);
        Sizes found({});
        found.count = size_t(view.dimensions);
        std::copy_n(view.shape, view.dimensions, found.size);
        return found;
    }

    // Whether a tensor is of double precision; if not, it is of single.
    bool is_double(const char* name, nb::handle tensor) {
        const View view = view_of(name, tensor);
        if (view.code != dlpack::floating || (view.bits != 32 && view.bits != 64))
            throw std::invalid_argument(std::string(name) + ": expected float32 or float64");
        return view.bits == 64;
    }

    // New memory of the dtype of another tensor.
    nb::object empty(nb::handle tensor, const Sizes& sizes) {
        nb::object shape = nb::steal(PyTuple_New(Py_ssize_t(sizes.count)));
        for (size_t i = 0; i < sizes.count; ++i)
            NB_TUPLE_SET_ITEM(shape.ptr(), Py_ssize_t(i), PyLong_FromLongLong(sizes.size[i]));
        static PyObject* const new_empty = PyUnicode_InternFromString("new_empty");
        return checked(PyObject_CallMethodOneArg(tensor.ptr(), new_empty, shape.ptr()));
    }

    // New memory, without gaps, for something shaped as a tensor.
    nb::object empty_like(nb::handle tensor) {
        const View view = view_of("inputs", tensor);
        if (view.without_gaps()) return checked(PyObject_CallOneArg(type_.empty_like(), tensor.ptr()));
        return empty(tensor, sizes("inputs", tensor));
    }

  private:
    static constexpr int most_dimensions = 3;

    struct View {
        void* data = nullptr;
        bool on_cpu = false;
        uint8_t code = 0, bits = 0;
        int dimensions = 0;
        int64_t shape[most_dimensions] = {}, stride[most_dimensions] = {};

        int64_t elements() const {
            int64_t count = 1;
            for (int i = 0; i < dimensions; ++i) count *= shape[i];
            return count;
        }
        bool last_without_gaps() const {
            return shape[dimensions - 1] <= 1 || stride[dimensions - 1] == 1 || !elements();
        }
        bool without_gaps() const {
            int64_t expected = 1;
            for (int i = dimensions - 1; i >= 0; --i) {
                if (shape[i] > 1 && stride[i] != expected && elements()) return false;
                expected *= shape[i];
            }
            return true;
        }
    };

    // A tensor that is to be read as its memory is; one that is kept with its sign turned is not.
    nb::handle plain(const char* name, nb::handle tensor) {
        if (!type_.has(tensor)) throw std::invalid_argument(std::string(name) + ": expected a tensor of PyTorch's");
        static PyObject* const is_neg = PyUnicode_InternFromString("is_neg");
        const nb::object turned = checked(PyObject_CallMethodNoArgs(tensor.ptr(), is_neg));
        return turned.ptr() == Py_False ? tensor : keep(tensor.attr("resolve_neg")());
    }

    static nb::object checked(PyObject* result) {
        if (!result) nb::raise_python_error();
        return nb::steal(result);
    }

    nb::handle copied(nb::handle tensor) { return keep(tensor.attr("contiguous")().attr("resolve_neg")()); }

    nb::handle keep(nb::object made) {
        kept_.push_back(std::move(made));
        return kept_.back();
    }

    template <class T>
    View view_of(const char* name, nb::handle tensor, const Sizes& shape) {
        const View view = view_of(name, tensor);
        constexpr uint8_t code = std::is_floating_point_v<T> ? dlpack::floating : dlpack::integer;
        if (view.code != code || view.bits != 8 * sizeof(T))
            throw std::invalid_argument(std::string(name) + ": expected " +
                                        (std::is_floating_point_v<T> ? "float" : "int") +
                                        std::to_string(8 * sizeof(T)));
        const size_t dimensions = size_t(view.dimensions);
        if (dimensions != shape.count || !std::equal(view.shape, view.shape + dimensions, shape.size))
            throw std::invalid_argument(std::string(name) + ": expected shape " +
                                        shape_text(shape.size, shape.count) + ", got " +
                                        shape_text(view.shape, dimensions));
        return view;
    }

    View view_of(const char* name, nb::handle tensor) {
        if (!type_.has(tensor)) throw std::invalid_argument(std::string(name) + ": expected a tensor of PyTorch's");
        View view;
        if (type_.describe()) {
            dlpack::Tensor found{};
            if (type_.describe()(tensor.ptr(), &found)) {
                nb::python_error cause;
                nb::raise_from(cause, PyExc_ValueError, "%s: expected a tensor with memory of the processor's", name);
            }
            view.on_cpu = found.device == dlpack::cpu;
            view.code = found.code;
            view.bits = found.lanes == 1 ? found.bits : 0;
            view.data = static_cast<char*>(found.data) + found.byte_offset;
            view.dimensions = found.dimensions;
            if (found.dimensions <= most_dimensions)
                for (int i = 0; i < found.dimensions; ++i) {
                    view.shape[i] = found.shape[i];
                    view.stride[i] = found.strides[i];
                }
        } else {
            arrays_.push_back(nb::cast<nb::ndarray<>>(tensor.attr("detach")()));
            const nb::ndarray<>& found = arrays_.back();
            view.on_cpu = found.device_type() == nb::device::cpu::value;
            view.code = found.dtype().code;
            view.bits = found.dtype().lanes == 1 ? found.dtype().bits : 0;
            view.data = found.data();
            view.dimensions = int(found.ndim());
            if (view.dimensions <= most_dimensions)
                for (int i = 0; i < view.dimensions; ++i) {
                    view.shape[i] = int64_t(found.shape(size_t(i)));
                    view.stride[i] = found.stride(size_t(i));
                }
        }
        if (view.dimensions > most_dimensions)
            throw std::invalid_argument(std::string(name) + ": expected at most 3 axes, got " +
                                        std::to_string(view.dimensions));
        if (!view.on_cpu || (!view.data && view.elements()))
            throw std::invalid_argument(std::string(name) + ": expected a tensor with memory of the processor's");
        return view;
    }

    const TensorClass& type_;
    std::deque<nb::object> kept_;
    std::vector<nb::ndarray<>> arrays_;
};

}  // namespace elman
