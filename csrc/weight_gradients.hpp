// dW = sum over steps and rows of (gradient of the slots) x (operand), after the backward walk.
//
// The sum over steps and rows is the depth of a product whose rows are the operand's columns (and a
// row of ones, for the bias) and whose columns are the slots. The depth is taken in chunks that
// stay in the second-level cache; the accumulators continue from chunk to chunk, so the chunks do
// not show in the result. Nothing here depends on the cell.
#pragma once

#include "gemm.hpp"
#include "layer.hpp"
#include "pack.hpp"
#include "threads.hpp"

namespace elman::ELMAN_ISA {

constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }
constexpr int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

// Rows alive at step s of the walk.
template <class T>
int64_t live_rows(const Layer<T>& layer, int64_t s) {
    if (!layer.live) return layer.batch;
    return layer.live[layer.reverse ? layer.steps - 1 - s : s];
}

// A rectangle of the walk: steps and rows.
struct Part {
    int64_t first_step, last_step, first_row, last_row;  // the last ones are not in it
};

// Runs of live rows of a part, from the last step and the last row backwards: the order of every
// weight gradient's sum, whatever the parts. Steps that follow one another without a gap in memory
// make a single run.
template <class T>
class LiveRows {
  public:
    LiveRows(const Layer<T>& layer, Array3<const T> operand, const Part& part)
        : layer_(layer),
          part_(part),
          uniform_(!layer.live && operand.step == layer.batch * operand.row &&
                   part.last_row - part.first_row == layer.batch),
          step_(part.last_step) {}

    // The next run: `count` rows that end with `row` of step s; false at the end.
    bool next(int64_t most, int64_t& s, int64_t& row, int64_t& count) {
        while (left_ == 0) {
            if (step_ == part_.first_step) return false;
            const int64_t before = uniform_ ? part_.first_step : step_ - 1;
            const int64_t alive = smaller(live_rows(layer_, step_ - 1), part_.last_row);
            left_ = larger(alive - part_.first_row, 0) * (step_ - before);
            step_ = before;
        }
        count = smaller(most, left_);
        s = step_;
        row = part_.first_row + left_ - 1;  // beyond the batch in a uniform part
        left_ -= count;
        return true;
    }

  private:
    const Layer<T>& layer_;
    const Part part_;
    const bool uniform_;
    int64_t step_, left_ = 0;
};

constexpr int64_t gradient_chunk = 256;  // rows: a packed panel of them fits in the L2 cache

// Some of the slots of every unit vector: their gradients are the columns of the product.
template <class T>
struct SlotColumns {
    Array3<const T> slots;    // [step of the walk, row, units * slots_per_unit vectors]
    int64_t units;            // unit vectors
    int slots_per_unit;
    int first, count;         // of the slots of a unit
    const int* gate_of_slot;

    bool all() const { return count == slots_per_unit; }
    int64_t vectors() const { return units * count; }
    int panel_vectors() const { return all() ? 4 : count; }  // at most, in one panel
};

template <class T>
int64_t gradient_elements(const SlotColumns<T>& columns, int64_t operand_columns) {
    const int64_t width = columns.vectors() * lanes<T>;
    return (operand_columns + 1) * width + gradient_chunk * (width + operand_columns + 8);
}

template <class T>
class WeightGradient {
  public:
    // operand: [step of the walk, row, operand_columns]; d_weight [gates * hidden, operand_columns]
    // and d_bias (or null) are added into; buffer: gradient_elements of memory.
    WeightGradient(const Layer<T>& layer, const SlotColumns<T>& columns, Array3<const T> operand,
                   int64_t operand_columns, T* d_weight, T* d_bias, T* buffer)
        : layer_(layer),
          columns_(columns),
          operand_(operand),
          operand_columns_(operand_columns),
          width_(columns.vectors() * V),
          most_(columns.panel_vectors()),
          height_(tile_rows(most_)),
          // Narrow rows are read where they lie; wide ones are packed, because rows that are a
          // page apart defeat the caches.
          pack_(columns.slots.row * int64_t(sizeof(T)) > 1024 || operand.row * int64_t(sizeof(T)) > 512),
          d_weight_(d_weight),
          d_bias_(d_bias),
          sums_(buffer),
          packed_slots_(sums_ + (operand_columns + 1) * width_),
          packed_operand_(packed_slots_ + gradient_chunk * width_) {}

    // Adds the share of a part of the walk to the sums.
    void add(const Part& part) {
        LiveRows<T> rows(layer_, operand_, part);
        while (next_chunk(rows)) {
            if (pack_) {
                auto tile = [&](int index) { pack_operand(index * height_); };
                parallel_for(int((operand_columns_ + height_ - 1) / height_), layer_.threads, tile);
            }
            auto panel = [&](int index) { multiply_panel(index); };
            parallel_for(panels(), layer_.threads, panel);
            first_ = false;
        }
    }

    // Adds the sums to the gradients.
    void finish() {
        if (first_) return;  // no live step at all
        auto panel = [&](int index) { add_to_gradients(index); };
        parallel_for(panels(), layer_.threads, panel);
    }

  private:
    static constexpr int V = lanes<T>;

    struct Run {  // of rows, backwards from these
        const T *slots, *operand;
        int64_t count;
    };

    int panels() const { return int((columns_.vectors() + most_ - 1) / most_); }

    int64_t panel_vectors(int panel) const {
        return smaller(most_, columns_.vectors() - int64_t(panel) * most_);
    }

    // Where the panel's columns lie within a row of slots.
    int64_t slots_offset(int panel) const {
        return V * (columns_.all() ? panel * most_ : panel * columns_.slots_per_unit + columns_.first);
    }

    bool next_chunk(LiveRows<T>& live) {
        runs_ = 0;
        chunk_ = 0;
        int64_t s, row, count;
        while (chunk_ < gradient_chunk && live.next(gradient_chunk - chunk_, s, row, count)) {
            run_[runs_++] = {columns_.slots.at(s, row), operand_.at(s, row), count};
            chunk_ += count;
        }
        return chunk_ > 0;
    }

    void pack_operand(int64_t first) {
        const int64_t wanted = smaller(height_, operand_columns_ - first);
        T* to = packed_operand_ + first * gradient_chunk;
        for (int r = 0; r < runs_; ++r)
            for (int64_t k = 0; k < run_[r].count; ++k, to += height_)
                for (int64_t c = 0; c < wanted; ++c) to[c] = run_[r].operand[first + c - k * operand_.row];
    }

    void pack_slots(int panel, T* to) const {
        const int64_t vectors = panel_vectors(panel);
        for (int r = 0; r < runs_; ++r)
            for (int64_t k = 0; k < run_[r].count; ++k, to += vectors * V) {
                const T* from = run_[r].slots - k * columns_.slots.row + slots_offset(panel);
                for (int64_t v = 0; v < vectors; ++v) store(to + v * V, load(from + v * V));
            }
    }

    void multiply_panel(int panel) {
        T* const slots = packed_slots_ + int64_t(panel) * most_ * V * gradient_chunk;
        if (pack_) pack_slots(panel, slots);
        dispatch_vectors<4>(panel_vectors(panel), [&](auto vectors) {
            constexpr int Vectors = decltype(vectors)::value;
            for (int64_t column = 0; column < operand_columns_; column += height_)
                dispatch_rows<tile_rows(Vectors)>(
                    int(smaller(height_, operand_columns_ - column)), [&](auto rows) {
                        multiply_tile<decltype(rows)::value, Vectors>(panel, column, slots);
                    });
        });
    }

    template <int Rows, int Vectors>
    void multiply_tile(int panel, int64_t column, const T* slots) {
        T* const to = sums_ + int64_t(panel) * most_ * V;
        Tile<T, Rows, Vectors> tile;
        Tile<T, 1, Vectors> ones;
        tile.zero();
        ones.zero();
        if (!first_) {
            tile.load_from(to + column * width_, width_);
            ones.load_from(to + operand_columns_ * width_, width_);
        }
        const bool with_ones = d_bias_ && column == 0;
        auto multiply = [&](const T* a, ptrdiff_t depth_stride, const T* b, ptrdiff_t b_stride,
                            int64_t depth) {
            if (with_ones)
                multiply_and_sum(tile, ones, a, depth_stride, b, b_stride, depth);
            else
                tile.multiply(a, 1, depth_stride, b, b_stride, depth);
        };
        const int pieces = pack_ ? 1 : runs_;
        for (int r = 0; r < pieces; ++r)
            multiply(pack_ ? packed_operand_ + column * gradient_chunk : run_[r].operand + column,
                     pack_ ? height_ : -operand_.row, pack_ ? slots : run_[r].slots + slots_offset(panel),
                     pack_ ? Vectors * V : -columns_.slots.row, pack_ ? chunk_ : run_[r].count);
        tile.store_to(to + column * width_, width_);
        if (with_ones) ones.store_to(to + operand_columns_ * width_, width_);
    }

    void add_to_gradients(int panel) {
        const int64_t hidden = layer_.hidden_size, n = operand_columns_;
        const int64_t begin = int64_t(panel) * most_;
        for (int64_t v = begin; v < begin + panel_vectors(panel); ++v) {
            const int64_t h = v / columns_.count * V;
            const int gate = columns_.gate_of_slot[columns_.first + v % columns_.count];
            const int64_t row = gate * hidden + h, wanted = smaller(V, hidden - h);
            add_transposed(sums_ + v * V, width_, wanted, n, d_weight_ + row * n, n);
            for (int64_t i = 0; d_bias_ && i < wanted; ++i) d_bias_[row + i] += sums_[n * width_ + v * V + i];
        }
    }

    const Layer<T>& layer_;
    const SlotColumns<T> columns_;
    const Array3<const T> operand_;
    const int64_t operand_columns_, width_;
    const int most_, height_;  // vectors of a panel; operand columns of a tile
    const bool pack_;
    T *const d_weight_, *const d_bias_;
    T *const sums_;  // [operand_columns + 1, width]
    T *const packed_slots_, *const packed_operand_;
    bool first_ = true;
    int runs_ = 0;
    int64_t chunk_ = 0;
    Run run_[gradient_chunk];
};

}  // namespace elman::ELMAN_ISA
