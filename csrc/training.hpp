// What training needs beside the layers, as plain pointers: losses, activations, updates. Nothing
// here depends on the instruction set.
#pragma once

#include <cstdint>

namespace elman {

enum class LossKind { squared, absolute, huber, pinball, cross_entropy, binary_cross_entropy, count };
enum class ActivationKind { tanh, relu, sigmoid, softmax, count };

constexpr const char* loss_names[] = {"squared", "absolute", "huber",
                                      "pinball", "cross_entropy", "binary_cross_entropy"};
constexpr const char* activation_names[] = {"tanh", "relu", "sigmoid", "softmax"};

// The weighted mean loss over live positions. Arrays are [steps, batch, channels] without gaps.
template <class T>
struct LossCall {
    LossKind kind = LossKind::squared;
    int64_t steps = 0, batch = 0;
    int64_t channels = 0;                 // of the output
    int64_t target_channels = 0;
    int64_t weight_channels = 0;          // 1, or target_channels
    const T* output = nullptr;
    const T* target = nullptr;
    const int64_t* labels = nullptr;      // the targets of cross entropy
    const T* weight = nullptr;            // null: all 1
    const int64_t* live = nullptr;        // null: all rows live at all steps
    const double* constants = nullptr;    // quantiles, or delta
    int64_t constant_count = 0;
    T* gradient = nullptr;                // null: not wanted
};

struct LossValue {
    double mean = 0.0, weight = 0.0;
};

template <class T>
struct SgdCall {
    int64_t count = 0, step = 0;
    T *parameters = nullptr, *velocity = nullptr;
    const T* gradient = nullptr;
    double rate = 0, momentum = 0, weight_decay = 0;
    bool nesterov = false;
};

template <class T>
struct RmspropCall {
    int64_t count = 0;
    T *parameters = nullptr, *square = nullptr, *velocity = nullptr;
    const T* gradient = nullptr;
    double rate = 0, alpha = 0, epsilon = 0, momentum = 0, weight_decay = 0;
};

template <class T>
struct AdamCall {
    int64_t count = 0, step = 0;
    T *parameters = nullptr, *mean = nullptr, *square = nullptr;
    const T* gradient = nullptr;
    double rate = 0, beta1 = 0, beta2 = 0, epsilon = 0, weight_decay = 0;
    bool decoupled = false;
};

template <class T>
struct TrainingFunctions {
    LossValue (*loss)(const LossCall<T>&);
    void (*activate)(ActivationKind, T* y, int64_t rows, int64_t columns);
    // d_y, the gradient of y = phi(a), becomes that of a
    void (*activation_adjoint)(ActivationKind, const T* y, T* d_y, int64_t rows, int64_t columns);
    double (*clip_gradient)(T* gradient, int64_t count, double clip_norm, double clip_value);
    void (*sgd)(const SgdCall<T>&);
    void (*rmsprop)(const RmspropCall<T>&);
    void (*adam)(const AdamCall<T>&);
};

}  // namespace elman
