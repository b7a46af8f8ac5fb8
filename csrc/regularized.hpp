// Recurrent dropout and zoneout: what they add around a cell's own mathematics.
//
// Recurrent dropout multiplies what the recurrent matrix reads, the hidden state, by factors that
// a row keeps for the whole walk. The masked state has an array of its own, because the state
// itself goes on unmasked. Zoneout lets units keep their state: after what the cell made is
// computed, `next` takes it or the previous value. What the cell made is kept for its adjoint.
#pragma once

#include "geometry.hpp"
#include "noise.hpp"

namespace elman::ELMAN_ISA {

template <class Cell, class T>
void draw_masks(const Geometry<T, Cell>& g, int64_t begin, int64_t end) {
    if (!g.dropping()) return;
    const Regularization<T>& regularization = g.layer.regularization;
    const double rate = regularization.recurrent_dropout;
    const Vector<T> kept = broadcast(T(1.0 / (1.0 - rate)));
    for (int64_t row = begin; row < end; ++row) {
        const Events<T> dropped(regularization, row, dropout_stream, rate);
        for (int64_t unit = 0; unit < g.padded; unit += lanes<T>)
            store(g.mask(row) + unit, where_not<T>(dropped.at(unit), kept));
    }
}

// The state before step s of one row, as the recurrent matrix sees it.
template <class Cell, class T>
void drop_state(const Geometry<T, Cell>& g, int64_t s, int64_t row) {
    if (!g.dropping()) return;
    for (int64_t i = 0; i < g.padded; i += lanes<T>)
        store(g.dropped(s, row) + i, load(g.state(0, s, row) + i) * load(g.mask(row) + i));
}

// Zoneout of the states of one row at one step.
template <class Cell, class T>
class Zoneout {
  public:
    using Bits = typename VectorOf<T>::bits;

    explicit Zoneout(const Geometry<T, Cell>& g) : regularization_(g.layer.regularization) {
        for (int k = 0; k < Cell::states; ++k) {
            acts_[k] = g.zones_out(k);
            rate_[k] = T(regularization_.zoneout[k]);
        }
    }

    ELMAN_INLINE void draw(int64_t time, int64_t row) {
        for (int k = 0; k < Cell::states; ++k)
            if (acts_[k] && regularization_.random)
                events_[k] = Events<T>(regularization_, row, zoneout_stream(time, k),
                                       regularization_.zoneout[k]);
    }

    ELMAN_INLINE bool acts(int k) const { return acts_[k]; }

    // State k after the step.
    ELMAN_INLINE Vector<T> after(int k, int64_t unit, Vector<T> previous, Vector<T> made) const {
        if (!regularization_.random) return made + rate_[k] * (previous - made);
        return events_[k].at(unit) ? previous : made;
    }

    // From its gradient: that of the state before, and that of what the cell made.
    ELMAN_INLINE void adjoint(int k, int64_t unit, Vector<T> d_after, Vector<T>& d_previous,
                              Vector<T>& d_made) const {
        if (regularization_.random) {
            const Bits kept = events_[k].at(unit);
            d_previous = where<T>(kept, d_after);
            d_made = where_not<T>(kept, d_after);
        } else {
            d_previous = rate_[k] * d_after;
            d_made = d_after - d_previous;
        }
    }

  private:
    const Regularization<T>& regularization_;
    bool acts_[most_states] = {};
    T rate_[most_states] = {};
    Events<T> events_[most_states];
};

// Row after row of one step, going forward.
template <class Cell, class T>
class ForwardRow {
  public:
    ForwardRow(const Geometry<T, Cell>& g, int64_t s, int64_t row)
        : g_(g), zoneout_(g), row_(row), time_(g.time(s)), dropping_(g.dropping()) {
        here_.slots = g.slots().at(s, row);
        here_.operand = g.operand().at(s, row);
        for (int k = 0; k < Cell::states; ++k) {
            here_.previous[k] = g.state(k, s, row);
            here_.next[k] = g.made(k, s, row);
            after_[k] = g.state(k, s + 1, row);
        }
        output_ = g.layer.output.at(time_, row);
        mask_ = g.mask(row);
        dropped_ = g.dropped(s + 1, row);
        zoneout_.draw(time_, row);
    }

    // The pointers of the vector of units from `unit` on.
    ELMAN_INLINE ForwardUnit<T> at(int64_t unit, const T* sums) const {
        ForwardUnit<T> here = here_;
        here.sums = sums;
        here.slots += unit * Cell::slots;
        here.operand += unit;
        for (int k = 0; k < Cell::states; ++k) {
            here.previous[k] += unit;
            here.next[k] += unit;
        }
        return here;
    }

    // After a stage that computes what the next one multiplies.
    ELMAN_INLINE void finish_operand(int64_t unit) const {
        if (dropping_) store(here_.operand + unit, load(here_.operand + unit) * load(mask_ + unit));
    }

    // After the last stage.
    ELMAN_INLINE void finish(int64_t unit) const {
        for (int k = 0; k < Cell::states; ++k)
            if (zoneout_.acts(k))
                store(after_[k] + unit, zoneout_.after(k, unit, load(here_.previous[k] + unit),
                                                       load(here_.next[k] + unit)));
        const Vector<T> hidden = load(after_[0] + unit);
        store_up_to(output_ + unit, hidden, g_.layer.hidden_size - unit);
        if (dropping_) store(dropped_ + unit, hidden * load(mask_ + unit));
    }

    ELMAN_INLINE void next_row() {
        const int64_t padded = g_.padded;
        here_.slots += g_.slots_row;
        here_.operand += padded;
        for (int k = 0; k < Cell::states; ++k) {
            here_.previous[k] += padded;
            here_.next[k] += padded;
            after_[k] += padded;
        }
        output_ += g_.layer.output.row;
        mask_ += padded;
        dropped_ += padded;
        zoneout_.draw(time_, ++row_);
    }

  private:
    const Geometry<T, Cell>& g_;
    Zoneout<Cell, T> zoneout_;
    int64_t row_;
    const int64_t time_;
    const bool dropping_;
    ForwardUnit<T> here_;
    T* after_[most_states];
    T* output_;
    const T* mask_;
    T* dropped_;
};

template <class Cell, class Stage, bool Last, class T>
ELMAN_ONE_COPY void finish_regularized_tile(const Geometry<T, Cell>& g, const T* sums, int64_t s,
                                            int64_t first_row, int64_t rows, int64_t unit,
                                            int64_t units) {
    constexpr int V = lanes<T>;
    ForwardRow<Cell, T> row(g, s, first_row);
    for (int64_t r = 0; r < rows; ++r, row.next_row())
        for (int64_t u = unit * V; u < (unit + units) * V; u += V) {
            Stage::template forward<T>(row.at(u, sums));
            if constexpr (Last) row.finish(u); else row.finish_operand(u);
            sums += StageColumns<Stage>::count * V;
        }
}

// Row after row of one step, going back.
template <class Cell, class T>
class AdjointRow {
  public:
    AdjointRow(const Geometry<T, Cell>& g, int64_t s, int64_t row)
        : g_(g), zoneout_(g), row_(row), time_(g.time(s)) {
        here_.slots = g.slots().at(s, row);
        here_.operand_carry = g.operand_carry(row);
        for (int k = 0; k < Cell::states; ++k) {
            here_.previous[k] = g.state(k, s, row);
            here_.next[k] = g.made(k, s, row);
            here_.carry[k] = g.carry(k, row);
        }
        d_output_ = g.layer.d_output.base ? g.layer.d_output.at(time_, row) : nullptr;
        zoneout_.draw(time_, row);
    }

    ELMAN_INLINE AdjointUnit<T> at(int64_t unit) const {
        AdjointUnit<T> here = here_;
        here.slots += unit * Cell::slots;
        here.operand_carry += unit;
        for (int k = 0; k < Cell::states; ++k) {
            here.previous[k] += unit;
            here.next[k] += unit;
            here.carry[k] += unit;
        }
        return here;
    }

    // The gradient of state k after the step: of the state before it directly, and of what was made.
    ELMAN_INLINE void split(int k, int64_t unit, Vector<T>& d_previous, Vector<T>& d_made) const {
        d_made = load(here_.carry[k] + unit);
        d_previous = Vector<T>{};
        if (k == 0 && d_output_)
            d_made += load_up_to(d_output_ + unit, g_.layer.hidden_size - unit);
        if (zoneout_.acts(k)) zoneout_.adjoint(k, unit, d_made, d_previous, d_made);
    }

    ELMAN_INLINE void next_row() {
        const int64_t padded = g_.padded;
        here_.slots += g_.slots_row;
        here_.operand_carry += padded;
        for (int k = 0; k < Cell::states; ++k) {
            here_.previous[k] += padded;
            here_.next[k] += padded;
            here_.carry[k] += padded;
        }
        if (d_output_) d_output_ += g_.layer.d_output.row;
        zoneout_.draw(time_, ++row_);
    }

  private:
    const Geometry<T, Cell>& g_;
    Zoneout<Cell, T> zoneout_;
    int64_t row_;
    const int64_t time_;
    AdjointUnit<T> here_;
    const T* d_output_;
};

template <class Cell, class Stage, bool Last, class T>
ELMAN_ONE_COPY void adjoint_regularized(const Geometry<T, Cell>& g, int64_t s, int64_t begin,
                                        int64_t rows) {
    AdjointRow<Cell, T> row(g, s, begin);
    for (int64_t r = 0; r < rows; ++r, row.next_row())
        for (int64_t unit = 0; unit < g.padded; unit += lanes<T>) {
            const AdjointUnit<T> here = row.at(unit);
            if constexpr (!Last) {
                Stage::template adjoint<T>(here);
                continue;
            }
            Vector<T> d_previous[most_states], d_made;
            for (int k = 0; k < Cell::states; ++k) {
                row.split(k, unit, d_previous[k], d_made);
                store(here.carry[k], d_made);
            }
            Stage::template adjoint<T>(here);
            for (int k = 0; k < Cell::states; ++k)
                store(here.carry[k], load(here.carry[k]) + d_previous[k]);
        }
}

// Takes the gradient of what the recurrent matrix read back through the mask.
template <class Cell, class Stage, class T>
ELMAN_ONE_COPY void drop_gradient(const Geometry<T, Cell>& g, int64_t begin, int64_t rows) {
    if (!g.dropping()) return;
    T* const carry = g.carry(0, begin);
    T* const d_operand = g.operand_carry(begin);
    const T* const mask = g.mask(begin);
    for (int64_t i = 0; i < rows * g.padded; i += lanes<T>) {
        const Vector<T> through = load(d_operand + i) * load(mask + i);
        if constexpr (Stage::operand == Operand::computed)
            store(d_operand + i, through);
        else
            store(carry + i, load(carry + i) + through);
    }
}

}  // namespace elman::ELMAN_ISA
