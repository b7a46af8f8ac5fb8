// From Python's arrays to the functions of training.hpp, and the gathering of batches.
#pragma once

#include <vector>

#include "arrays.hpp"
#include "isa.hpp"
#include "training.hpp"

namespace elman {

template <class T>
using Flat = nb::ndarray<T, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
template <class T>
using Packed = nb::ndarray<T, nb::c_contig, nb::device::cpu>;  // any number of axes, no gaps

template <class T>
const TrainingFunctions<T>& training_functions();
template <>
inline const TrainingFunctions<float>& training_functions<float>() {
    return kernels().training_single;
}
template <>
inline const TrainingFunctions<double>& training_functions<double>() {
    return kernels().training_double;
}

template <class A>
std::string shape_of(const A& array) {
    std::vector<int64_t> shape;
    for (size_t i = 0; i < array.ndim(); ++i) shape.push_back(int64_t(array.shape(i)));
    return shape_text(shape.data(), shape.size());
}

// Whether `array` has the axes of `model`, but for the last.
template <class A, class B>
void expect_positions(const char* name, const A& array, const B& model) {
    bool fits = array.ndim() == model.ndim() && array.ndim() > 0;
    for (size_t i = 0; fits && i + 1 < array.ndim(); ++i) fits = array.shape(i) == model.shape(i);
    if (!fits)
        throw std::invalid_argument(std::string(name) + ": expected the positions of shape " +
                                    shape_of(model) + ", got " + shape_of(array));
}

template <class A>
int64_t last_axis(const A& array) {
    return int64_t(array.shape(array.ndim() - 1));
}

inline const int64_t* live_rows(const Array<const int64_t, 1>& live, int64_t steps, int64_t batch) {
    const int64_t* counts = contiguous("live", live, {steps});
    for (int64_t t = 0; counts && t < steps; ++t)
        if (counts[t] < 0 || counts[t] > batch)
            throw std::invalid_argument("live: expected counts from 0 to the batch size");
    return counts;
}

// --- losses ----------------------------------------------------------------------------------------

template <class T>
void set_weight_and_gradient(LossCall<T>& call, const Packed<const T>& output,
                             const Packed<const T>& weight, const Packed<T>& gradient) {
    if (weight.is_valid()) {
        expect_positions("weight", weight, output);
        call.weight = weight.data();
        call.weight_channels = last_axis(weight);
        if (call.weight_channels != 1 && call.weight_channels != call.target_channels)
            throw std::invalid_argument("weight: expected one channel, or those of the target");
    }
    if (gradient.is_valid()) {
        expect_positions("gradient", gradient, output);
        if (last_axis(gradient) != call.channels)
            throw std::invalid_argument("gradient: expected the shape of the output");
        call.gradient = gradient.data();
    }
}

template <class T>
void check_labels(const LossCall<T>& call) {
    for (int64_t t = 0; t < call.steps; ++t)
        for (int64_t b = 0; b < (call.live ? call.live[t] : call.batch); ++b) {
            const int64_t position = t * call.batch + b, label = call.labels[position];
            const bool counts = !call.weight || call.weight[position] > T(0);
            if (counts && (label < 0 || label >= call.channels))
                throw std::invalid_argument("target: expected classes below the number of outputs");
        }
}

// Target is an array of T, or of int64 for cross entropy.
template <class T, class Target>
LossValue mean_loss(int kind, Packed<const T> output, Packed<const Target> target,
                    Packed<const T> weight, Array<const int64_t, 1> live,
                    Flat<const double> constants, Packed<T> gradient) {
    constexpr bool labels = std::is_same_v<Target, int64_t>;
    LossCall<T> call;
    if (kind < 0 || kind >= int(LossKind::count)) throw std::invalid_argument("kind: no such loss");
    call.kind = LossKind(kind);
    if (labels != (call.kind == LossKind::cross_entropy))
        throw std::invalid_argument("target: expected int64 for cross entropy, else the output's dtype");
    if (output.ndim() != 2 && output.ndim() != 3)
        throw std::invalid_argument("output: expected 2 or 3 axes, got shape " + shape_of(output));
    expect_positions("target", target, output);
    call.steps = output.ndim() == 3 ? int64_t(output.shape(0)) : 1;
    call.batch = int64_t(output.shape(output.ndim() - 2));
    call.channels = last_axis(output);
    call.target_channels = last_axis(target);
    call.output = output.data();
    call.constants = constants.data();
    call.constant_count = int64_t(constants.size());
    if (call.kind == LossKind::huber && call.constant_count != 1)
        throw std::invalid_argument("constants: expected delta alone");
    const int64_t repeats = call.kind == LossKind::pinball ? call.constant_count : 1;
    if (labels ? call.target_channels != 1 : call.target_channels * repeats != call.channels)
        throw std::invalid_argument("target: shape " + shape_of(target) + " does not fit the output's, " +
                                    shape_of(output));
    if constexpr (labels)
        call.labels = target.data();
    else
        call.target = target.data();
    set_weight_and_gradient(call, output, weight, gradient);
    call.live = live_rows(live, call.steps, call.batch);
    if constexpr (labels) check_labels(call);
    nb::gil_scoped_release release;
    return training_functions<T>().loss(call);
}

// --- activations -----------------------------------------------------------------------------------

inline ActivationKind activation_of(int kind) {
    if (kind < 0 || kind >= int(ActivationKind::count))
        throw std::invalid_argument("kind: no such activation");
    return ActivationKind(kind);
}

template <class T>
void activate(int kind, Packed<T> y) {
    const int64_t columns = last_axis(y), rows = columns ? int64_t(y.size()) / columns : 0;
    training_functions<T>().activate(activation_of(kind), y.data(), rows, columns);
}

template <class T>
void activation_adjoint(int kind, Packed<const T> y, Packed<T> d_y) {
    expect_positions("d_y", d_y, y);
    const int64_t columns = last_axis(y), rows = columns ? int64_t(y.size()) / columns : 0;
    if (last_axis(d_y) != columns) throw std::invalid_argument("d_y: expected the shape of y");
    training_functions<T>().activation_adjoint(activation_of(kind), y.data(), d_y.data(), rows, columns);
}

// --- updates ---------------------------------------------------------------------------------------

template <class A, class B>
auto* same_size(const char* name, const A& array, const B& model) {
    if (array.size() != model.size())
        throw std::invalid_argument(std::string(name) + ": expected as many elements as parameters");
    return array.data();
}

template <class T>
double clip_gradient(Flat<T> gradient, double clip_norm, double clip_value) {
    return training_functions<T>().clip_gradient(gradient.data(), int64_t(gradient.size()), clip_norm,
                                                 clip_value);
}

template <class T>
void sgd(Flat<T> parameters, Flat<const T> gradient, Flat<T> velocity, int64_t step, double rate,
         double momentum, bool nesterov, double weight_decay) {
    SgdCall<T> call;
    call.count = int64_t(parameters.size());
    call.step = step;
    call.parameters = parameters.data();
    call.gradient = same_size("gradient", gradient, parameters);
    call.velocity = same_size("velocity", velocity, parameters);
    call.rate = rate;
    call.momentum = momentum;
    call.nesterov = nesterov;
    call.weight_decay = weight_decay;
    training_functions<T>().sgd(call);
}

template <class T>
void rmsprop(Flat<T> parameters, Flat<const T> gradient, Flat<T> square, Flat<T> velocity, double rate,
             double alpha, double epsilon, double momentum, double weight_decay) {
    RmspropCall<T> call;
    call.count = int64_t(parameters.size());
    call.parameters = parameters.data();
    call.gradient = same_size("gradient", gradient, parameters);
    call.square = same_size("square", square, parameters);
    call.velocity = same_size("velocity", velocity, parameters);
    call.rate = rate;
    call.alpha = alpha;
    call.epsilon = epsilon;
    call.momentum = momentum;
    call.weight_decay = weight_decay;
    training_functions<T>().rmsprop(call);
}

template <class T>
void adam(Flat<T> parameters, Flat<const T> gradient, Flat<T> mean, Flat<T> square, int64_t step,
          double rate, double beta1, double beta2, double epsilon, double weight_decay, bool decoupled) {
    AdamCall<T> call;
    call.count = int64_t(parameters.size());
    call.step = step;
    call.parameters = parameters.data();
    call.gradient = same_size("gradient", gradient, parameters);
    call.mean = same_size("mean", mean, parameters);
    call.square = same_size("square", square, parameters);
    call.rate = rate;
    call.beta1 = beta1;
    call.beta2 = beta2;
    call.epsilon = epsilon;
    call.weight_decay = weight_decay;
    call.decoupled = decoupled;
    training_functions<T>().adam(call);
}

// --- batches ---------------------------------------------------------------------------------------

// out[t, b] = values[starts[rows[b]] + t], zero from lengths[rows[b]] on.
template <class T>
void gather(Array<const T, 2> values, Flat<const int64_t> starts, Flat<const int64_t> lengths,
            Flat<const int64_t> rows, Array<T, 3> out) {
    const int64_t steps = int64_t(out.shape(0)), batch = int64_t(out.shape(1));
    const int64_t channels = int64_t(out.shape(2)), length = int64_t(values.shape(0));
    const int64_t number = int64_t(starts.size());
    const T* const from = contiguous("values", values, {length, channels});
    T* const to = contiguous("out", out, {steps, batch, channels});
    if (int64_t(rows.size()) != batch) throw std::invalid_argument("rows: expected as many as out has");
    if (lengths.is_valid() && int64_t(lengths.size()) != number)
        throw std::invalid_argument("lengths: expected as many as starts");
    for (int64_t b = 0; b < batch; ++b) {
        const int64_t row = rows.data()[b];
        if (row < 0 || row >= number) throw std::out_of_range("rows: a row does not exist");
        int64_t count = lengths.is_valid() ? lengths.data()[row] : steps;
        count = count < steps ? count : steps;
        const int64_t start = starts.data()[row];
        if (count < 0 || start < 0 || start + count > length)
            throw std::out_of_range("starts: a row reaches beyond the values");
        const T* source = from + start * channels;
        T* target = to + b * channels;
        const int64_t stride = batch * channels;
        if (channels == 1)
            for (int64_t t = 0; t < count; ++t) target[t * stride] = source[t];
        else
            for (int64_t t = 0; t < count; ++t)
                std::memcpy(target + t * stride, source + t * channels, size_t(channels) * sizeof(T));
        for (int64_t t = count; t < steps; ++t)
            for (int64_t c = 0; c < channels; ++c) target[t * stride + c] = 0;
    }
}

// Sorts rows by length, longest first and else in their order, and counts who lives when:
// live[t] rows of the batch are longer than t, for each t below the longest. Returns the longest.
inline int64_t arrange(Flat<const int64_t> lengths, Flat<const int64_t> rows, Flat<int64_t> sorted_rows,
                       Flat<int64_t> sorted_lengths, Flat<int64_t> live) {
    const int64_t number = int64_t(lengths.size()), batch = int64_t(rows.size());
    const int64_t most = int64_t(live.size());
    if (int64_t(sorted_rows.size()) != batch || int64_t(sorted_lengths.size()) != batch)
        throw std::invalid_argument("sorted_rows, sorted_lengths: expected as many as rows");
    int64_t steps = 0;
    for (int64_t b = 0; b < batch; ++b) {
        const int64_t row = rows.data()[b];
        if (row < 0 || row >= number) throw std::out_of_range("rows: a row does not exist");
        const int64_t length = lengths.data()[row];
        if (length < 0 || length > most)
            throw std::invalid_argument("live: expected as many elements as the longest row has steps");
        steps = length > steps ? length : steps;
    }
    int64_t* const counts = live.data();
    for (int64_t t = 0; t < steps; ++t) counts[t] = 0;
    for (int64_t b = 0; b < batch; ++b) {
        const int64_t length = lengths.data()[rows.data()[b]];
        if (length) ++counts[length - 1];
    }
    for (int64_t t = steps - 2; t >= 0; --t) counts[t] += counts[t + 1];
    // A row of length n comes after the live[n] rows that are longer; stable, so from the last on.
    thread_local std::vector<int64_t> next;
    next.resize(size_t(steps) + 1);
    for (int64_t n = 0; n <= steps; ++n) next[n] = n ? counts[n - 1] : batch;
    for (int64_t b = batch - 1; b >= 0; --b) {
        const int64_t row = rows.data()[b], length = lengths.data()[row], place = --next[length];
        sorted_rows.data()[place] = row;
        sorted_lengths.data()[place] = length;
    }
    return steps;
}

// The index of the first element that is NaN or infinite, or -1.
template <class T>
int64_t first_not_finite(Packed<const T> values) {
    const T* const at = values.data();
    const int64_t count = int64_t(values.size());
    constexpr int64_t chunk = 4096;
    for (int64_t begin = 0; begin < count; begin += chunk) {
        const int64_t end = begin + chunk < count ? begin + chunk : count;
        int64_t bad = 0;  // x - x is 0 for finite x, else NaN
        for (int64_t i = begin; i < end; ++i) bad |= int64_t(!(at[i] - at[i] == T(0)));
        for (int64_t i = begin; bad && i < end; ++i)
            if (!(at[i] - at[i] == T(0))) return i;
    }
    return -1;
}

// Writes zeros at the dead positions of y [steps, batch, channels].
template <class T>
void zero_dead(Array<T, 3> y, Array<const int64_t, 1> live) {
    const int64_t steps = int64_t(y.shape(0)), batch = int64_t(y.shape(1));
    const int64_t channels = int64_t(y.shape(2));
    T* const to = contiguous("y", y, {steps, batch, channels});
    const int64_t* const rows = live_rows(live, steps, batch);
    for (int64_t t = 0; t < steps; ++t)
        for (int64_t i = (t * batch + rows[t]) * channels; i < (t + 1) * batch * channels; ++i) to[i] = 0;
}

template <class T>
void fill_zero(Packed<T> array) {
    std::memset(array.data(), 0, array.size() * sizeof(T));
}

// sum += addend
template <class T>
void add(Packed<T> sum, Packed<const T> addend) {
    if (sum.size() != addend.size())
        throw std::invalid_argument("addend: expected as many elements as the sum");
    T* const to = sum.data();
    const T* const from = addend.data();
    for (size_t i = 0; i < sum.size(); ++i) to[i] += from[i];
}

// The gradient d_x [steps, batch, channels] of the last step's values, given theirs.
template <class T>
void last_adjoint(Array<const T, 2> d_last, Array<T, 3> d_x) {
    const int64_t steps = int64_t(d_x.shape(0)), batch = int64_t(d_x.shape(1));
    const int64_t channels = int64_t(d_x.shape(2)), size = batch * channels;
    T* const to = contiguous("d_x", d_x, {steps, batch, channels});
    const T* const from = contiguous("d_last", d_last, {batch, channels});
    if (!steps) return;
    std::memset(to, 0, size_t((steps - 1) * size) * sizeof(T));
    std::memcpy(to + (steps - 1) * size, from, size_t(size) * sizeof(T));
}

// y[p] = weight[tokens[p]]
template <class T>
void embed(Array<const T, 2> weight, Flat<const int64_t> tokens, Array<T, 2> y) {
    const int64_t number = int64_t(weight.shape(0)), size = int64_t(weight.shape(1));
    const int64_t count = int64_t(tokens.size());
    const T* const from = contiguous("weight", weight, {number, size});
    T* const to = contiguous("y", y, {count, size});
    for (int64_t p = 0; p < count; ++p) {
        const int64_t token = tokens.data()[p];
        if (token < 0 || token >= number) throw std::out_of_range("tokens: a token does not exist");
        std::memcpy(to + p * size, from + token * size, size_t(size) * sizeof(T));
    }
}

// d_weight[tokens[p]] += d_y[p], in the order of p
template <class T>
void embed_adjoint(Array<T, 2> d_weight, Flat<const int64_t> tokens, Array<const T, 2> d_y) {
    const int64_t number = int64_t(d_weight.shape(0)), size = int64_t(d_weight.shape(1));
    const int64_t count = int64_t(tokens.size());
    T* const to = contiguous("d_weight", d_weight, {number, size});
    const T* const from = contiguous("d_y", d_y, {count, size});
    for (int64_t p = 0; p < count; ++p) {
        const int64_t token = tokens.data()[p];
        if (token < 0 || token >= number) throw std::out_of_range("tokens: a token does not exist");
        for (int64_t k = 0; k < size; ++k) to[token * size + k] += from[p * size + k];
    }
}

}  // namespace elman
