// A linear-chain conditional random field: the likelihood of given labels and its gradients, by the
// forward-backward recursions in the logarithm. The same in NumPy, for reading and as the oracle:
// src/elman/layers/crf.py.
#pragma once

#include <cmath>
#include <cstdint>
#include <vector>

namespace elman {

// Potentials of K labels, and what the recursions make of them once a batch:
//     log sum_i exp(a[i] + M[i, j]) = max a + top[j] + log sum_i exp(a[i] - max a) F[i, j]
// with F[i, j] = exp(M[i, j] - top[j]) and top[j] the largest of column j.
struct Chain {
    int64_t labels;
    const double *transitions, *start, *end;        // [from, to], [K], [K]
    std::vector<double> factor, top;                // of the columns: forward
    std::vector<double> back_factor, back_top;      // of the rows, [to, from]: backward

    Chain(int64_t K, const double* transitions_, const double* start_, const double* end_)
        : labels(K), transitions(transitions_), start(start_), end(end_), factor(K * K), top(K),
          back_factor(K * K), back_top(K) {
        for (int64_t i = 0; i < K; ++i) {
            top[i] = transitions[i];
            back_top[i] = transitions[i * K];
            for (int64_t j = 1; j < K; ++j) {
                top[i] = std::fmax(top[i], transitions[j * K + i]);
                back_top[i] = std::fmax(back_top[i], transitions[i * K + j]);
            }
        }
        for (int64_t i = 0; i < K; ++i)
            for (int64_t j = 0; j < K; ++j) {
                factor[i * K + j] = std::exp(transitions[i * K + j] - top[j]);
                back_factor[j * K + i] = std::exp(transitions[i * K + j] - back_top[i]);
            }
    }
};

// Memory of one row, sized once a batch.
struct ChainRow {
    std::vector<double> emissions, alpha, power, peak, beta, next, scaled;

    ChainRow(int64_t steps, int64_t K)
        : emissions(steps * K), alpha(steps * K), power(steps * K), peak(steps), beta(K), next(K),
          scaled(K) {}
};

inline double log_sum_exp(const double* values, int64_t count) {
    double largest = values[0], sum = 0.0;
    for (int64_t i = 1; i < count; ++i) largest = std::fmax(largest, values[i]);
    for (int64_t i = 0; i < count; ++i) sum += std::exp(values[i] - largest);
    return largest + std::log(sum);
}

// power = exp(a - max a); returns max a.
inline double powers(const double* a, double* power, int64_t K) {
    double largest = a[0];
    for (int64_t i = 1; i < K; ++i) largest = std::fmax(largest, a[i]);
    for (int64_t i = 0; i < K; ++i) power[i] = std::exp(a[i] - largest);
    return largest;
}

// sums[j] = sum_i power[i] factor[i, j]
inline void combine(const double* power, const double* factor, double* sums, int64_t K) {
    for (int64_t j = 0; j < K; ++j) sums[j] = 0.0;
    for (int64_t i = 0; i < K; ++i)
        for (int64_t j = 0; j < K; ++j) sums[j] += power[i] * factor[i * K + j];
}

constexpr double faint = 1e-200;  // below it a sum may have lost terms: it is made one by one
constexpr double huge = 600.0;    // above it an exponential may overflow

// alpha of every step of a row; returns log Z.
inline double chain_forward(const Chain& c, ChainRow& row, int64_t length) {
    const int64_t K = c.labels;
    double* alpha = row.alpha.data();
    for (int64_t j = 0; j < K; ++j) alpha[j] = c.start[j] + row.emissions[j];
    for (int64_t t = 1; t < length; ++t, alpha += K) {
        double *after = alpha + K, *power = row.power.data() + (t - 1) * K;
        const double peak = row.peak[t - 1] = powers(alpha, power, K);
        combine(power, c.factor.data(), after, K);
        for (int64_t j = 0; j < K; ++j) {
            if (after[j] < faint) {
                for (int64_t i = 0; i < K; ++i) row.next[i] = alpha[i] + c.transitions[i * K + j];
                after[j] = log_sum_exp(row.next.data(), K);
            } else {
                after[j] = peak + c.top[j] + std::log(after[j]);
            }
            after[j] += row.emissions[t * K + j];
        }
    }
    for (int64_t j = 0; j < K; ++j) row.next[j] = alpha[j] + c.end[j];
    return log_sum_exp(row.next.data(), K);
}

// beta of the step before t into row.beta, from g = e_t + beta_t in row.next.
inline void chain_backward(const Chain& c, ChainRow& row) {
    const int64_t K = c.labels;
    const double* g = row.next.data();
    const double peak = powers(g, row.scaled.data(), K);
    combine(row.scaled.data(), c.back_factor.data(), row.beta.data(), K);
    for (int64_t i = 0; i < K; ++i) {
        if (row.beta[i] < faint) {
            for (int64_t j = 0; j < K; ++j) row.scaled[j] = c.transitions[i * K + j] + g[j];
            row.beta[i] = log_sum_exp(row.scaled.data(), K);
        } else {
            row.beta[i] = peak + c.back_top[i] + std::log(row.beta[i]);
        }
    }
}

// Adds the expected transitions into step t: exp(alpha_t-1[i] + M[i, j] + g[j] - log Z) * share.
inline void add_transitions(const Chain& c, ChainRow& row, int64_t t, double log_partition,
                            double share, double* d_transitions) {
    const int64_t K = c.labels;
    const double *before = row.alpha.data() + (t - 1) * K, *power = row.power.data() + (t - 1) * K;
    const double* g = row.next.data();
    const double offset = row.peak[t - 1] - log_partition;
    bool safe = true;
    for (int64_t j = 0; j < K; ++j) {
        const double exponent = g[j] + c.top[j] + offset;
        safe = safe && exponent < huge;
        row.scaled[j] = exponent;
    }
    if (!safe) {
        for (int64_t i = 0; i < K; ++i)
            for (int64_t j = 0; j < K; ++j)
                d_transitions[i * K + j] +=
                    share * std::exp(before[i] + c.transitions[i * K + j] + g[j] - log_partition);
        return;
    }
    for (int64_t j = 0; j < K; ++j) row.scaled[j] = share * std::exp(row.scaled[j]);
    for (int64_t i = 0; i < K; ++i)
        for (int64_t j = 0; j < K; ++j)
            d_transitions[i * K + j] += power[i] * c.factor[i * K + j] * row.scaled[j];
}

// Where the gradients go; all null if none is wanted.
template <class T>
struct ChainGradients {
    T* emissions = nullptr;  // [T, B, K], written
    double *transitions = nullptr, *start = nullptr, *end = nullptr;  // added into
};

// -log p(labels) of one row of `length` steps, and its gradients times `share`. Emissions and labels
// of a row lie `stride` and `label_stride` elements apart from step to step.
template <class T>
double chain_row(const Chain& c, ChainRow& row, int64_t length, const T* emissions, int64_t stride,
                 const int64_t* labels, int64_t label_stride, double share, T* d_emissions,
                 const ChainGradients<T>& d) {
    const int64_t K = c.labels;
    if (length == 0) return 0.0;
    auto label = [&](int64_t t) { return labels[t * label_stride]; };
    double score = c.start[label(0)] + c.end[label(length - 1)];
    for (int64_t t = 0; t < length; ++t) {
        for (int64_t k = 0; k < K; ++k) row.emissions[t * K + k] = double(emissions[t * stride + k]);
        score += row.emissions[t * K + label(t)];
        if (t) score += c.transitions[label(t - 1) * K + label(t)];
    }
    const double log_partition = chain_forward(c, row, length);
    if (!d_emissions) return log_partition - score;
    for (int64_t k = 0; k < K; ++k) row.beta[k] = c.end[k];
    for (int64_t t = length - 1; t >= 0; --t) {
        for (int64_t k = 0; k < K; ++k) {
            const double marginal = std::exp(row.alpha[t * K + k] + row.beta[k] - log_partition);
            const double excess = share * (marginal - (k == label(t) ? 1.0 : 0.0));
            d_emissions[t * stride + k] = T(excess);
            if (t == 0) d.start[k] += excess;
            if (t == length - 1) d.end[k] += excess;
            row.next[k] = row.emissions[t * K + k] + row.beta[k];
        }
        if (t == 0) break;
        add_transitions(c, row, t, log_partition, share, d.transitions);
        d.transitions[label(t - 1) * K + label(t)] -= share;
        chain_backward(c, row);
    }
    return log_partition - score;
}

}  // namespace elman
