// From Python's arrays to the linear chain of crf.hpp.
#pragma once

#include <algorithm>

#include "crf.hpp"
#include "training_calls.hpp"

namespace elman {

using namespace nb::literals;

// The sum of -log p(labels) over the rows of a batch; gradients, if wanted, are those of that sum
// times `share`.
template <class T>
double crf_loss(Packed<const T> emissions, Packed<const int64_t> labels, Array<const int64_t, 1> live,
                Packed<const double> transitions, Flat<const double> start, Flat<const double> end,
                double share, Packed<T> gradient, Packed<double> d_transitions, Flat<double> d_start,
                Flat<double> d_end) {
    if (emissions.ndim() != 3 || labels.ndim() != 2 || transitions.ndim() != 2)
        throw std::invalid_argument("expected emissions [T, B, K], labels [T, B], transitions [K, K]");
    const int64_t T_ = int64_t(emissions.shape(0)), B = int64_t(emissions.shape(1));
    const int64_t K = last_axis(emissions);
    auto expect = [](bool fits, const char* what) {
        if (!fits) throw std::invalid_argument(what);
    };
    expect(int64_t(labels.shape(0)) == T_ && int64_t(labels.shape(1)) == B, "labels: expected [T, B]");
    expect(K > 0 && int64_t(transitions.shape(0)) == K && int64_t(transitions.shape(1)) == K,
           "transitions: expected [K, K]");
    expect(int64_t(start.shape(0)) == K && int64_t(end.shape(0)) == K, "start, end: expected [K]");
    ChainGradients<T> d;
    if (gradient.is_valid()) {
        expect_positions("gradient", gradient, emissions);
        expect(last_axis(gradient) == K, "gradient: expected the shape of the emissions");
        expect(d_transitions.is_valid() && d_start.is_valid() && d_end.is_valid() &&
                   int64_t(d_transitions.size()) == K * K && int64_t(d_start.shape(0)) == K &&
                   int64_t(d_end.shape(0)) == K,
               "d_transitions, d_start, d_end: expected [K, K], [K], [K] beside a gradient");
        d = {gradient.data(), d_transitions.data(), d_start.data(), d_end.data()};
    }
    const int64_t* const counts = live_rows(live, T_, B);
    std::vector<int64_t> lengths(B, counts ? 0 : T_);
    for (int64_t t = 0; counts && t < T_; ++t)
        for (int64_t b = 0; b < counts[t]; ++b) ++lengths[b];
    for (int64_t b = 0; b < B; ++b)
        for (int64_t t = 0; t < lengths[b]; ++t) {
            const int64_t label = labels.data()[t * B + b];
            expect(label >= 0 && label < K, "labels: expected numbers from 0 to K - 1");
        }
    nb::gil_scoped_release release;
    if (d.emissions) std::fill(d.emissions, d.emissions + T_ * B * K, T(0));
    const Chain chain(K, transitions.data(), start.data(), end.data());
    ChainRow row(T_, K);
    double sum = 0.0;
    for (int64_t b = 0; b < B; ++b)
        sum += chain_row<T>(chain, row, lengths[b], emissions.data() + b * K, B * K,
                            labels.data() + b, B, share, d.emissions ? d.emissions + b * K : nullptr, d);
    return sum;
}

template <class T>
void bind_crf(nb::module_& module) {
    module.def("crf_loss", &crf_loss<T>, "emissions"_a.noconvert(), "labels"_a.noconvert(),
               "live"_a.noconvert().none(), "transitions"_a.noconvert(), "start"_a.noconvert(),
               "end"_a.noconvert(), "share"_a, "gradient"_a.noconvert().none(),
               "d_transitions"_a.noconvert().none(), "d_start"_a.noconvert().none(),
               "d_end"_a.noconvert().none(),
               "The sum of -log p(labels) of a linear-chain CRF over the rows; writes gradient and adds "
               "to those of the potentials, all times share.");
}

}  // namespace elman
