// Losses: the weighted mean over live positions and its gradient in one pass over the output. The
// same in NumPy, for reading: src/elman/backends/reference_losses.py.
#pragma once

#include <cmath>
#include <vector>

#include "activations.hpp"

namespace elman::ELMAN_ISA {

constexpr int64_t loss_chunk = 256;  // elements summed in T before the sum goes on in double

template <class T>
struct Term {
    Vector<T> value, slope;  // of one loss in one output
};

template <class T>
struct Squared {
    explicit Squared(const LossCall<T>&) {}
    ELMAN_INLINE Term<T> operator()(Vector<T> y, Vector<T> t, int64_t, int64_t) const {
        const Vector<T> error = y - t;
        return {error * error, T(2) * error};
    }
};

template <class T>
struct Absolute {
    explicit Absolute(const LossCall<T>&) {}
    ELMAN_INLINE Term<T> operator()(Vector<T> y, Vector<T> t, int64_t, int64_t) const {
        const Vector<T> error = y - t, one = broadcast(T(1)), zero{};
        const Vector<T> sign = error > T(0) ? one : error < T(0) ? -one : zero;
        return {error < T(0) ? -error : error, sign};
    }
};

template <class T>
struct Huber {
    T delta;
    explicit Huber(const LossCall<T>& call) : delta(T(call.constants[0])) {}
    ELMAN_INLINE Term<T> operator()(Vector<T> y, Vector<T> t, int64_t, int64_t) const {
        const Vector<T> error = y - t, size = error < T(0) ? -error : error;
        const Vector<T> limit = broadcast(delta);
        const Vector<T> inside = T(0.5) * error * error, outside = delta * (size - T(0.5) * delta);
        const Vector<T> bounded = error > delta ? limit : error < -delta ? -limit : error;
        return {size <= delta ? inside : outside, bounded};
    }
};

// log(1 + x) for 0 <= x <= 1: twice artanh(s) = s + s^3/3 + s^5/5 + ..., s = x / (2 + x) <= 1/3.
template <class T>
ELMAN_INLINE Vector<T> log1p_of_fraction(Vector<T> x) {
    constexpr int terms = sizeof(T) == 4 ? 7 : 16;
    const Vector<T> s = x / (x + T(2)), square = s * s;
    Vector<T> sum = broadcast(T(1) / T(2 * terms + 1));
    for (int k = terms - 1; k >= 0; --k) sum = sum * square + T(1) / T(2 * k + 1);
    return T(2) * s * sum;
}

template <class T>
struct BinaryCrossEntropy {
    explicit BinaryCrossEntropy(const LossCall<T>&) {}
    // log(1 + exp(y)) - t y = max(y, 0) - t y + log(1 + exp(-|y|))
    ELMAN_INLINE Term<T> operator()(Vector<T> y, Vector<T> t, int64_t, int64_t) const {
        const Vector<T> size = y < T(0) ? -y : y;
        const Exponential<T> e = exponential<T>(-size);
        const Vector<T> power = e.scale * e.fraction + e.scale;
        Vector<T> value = (y > T(0) ? y : Vector<T>{}) - t * y;
        return {value + log1p_of_fraction<T>(power), probability<T>(y) - t};
    }
};

template <class T>
struct Pinball {
    const T* tilt;  // 2 q - 1 for each channel of the output
    T half;         // 1/2, shared among the quantiles
    // max(q e, (q - 1) e) = (|e| + (2 q - 1) e) / 2 with e = t - y
    ELMAN_INLINE Term<T> operator()(Vector<T> y, Vector<T> t, int64_t i, int64_t left) const {
        const Vector<T> error = t - y, one = broadcast(T(1)), zero{}, lean = load_up_to(tilt + i, left);
        const Vector<T> size = error < T(0) ? -error : error;
        const Vector<T> slope = error > T(0) ? -one - lean : error < T(0) ? one - lean : zero;
        return {half * (size + lean * error), half * slope};
    }
};

// Elements whose weights stand side by side with them, or all weigh the same.
template <class T, class Rule>
double elements_loss(const Rule& rule, const T* y, const T* t, const T* weights, T weight, T scale,
                     T* gradient, int64_t count) {
    constexpr int V = lanes<T>;
    double sum = 0.0;
    for (int64_t begin = 0; begin < count; begin += loss_chunk) {
        const int64_t end = begin + loss_chunk < count ? begin + loss_chunk : count;
        Vector<T> partial{};
        for (int64_t i = begin; i < end; i += V) {
            const int64_t left = end - i;
            Vector<T> w = weights ? load_up_to(weights + i, left) : broadcast(weight);
            for (int64_t lane = left; lane < V; ++lane) w[lane] = 0;
            const Term<T> term = rule(load_up_to(y + i, left), load_up_to(t + i, left), i, left);
            // what has no weight may be NaN
            partial += w > T(0) ? term.value * w : Vector<T>{};
            if (!gradient) continue;
            const Vector<T> slope = w > T(0) ? term.slope * (w * scale) : Vector<T>{};
            store_up_to<T>(gradient + i, slope, left);
        }
        for (int lane = 0; lane < V; ++lane) sum += double(partial[lane]);
    }
    return sum;
}

// Positions [first, first + count) of a loss that treats every channel alone.
template <class T, class Rule>
double positions_loss(const Rule& rule, const LossCall<T>& c, double total, int64_t first,
                      int64_t count) {
    const int64_t K = c.channels, offset = first * K;
    const T* const y = c.output + offset;
    const T* const t = c.target + offset;
    T* const d = c.gradient ? c.gradient + offset : nullptr;
    const T scale = T(1.0 / total);
    if (!c.weight)
        return elements_loss<T>(rule, y, t, (const T*)nullptr, T(1), scale, d, count * K);
    if (c.weight_channels == K)
        return elements_loss<T>(rule, y, t, c.weight + offset, T(0), scale, d, count * K);
    double sum = 0.0;
    for (int64_t p = 0; p < count; ++p)
        sum += elements_loss<T>(rule, y + p * K, t + p * K, (const T*)nullptr, c.weight[first + p],
                                scale, d ? d + p * K : nullptr, K);
    return sum;
}

// The quantiles of a channel stand side by side, so targets are repeated to stand beside them.
template <class T>
double pinball_positions(const LossCall<T>& c, double total, int64_t first, int64_t count) {
    const int64_t K = c.channels, C = c.target_channels, Q = c.constant_count, W = c.weight_channels;
    const bool own_weights = c.weight && W > 1;
    std::vector<T> tilt(K), target(K), weights(own_weights ? K : 0);
    for (int64_t i = 0; i < K; ++i) tilt[i] = T(2.0 * c.constants[i % Q] - 1.0);
    const Pinball<T> rule{tilt.data(), T(0.5 / double(Q))};
    const T scale = T(1.0 / total);
    double sum = 0.0;
    for (int64_t p = first; p < first + count; ++p) {
        for (int64_t k = 0; k < C; ++k)
            for (int64_t q = 0; q < Q; ++q) {
                target[k * Q + q] = c.target[p * C + k];
                if (own_weights) weights[k * Q + q] = c.weight[p * C + k];
            }
        const T weight = !c.weight ? T(1) : W == 1 ? c.weight[p] : T(0);
        sum += elements_loss<T>(rule, c.output + p * K, target.data(),
                                own_weights ? weights.data() : nullptr, weight, scale,
                                c.gradient ? c.gradient + p * K : nullptr, K);
    }
    return sum;
}

template <class T>
double cross_entropy_positions(const LossCall<T>& c, double total, int64_t first, int64_t count) {
    const int64_t K = c.channels;
    double sum = 0.0;
    for (int64_t p = first; p < first + count; ++p) {
        const T weight = c.weight ? c.weight[p] : T(1);
        const T* const y = c.output + p * K;
        T* const d = c.gradient ? c.gradient + p * K : nullptr;
        if (!(weight > T(0))) {
            for (int64_t k = 0; d && k < K; ++k) d[k] = 0;
            continue;
        }
        const int64_t label = c.labels[p];
        const SoftmaxRow<T> softmax(y, d, K);
        const double value = std::log(double(softmax.total)) + double(softmax.largest) - double(y[label]);
        sum += value * double(weight);
        if (!d) continue;
        const T share = T(double(weight) / total), scale = share / softmax.total;
        for (int64_t k = 0; k < K; ++k) d[k] *= scale;
        d[label] -= share;
    }
    return sum;
}

template <class T>
double loss_sum(const LossCall<T>& c, double total, int64_t first, int64_t count) {
    switch (c.kind) {
        case LossKind::squared:
            return positions_loss(Squared<T>(c), c, total, first, count);
        case LossKind::absolute:
            return positions_loss(Absolute<T>(c), c, total, first, count);
        case LossKind::huber:
            return positions_loss(Huber<T>(c), c, total, first, count);
        case LossKind::binary_cross_entropy:
            return positions_loss(BinaryCrossEntropy<T>(c), c, total, first, count);
        case LossKind::pinball:
            return pinball_positions(c, total, first, count);
        default:
            return cross_entropy_positions(c, total, first, count);
    }
}

template <class T>
double weight_sum(const LossCall<T>& c, int64_t first, int64_t count) {
    if (!c.weight) return double(count) * double(c.target_channels);
    const int64_t W = c.weight_channels;
    double sum = 0.0;
    for (int64_t i = first * W; i < (first + count) * W; ++i) sum += double(c.weight[i]);
    return W == 1 ? sum * double(c.target_channels) : sum;
}

template <class T>
LossValue loss(const LossCall<T>& c) {
    auto rows_at = [&](int64_t t) { return c.live ? c.live[t] : c.batch; };
    // all positions at once where all live
    const int64_t blocks = c.live ? c.steps : 1, block = c.live ? c.batch : c.steps * c.batch;
    LossValue value;
    for (int64_t t = 0; t < blocks; ++t)
        value.weight += weight_sum(c, t * block, c.live ? rows_at(t) : block);
    for (int64_t t = 0; t < blocks; ++t) {
        const int64_t count = value.weight > 0.0 ? (c.live ? rows_at(t) : block) : 0;
        if (count) value.mean += loss_sum(c, value.weight, t * block, count);
        if (c.gradient)
            for (int64_t i = (t * block + count) * c.channels; i < (t + 1) * block * c.channels; ++i)
                c.gradient[i] = 0;
    }
    if (value.weight > 0.0) value.mean /= value.weight;
    return value;
}

}  // namespace elman::ELMAN_ISA
