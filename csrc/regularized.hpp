// Recurrent dropout and zoneout: what they add around a cell's own mathematics.
//
// Recurrent dropout multiplies what the recurrent matrix reads, the hidden state, by factors that
// a row keeps for the whole walk. The masked state has an array of its own, because the state
// itself goes on unmasked. Zoneout lets units keep their state: after what the cell made is
// computed, `next` takes it or the previous value. What the cell made is kept for its adjoint.
#pragma once

#include <type_traits>

#include "geometry.hpp"
#include "noise.hpp"

namespace elman::ELMAN_ISA {

template <class Cell, class T>
void draw_masks(const Geometry<T, Cell>& g, int64_t begin, int64_t end) {
    if (!g.dropping()) return;
    const Regularization<T>& regularization = g.layer.regularization;
    const int64_t hidden_size = g.layer.hidden_size;
    if (const T* given = regularization.recurrent_factors) {
        for (int set = 0; set < g.sets(); ++set, given += g.layer.batch * hidden_size)
            for (int64_t row = begin; row < end; ++row)
                copy_padded(g.mask(row, set), given + row * hidden_size, hidden_size, g.padded);
        return;
    }
    const double rate = regularization.recurrent_dropout;
    const Vector<T> kept = broadcast(T(1.0 / (1.0 - rate)));
    Events<T> dropped(rate);
    for (int64_t row = begin; row < end; ++row) {
        dropped.draw(regularization.row_keys[row], dropout_stream);
        for (int64_t unit = 0; unit < g.padded; unit += lanes<T>)
            store(g.mask(row) + unit, where_not<T>(dropped.at(unit), kept));
    }
}

// The state before step s of one row, as the recurrent matrix sees it.
template <class Cell, class T>
void drop_state(const Geometry<T, Cell>& g, int64_t s, int64_t row) {
    if (!g.dropping()) return;
    for (int set = 0; set < g.sets(); ++set)
        for (int64_t i = 0; i < g.padded; i += lanes<T>)
            store(g.dropped(s, row, set) + i, load(g.state(0, s, row) + i) * load(g.mask(row, set) + i));
}

// Zoneout of the states of one row at one step.
template <class Cell, class T>
class Zoneout {
  public:
    using Bits = typename VectorOf<T>::bits;

    explicit Zoneout(const Geometry<T, Cell>& g)
        : regularization_(g.layer.regularization), random_(regularization_.random) {
        for (int k = 0; k < Cell::states; ++k) {
            acts_[k] = g.zones_out(k);
            rate_[k] = T(regularization_.zoneout[k]);
            events_[k] = Events<T>(regularization_.zoneout[k]);
        }
    }

    ELMAN_INLINE void draw(int64_t time, int64_t row) {
        ELMAN_UNROLL
        for (int k = 0; k < Cell::states; ++k)
            if (acts_[k] && random_)
                events_[k].draw(regularization_.row_keys[row], zoneout_stream(time, k));
    }

    ELMAN_INLINE bool acts(int k) const { return acts_[k]; }

    // State k after the step.
    ELMAN_INLINE Vector<T> after(int k, int64_t unit, Vector<T> previous, Vector<T> made) const {
        if (!random_) return made + rate_[k] * (previous - made);
        return events_[k].at(unit) ? previous : made;
    }

    // From its gradient: that of the state before, and that of what the cell made.
    ELMAN_INLINE void adjoint(int k, int64_t unit, Vector<T> d_after, Vector<T>& d_previous,
                              Vector<T>& d_made) const {
        if (random_) {
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
    const bool random_;
    bool acts_[most_states] = {};
    T rate_[most_states] = {};
    Events<T> events_[most_states];
};

// The slot that reads the computed operand, of a cell that has one; else any.
template <class Cell, class... S>
constexpr int computed_slot(Stages<S...>) {
    return (0 + ... + (S::operand == Operand::computed ? S::Hidden::first : 0));
}

// The zoneout of a walk that has none.
template <class Cell, class T>
struct NoZoneout {
    explicit NoZoneout(const Geometry<T, Cell>&) {}
    ELMAN_INLINE void draw(int64_t, int64_t) {}
    ELMAN_INLINE bool acts(int) const { return false; }
    ELMAN_INLINE Vector<T> after(int, int64_t, Vector<T>, Vector<T> made) const { return made; }
    ELMAN_INLINE void adjoint(int, int64_t, Vector<T>, Vector<T>&, Vector<T>&) const {}
};

template <class Cell, class T, bool Noisy>
using ZoneoutOf = std::conditional_t<Noisy, Zoneout<Cell, T>, NoZoneout<Cell, T>>;

// Row after row of one step, going forward. A walk without noise, which only layer normalisation
// brings here, is spared the questions for it. The bases stay as they are and offsets move: a struct of
// pointers that changes with every row would be copied through memory for every vector of units.
template <class Cell, class T, bool Noisy = true>
class ForwardRow {
  public:
    ForwardRow(const Geometry<T, Cell>& g, int64_t s, int64_t row)
        : zoneout_(g),
          time_(g.time(s)),
          padded_(g.padded),
          slots_row_(g.slots_row),
          output_row_(g.layer.output.row),
          hidden_size_(g.layer.hidden_size),
          dropping_(Noisy && g.dropping()),
          sets_(g.sets()),
          dropped_set_(g.dropped(1).base - g.dropped(0).base),
          mask_set_(g.mask(0, 1) - g.mask(0, 0)),
          slots_(g.slots().at(s, row)),
          operand_(g.operand().at(s, row)),
          output_(g.layer.output.at(time_, row)),
          dropped_(g.dropped(s + 1, row)),
          mask_(g.mask(row)),
          operand_mask_(g.mask(row, g.set_of(computed_slot<Cell>(typename Cell::StageList{})))),
          row_(row) {
        for (int k = 0; k < Cell::states; ++k) {
            previous_[k] = g.state(k, s, row);
            made_[k] = g.made(k, s, row);
            after_[k] = g.state(k, s + 1, row);
        }
        zoneout_.draw(time_, row_);
    }

    // The pointers of the vector of units from `unit` on.
    ELMAN_INLINE ForwardUnit<T> at(int64_t unit, const T* sums) const {
        ForwardUnit<T> here;
        here.sums = sums;
        here.slots = slots_ + slots_at_ + unit * Cell::slots;
        here.operand = operand_ + at_ + unit;
        ELMAN_UNROLL
        for (int k = 0; k < Cell::states; ++k) {
            here.previous[k] = previous_[k] + at_ + unit;
            here.next[k] = made_[k] + at_ + unit;
        }
        return here;
    }

    // After a stage that computes what the next one multiplies.
    ELMAN_INLINE void finish_operand(int64_t unit) const {
        T* const operand = operand_ + at_ + unit;
        if (dropping_) store(operand, load(operand) * load(operand_mask_ + at_ + unit));
    }

    // After the last stage.
    ELMAN_INLINE void finish(int64_t unit) const {
        const int64_t here = at_ + unit;
        ELMAN_UNROLL
        for (int k = 0; k < Cell::states; ++k)
            if (zoneout_.acts(k))
                store(after_[k] + here,
                      zoneout_.after(k, unit, load(previous_[k] + here), load(made_[k] + here)));
        const Vector<T> hidden = load(after_[0] + here);
        store_up_to(output_ + output_at_ + unit, hidden, hidden_size_ - unit);
        if (!dropping_) return;
        store(dropped_ + here, hidden * load(mask_ + here));
        for (int set = 1; set < sets_; ++set)
            store(dropped_ + set * dropped_set_ + here, hidden * load(mask_ + set * mask_set_ + here));
    }

    ELMAN_INLINE void next_row() {
        at_ += padded_;
        slots_at_ += slots_row_;
        output_at_ += output_row_;
        zoneout_.draw(time_, ++row_);
    }

  private:
    ZoneoutOf<Cell, T, Noisy> zoneout_;
    const int64_t time_, padded_, slots_row_, output_row_, hidden_size_;
    const bool dropping_;
    const int sets_;
    const int64_t dropped_set_, mask_set_;
    T *const slots_, *const operand_, *const output_, *const dropped_;
    const T *const mask_, *const operand_mask_;
    const T* previous_[most_states];
    T *made_[most_states], *after_[most_states];
    int64_t row_, at_ = 0, slots_at_ = 0, output_at_ = 0;
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
template <class Cell, class T, bool Noisy = true>
class AdjointRow {
  public:
    AdjointRow(const Geometry<T, Cell>& g, int64_t s, int64_t row)
        : zoneout_(g),
          time_(g.time(s)),
          padded_(g.padded),
          slots_row_(g.slots_row),
          d_output_row_(g.layer.d_output.row),
          hidden_size_(g.layer.hidden_size),
          slots_(g.slots().at(s, row)),
          operand_carry_(g.operand_carry(row)),
          d_output_(g.layer.d_output.base ? g.layer.d_output.at(time_, row) : nullptr),
          row_(row) {
        for (int k = 0; k < Cell::states; ++k) {
            previous_[k] = g.state(k, s, row);
            made_[k] = g.made(k, s, row);
            carry_[k] = g.carry(k, row);
        }
        zoneout_.draw(time_, row_);
    }

    ELMAN_INLINE AdjointUnit<T> at(int64_t unit) const {
        AdjointUnit<T> here;
        here.slots = slots_ + slots_at_ + unit * Cell::slots;
        here.operand_carry = operand_carry_ + at_ + unit;
        ELMAN_UNROLL
        for (int k = 0; k < Cell::states; ++k) {
            here.previous[k] = previous_[k] + at_ + unit;
            here.next[k] = made_[k] + at_ + unit;
            here.carry[k] = carry_[k] + at_ + unit;
        }
        return here;
    }

    // The gradient of state k after the step: of the state before it directly, and of what was made.
    ELMAN_INLINE void split(int k, int64_t unit, Vector<T>& d_previous, Vector<T>& d_made) const {
        d_made = load(carry_[k] + at_ + unit);
        d_previous = Vector<T>{};
        if (k == 0 && d_output_)
            d_made += load_up_to(d_output_ + d_output_at_ + unit, hidden_size_ - unit);
        if (zoneout_.acts(k)) zoneout_.adjoint(k, unit, d_made, d_previous, d_made);
    }

    ELMAN_INLINE void next_row() {
        at_ += padded_;
        slots_at_ += slots_row_;
        d_output_at_ += d_output_row_;
        zoneout_.draw(time_, ++row_);
    }

  private:
    ZoneoutOf<Cell, T, Noisy> zoneout_;
    const int64_t time_, padded_, slots_row_, d_output_row_, hidden_size_;
    T *const slots_, *const operand_carry_;
    const T* const d_output_;
    const T *previous_[most_states], *made_[most_states];
    T* carry_[most_states];
    int64_t row_, at_ = 0, slots_at_ = 0, d_output_at_ = 0;
};

template <class Cell, class Stage, bool Last, bool Noisy = true, class T>
ELMAN_ONE_COPY void adjoint_regularized(const Geometry<T, Cell>& g, int64_t s, int64_t begin,
                                        int64_t rows) {
    AdjointRow<Cell, T, Noisy> row(g, s, begin);
    for (int64_t r = 0; r < rows; ++r, row.next_row())
        for (int64_t unit = 0; unit < g.padded; unit += lanes<T>) {
            const AdjointUnit<T> here = row.at(unit);
            if constexpr (!Last) {
                Stage::template adjoint<T>(here);
                continue;
            }
            Vector<T> d_previous[most_states], d_made;
            ELMAN_UNROLL
            for (int k = 0; k < Cell::states; ++k) {
                row.split(k, unit, d_previous[k], d_made);
                store(here.carry[k], d_made);
            }
            Stage::template adjoint<T>(here);
            ELMAN_UNROLL
            for (int k = 0; k < Cell::states; ++k)
                store(here.carry[k], load(here.carry[k]) + d_previous[k]);
        }
}

// Takes the gradient of what the recurrent matrix read back through a set of masks.
template <class Cell, class Stage, class T>
ELMAN_ONE_COPY void drop_gradient(const Geometry<T, Cell>& g, int64_t begin, int64_t rows, int set = 0) {
    if (!g.dropping()) return;
    T* const carry = g.carry(0, begin);
    T* const d_operand = g.operand_carry(begin);
    const T* const mask = g.mask(begin, set);
    for (int64_t i = 0; i < rows * g.padded; i += lanes<T>) {
        const Vector<T> through = load(d_operand + i) * load(mask + i);
        if constexpr (Stage::operand == Operand::computed)
            store(d_operand + i, through);
        else
            store(carry + i, load(carry + i) + through);
    }
}

}  // namespace elman::ELMAN_ISA
