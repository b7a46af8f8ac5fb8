// Clipping and the optimizers' updates over flat vectors: one pass each, plain loops that the
// compiler turns into vectors. The same in NumPy: src/elman/backends/reference_optimizers.py.
#pragma once

#include <cmath>

#include "simd.hpp"
#include "training.hpp"

namespace elman::ELMAN_ISA {

// Returns the norm before clipping. Sums run in sixteen lanes whatever the instruction set.
template <class T>
double clip_gradient(T* gradient, int64_t count, double clip_norm, double clip_value) {
    constexpr int lanes_of_sum = 16;
    double sums[lanes_of_sum] = {};
    int64_t i = 0;
    for (; i + lanes_of_sum <= count; i += lanes_of_sum)
        for (int lane = 0; lane < lanes_of_sum; ++lane)
            sums[lane] += double(gradient[i + lane]) * double(gradient[i + lane]);
    for (; i < count; ++i) sums[0] += double(gradient[i]) * double(gradient[i]);
    double square = 0.0;
    for (double sum : sums) square += sum;
    const double norm = std::sqrt(square);
    if (clip_norm > 0.0 && norm > clip_norm) {
        const T scale = T(clip_norm / norm);
        for (i = 0; i < count; ++i) gradient[i] *= scale;
    }
    if (clip_value > 0.0) {
        const T high = T(clip_value), low = -high;
        for (i = 0; i < count; ++i) {
            const T g = gradient[i];
            gradient[i] = g > high ? high : g < low ? low : g;
        }
    }
    return norm;
}

template <class T>
void sgd(const SgdCall<T>& c) {
    const T rate = T(c.rate), momentum = T(c.momentum), decay = T(c.weight_decay);
    T *__restrict p = c.parameters, *__restrict v = c.velocity;
    const T* __restrict g = c.gradient;
    if (momentum == T(0)) {
        for (int64_t i = 0; i < c.count; ++i) p[i] -= rate * (g[i] + decay * p[i]);
        return;
    }
    const T kept = c.step > 1 ? momentum : T(0);
    for (int64_t i = 0; i < c.count; ++i) {
        const T slope = g[i] + decay * p[i];
        v[i] = kept * v[i] + slope;
        p[i] -= rate * (c.nesterov ? slope + momentum * v[i] : v[i]);
    }
}

template <class T>
void rmsprop(const RmspropCall<T>& c) {
    const T rate = T(c.rate), alpha = T(c.alpha), rest = T(1.0 - c.alpha), epsilon = T(c.epsilon);
    const T momentum = T(c.momentum), decay = T(c.weight_decay);
    T *__restrict p = c.parameters, *__restrict s = c.square, *__restrict v = c.velocity;
    const T* __restrict g = c.gradient;
    for (int64_t i = 0; i < c.count; ++i) {
        const T slope = g[i] + decay * p[i];
        s[i] = alpha * s[i] + rest * (slope * slope);
        v[i] = momentum * v[i] + slope / (std::sqrt(s[i]) + epsilon);
        p[i] -= rate * v[i];
    }
}

template <class T>
void adam(const AdamCall<T>& c) {
    const T rest1 = T(1.0 - c.beta1), beta2 = T(c.beta2), rest2 = T(1.0 - c.beta2);
    const T epsilon = T(c.epsilon);
    const T step = T(c.rate / (1.0 - std::pow(c.beta1, double(c.step))));
    const T correction = T(1.0 / std::sqrt(1.0 - std::pow(c.beta2, double(c.step))));
    const T decay = T(c.decoupled ? 0.0 : c.weight_decay);
    const T shrink = T(c.decoupled ? 1.0 - c.rate * c.weight_decay : 1.0);
    T *__restrict p = c.parameters, *__restrict m = c.mean, *__restrict s = c.square;
    const T* __restrict g = c.gradient;
    for (int64_t i = 0; i < c.count; ++i) {
        const T slope = g[i] + decay * p[i];
        m[i] += rest1 * (slope - m[i]);
        s[i] = beta2 * s[i] + rest2 * (slope * slope);
        p[i] = shrink * p[i] - step * m[i] / (std::sqrt(s[i]) * correction + epsilon);
    }
}

}  // namespace elman::ELMAN_ISA
