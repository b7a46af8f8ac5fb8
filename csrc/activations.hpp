// The activations of a dense layer and their adjoints, in place. An element's bits (a row's, for
// softmax) depend on nothing but itself.
#pragma once

#include "elementary.hpp"
#include "training.hpp"

namespace elman::ELMAN_ISA {

template <class T, class Function>
ELMAN_INLINE void for_vectors(int64_t count, Function&& function) {
    constexpr int V = lanes<T>;
    for (int64_t i = 0; i < count; i += V) function(i, count - i);
}

template <class T>
ELMAN_INLINE T sum_of_lanes(Vector<T> value) {
    T sum = 0;
    for (int i = 0; i < lanes<T>; ++i) sum += value[i];
    return sum;
}

// 1 / (1 + exp(-x)) to a few ulp however small it is: unlike a gate's, a probability near 0 matters.
template <class T>
ELMAN_INLINE Vector<T> probability(Vector<T> x) {
    const Exponential<T> e = exponential<T>(-x);
    return T(1) / (e.scale * e.fraction + e.scale + T(1));
}

// exp(x - largest) of a row and the sum of these; `to` may be null, or x itself.
template <class T>
struct SoftmaxRow {
    T largest = 0, total = 0;

    SoftmaxRow(const T* x, T* to, int64_t columns) {
        constexpr int V = lanes<T>;
        Vector<T> greatest = broadcast(x[0]);
        int64_t k = 0;
        for (; k + V <= columns; k += V) {
            const Vector<T> value = load(x + k);
            greatest = value > greatest ? value : greatest;
        }
        largest = x[0];
        for (int lane = 0; lane < V; ++lane) largest = greatest[lane] > largest ? greatest[lane] : largest;
        for (; k < columns; ++k) largest = x[k] > largest ? x[k] : largest;
        Vector<T> sum{};
        const T shift = largest;
        for_vectors<T>(columns, [&](int64_t k, int64_t left) {
            const Exponential<T> e = exponential<T>(load_up_to(x + k, left) - shift);
            Vector<T> value = e.scale * e.fraction + e.scale;
            if (to) store_up_to(to + k, value, left);
            for (int64_t lane = left; lane < lanes<T>; ++lane) value[lane] = 0;  // past the row
            sum += value;
        });
        total = sum_of_lanes<T>(sum);
    }
};

template <class T>
void activate(ActivationKind kind, T* y, int64_t rows, int64_t columns) {
    const int64_t count = rows * columns;
    switch (kind) {
        case ActivationKind::tanh:
            for_vectors<T>(count, [&](int64_t i, int64_t left) {
                store_up_to(y + i, hyperbolic_tangent<T>(load_up_to(y + i, left)), left);
            });
            break;
        case ActivationKind::relu:
            for_vectors<T>(count, [&](int64_t i, int64_t left) {
                const Vector<T> a = load_up_to(y + i, left);
                store_up_to<T>(y + i, a < T(0) ? Vector<T>{} : a, left);  // NaN stays NaN
            });
            break;
        case ActivationKind::sigmoid:
            for_vectors<T>(count, [&](int64_t i, int64_t left) {
                store_up_to(y + i, probability<T>(load_up_to(y + i, left)), left);
            });
            break;
        default:
            for (T* row = y; row < y + count; row += columns) {
                const SoftmaxRow<T> softmax(row, row, columns);
                const T scale = T(1) / softmax.total;
                for (int64_t k = 0; k < columns; ++k) row[k] *= scale;
            }
    }
}

template <class T>
void activation_adjoint(ActivationKind kind, const T* y, T* d_y, int64_t rows, int64_t columns) {
    const int64_t count = rows * columns;
    switch (kind) {
        case ActivationKind::tanh:
            for (int64_t i = 0; i < count; ++i) d_y[i] *= T(1) - y[i] * y[i];
            break;
        case ActivationKind::relu:
            for (int64_t i = 0; i < count; ++i) d_y[i] = y[i] > T(0) ? d_y[i] : T(0);
            break;
        case ActivationKind::sigmoid:
            for (int64_t i = 0; i < count; ++i) d_y[i] *= y[i] * (T(1) - y[i]);
            break;
        default:
            // a_k reaches every y_j: d_a_k = y_k (d_y_k - sum_j d_y_j y_j)
            for (int64_t row = 0; row < count; row += columns) {
                T sum = 0;
                for (int64_t k = row; k < row + columns; ++k) sum += d_y[k] * y[k];
                for (int64_t k = row; k < row + columns; ++k) d_y[k] = y[k] * (d_y[k] - sum);
            }
    }
}

}  // namespace elman::ELMAN_ISA
