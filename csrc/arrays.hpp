// Checks of arrays that come from Python.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <cstring>
#include <stdexcept>
#include <string>

#include "layer.hpp"
#include "memory.hpp"

namespace elman {

namespace nb = nanobind;

template <class T, int Dimensions>
using Array = nb::ndarray<T, nb::ndim<Dimensions>, nb::device::cpu>;

inline std::string shape_text(const int64_t* shape, size_t dimensions) {
    std::string text = "(";
    for (size_t i = 0; i < dimensions; ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
    return text + ")";
}

template <class T, int Dimensions>
void expect_shape(const char* name, const Array<T, Dimensions>& array,
                  const int64_t (&expected)[Dimensions]) {
    int64_t shape[Dimensions];
    bool fits = true;
    for (int i = 0; i < Dimensions; ++i) {
        shape[i] = int64_t(array.shape(i));
        fits = fits && shape[i] == expected[i];
    }
    if (!fits)
        throw std::invalid_argument(std::string(name) + ": expected shape " +
                                    shape_text(expected, Dimensions) + ", got " +
                                    shape_text(shape, Dimensions));
}

// The pointer to an array whose last axis is contiguous, or null for None.
template <class T, int Dimensions>
T* rows_of(const char* name, const Array<T, Dimensions>& array,
           const int64_t (&expected)[Dimensions]) {
    if (!array.is_valid()) return nullptr;
    expect_shape(name, array, expected);
    if (array.size() > 0 && array.shape(Dimensions - 1) > 1 && array.stride(Dimensions - 1) != 1)
        throw std::invalid_argument(std::string(name) + ": the last axis must be contiguous");
    return array.data();
}

// The same with the strides of its steps and rows.
template <class T>
Array3<T> strided(const char* name, const Array<T, 3>& array, const int64_t (&expected)[3]) {
    T* const base = rows_of(name, array, expected);
    if (!array.is_valid()) return {};
    return {base, array.stride(0), array.stride(1)};
}

// The pointer to an array without gaps, or null for None.
template <class T, int Dimensions>
T* contiguous(const char* name, const Array<T, Dimensions>& array,
              const int64_t (&expected)[Dimensions]) {
    if (!array.is_valid()) return nullptr;
    expect_shape(name, array, expected);
    int64_t stride = 1;
    for (int i = Dimensions - 1; i >= 0; --i) {
        if (array.size() > 0 && array.shape(i) > 1 && array.stride(i) != stride)
            throw std::invalid_argument(std::string(name) + ": the array must be C-contiguous");
        stride *= int64_t(array.shape(i));
    }
    return array.data();
}

}  // namespace elman
