// The table of functions that each build for an instruction set offers.
#pragma once

#include "layer.hpp"
#include "training.hpp"

namespace elman {

// y[rows, outputs] = x[rows, inputs] weight[outputs, inputs]^T + bias[outputs]
template <class T>
struct Dense {
    int64_t rows = 0, inputs = 0, outputs = 0;
    const T* x = nullptr;
    ptrdiff_t x_row = 0;
    const T *weight = nullptr, *bias = nullptr;  // bias may be null
    T* y = nullptr;
    ptrdiff_t y_row = 0;
    const T* d_y = nullptr;
    ptrdiff_t d_y_row = 0;
    T* d_x = nullptr;  // null: not wanted
    ptrdiff_t d_x_row = 0;
    T *d_weight = nullptr, *d_bias = nullptr;  // added into
    T* scratch = nullptr;
    int threads = 1;
};

template <class T>
struct DenseFunctions {
    int64_t (*scratch)(const Dense<T>&);
    void (*forward)(const Dense<T>&);
    void (*backward)(const Dense<T>&);
};

struct Kernels {
    const char* isa;
    int vector_bytes;
    const CellKernels* (*cell)(int index);  // null beyond the last
    DenseFunctions<float> dense_single;
    DenseFunctions<double> dense_double;
    TrainingFunctions<float> training_single;
    TrainingFunctions<double> training_double;
};

}  // namespace elman
