// The rows of a masked walk: their observed steps one after the other, the rows with the most of
// them first, as the kernels walk over rows of unequal lengths.
#pragma once

#include <algorithm>
#include <cstring>

#include "keras_walk.hpp"

namespace elman {

template <class T>
class KerasRows {
  public:
    // memory: numbers() of them, which outlive this.
    KerasRows(const KerasWalk<T>& walk, int32_t* memory)
        : walk_(walk),
          plan_(walk.plan),
          units_(walk.hidden_size),
          order_(memory),
          counts_(order_ + walk.batch),
          times_(counts_ + walk.batch) {}

    static int64_t numbers(const KerasWalk<T>& walk) { return walk.batch * (2 + walk.steps); }

    // Reads the mask; true if it hides anything.
    bool find() {
        const int64_t batch = walk_.batch, steps = walk_.steps;
        const int64_t all = batch * steps;
        int64_t observed = 0;
        for (int64_t i = 0; i < all; ++i) observed += walk_.mask[i];
        if (observed == all) return false;
        for (int64_t row = 0; row < batch; ++row) order_[row] = int32_t(row);
        auto count = [&](int64_t row) {
            int32_t sum = 0;
            for (int64_t t = 0; t < steps; ++t) sum += walk_.mask[row * steps + t];
            return sum;
        };
        for (int64_t row = 0; row < batch; ++row) times_[row] = count(row);  // for a moment
        std::stable_sort(order_, order_ + batch,
                         [&](int32_t a, int32_t b) { return times_[a] > times_[b]; });
        for (int64_t row = 0; row < batch; ++row) counts_[row] = times_[order_[row]];
        for (int64_t row = 0; row < batch; ++row) {
            int32_t* to = times_ + row * steps;
            for (int64_t w = 0; w < steps; ++w)
                if (observes(row, w)) *to++ = int32_t(time(w));
        }
        return true;
    }

    int64_t steps() const { return walk_.batch ? counts_[0] : 0; }  // of the walk

    // How many rows live at each of its steps.
    void count_live(int64_t* live) const {
        int64_t alive = walk_.batch;
        for (int64_t s = 0; s < steps(); ++s) {
            while (counts_[alive - 1] <= s) --alive;
            live[s] = alive;
        }
    }

    int64_t row(int64_t sorted) const { return order_[sorted]; }

    // Calls visit(step of the walk, row in its order, step and row in x) for each observed step.
    template <class Visit>
    void each_observed(Visit&& visit) const {
        for (int64_t row = 0; row < walk_.batch; ++row)
            for (int64_t s = 0; s < counts_[row]; ++s)
                visit(s, row, order_[row] * walk_.steps + times_[row * walk_.steps + s]);
    }

    // x [batch, steps, D] to its observed steps [steps of the walk, batch, D].
    void gather_x(T* to) const {
        each_observed([&](int64_t s, int64_t row, int64_t at) {
            std::copy_n(walk_.x + at * walk_.input_size, walk_.input_size,
                        to + (s * walk_.batch + row) * walk_.input_size);
        });
    }

    // d_x from that of the observed steps; zero at the others.
    void spread_d_x(const T* d_observed) const {
        std::fill_n(walk_.d_x, walk_.batch * walk_.steps * walk_.input_size, T(0));
        each_observed([&](int64_t s, int64_t row, int64_t at) {
            std::copy_n(d_observed + (s * walk_.batch + row) * walk_.input_size, walk_.input_size,
                        walk_.d_x + at * walk_.input_size);
        });
    }

    // A state [batch, H] to the order of the walk, and back.
    void gather_state(const T* state, T* to) const {
        for (int64_t row = 0; row < walk_.batch; ++row)
            std::copy_n(state + order_[row] * units_, units_, to + row * units_);
    }
    void spread_state(const T* sorted, T* to) const {
        for (int64_t row = 0; row < walk_.batch; ++row)
            std::copy_n(sorted + row * units_, units_, to + order_[row] * units_);
    }

    // The output of every step, from those of the walk [steps of the walk, batch, H].
    void spread_outputs(const T* outputs) const {
        for (int64_t row = 0; row < walk_.batch; ++row) {
            T* to = walk_.output + order_[row] * walk_.steps * units_;
            int64_t latest = -1;
            for (int64_t w = 0; w < walk_.steps; ++w, to += units_) {
                const bool observed = observes(row, w);
                latest += observed;
                if (const T* from = source(row, latest, observed, outputs))
                    std::copy_n(from, units_, to);
                else
                    std::fill_n(to, units_, T(0));
            }
        }
    }

    // The gradient of the walk's outputs from that of all outputs. What belongs to the initial state
    // is written to d_initial, in the order of the walk.
    void gather_d_outputs(T* d_outputs, T* d_initial) const {
        std::fill_n(d_initial, walk_.batch * units_, T(0));
        for (int64_t row = 0; row < walk_.batch; ++row) {
            const T* from = walk_.d_output + order_[row] * walk_.steps * units_;
            int64_t latest = -1;
            for (int64_t w = 0; w < walk_.steps; ++w, from += units_) {
                const bool observed = observes(row, w);
                latest += observed;
                auto of_walk = [&] { return d_outputs + (latest * walk_.batch + row) * units_; };
                if (observed)
                    std::copy_n(from, units_, of_walk());
                else if (!plan_.zero_masked && (latest >= 0 || plan_.begins))
                    add(from, latest < 0 ? d_initial + row * units_ : of_walk());
            }
        }
    }

    // The last output alone, from the final state; and its gradient, added to that of the final
    // state in the order of the walk.
    void write_last_output(const T* final_state) const {
        for (int64_t row = 0; row < walk_.batch; ++row) {
            T* const to = walk_.output + order_[row] * units_;
            if (ends(row))
                std::copy_n(final_state + row * units_, units_, to);
            else
                std::fill_n(to, units_, T(0));
        }
    }
    void add_d_last_output(T* d_final_state) const {
        for (int64_t row = 0; row < walk_.batch; ++row)
            if (ends(row)) add(walk_.d_output + order_[row] * units_, d_final_state + row * units_);
    }

    // Adds d_initial, in the order of the walk, to d_state.
    void add_d_initial(const T* d_initial, T* d_state) const {
        for (int64_t row = 0; row < walk_.batch; ++row)
            add(d_initial + row * units_, d_state + order_[row] * units_);
    }

  private:
    int64_t time(int64_t w) const { return plan_.go_backwards ? walk_.steps - 1 - w : w; }

    // Whether the row, in the order of the walk, is observed at the w-th step that is read.
    bool observes(int64_t row, int64_t w) const {
        return walk_.mask[order_[row] * walk_.steps + time(w)];
    }

    bool ends(int64_t row) const {
        if (plan_.zero_masked) return walk_.steps > 0 && observes(row, walk_.steps - 1);
        return plan_.begins || counts_[row] > 0;
    }

    // Where the output of a step comes from whose latest observed step is this; null: it is zero.
    const T* source(int64_t row, int64_t latest, bool observed, const T* outputs) const {
        if (observed || (latest >= 0 && !plan_.zero_masked))
            return outputs + (latest * walk_.batch + row) * units_;
        if (plan_.begins && !plan_.zero_masked) return walk_.state[0] + order_[row] * units_;
        return nullptr;
    }

    void add(const T* from, T* to) const {
        for (int64_t i = 0; i < units_; ++i) to[i] += from[i];
    }

    const KerasWalk<T>& walk_;
    const KerasPlan& plan_;
    const int64_t units_;
    int32_t *const order_, *const counts_, *const times_;
};

}  // namespace elman
