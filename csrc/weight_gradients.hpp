// dW = sum over steps and rows of (gradient of the slots) x (operand), after the backward walk.
//
// The sum over steps and rows is the depth of a product whose rows are the operand's columns (and a
// row of ones, for the bias) and whose columns are the slots. The depth is taken in chunks that
// stay in the second-level cache; the accumulators continue from chunk to chunk, so the chunks do
// not show in the result. All weights that the same slots feed are taken together, panel of slots
// after panel. Nothing here depends on the cell.
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

constexpr int64_t gradient_chunk = 256;  // rows: a packed panel of them fits in the L2 cache

// Runs of live rows of a part, from the last step and the last row backwards: the order of every
// weight gradient's sum, whatever the parts.
template <class T>
class LiveRows {
  public:
    LiveRows(const Layer<T>& layer, const Part& part)
        : layer_(&layer), part_(part), step_(part.last_step) {}

    // The next run: `count` rows that end with `row` of step s; false at the end.
    bool next(int64_t most, int64_t& s, int64_t& row, int64_t& count) {
        while (left_ == 0) {
            if (step_ == part_.first_step) return false;
            --step_;
            left_ = larger(smaller(live_rows(*layer_, step_), part_.last_row) - part_.first_row, 0);
        }
        count = smaller(most, left_);
        s = step_;
        row = part_.first_row + left_ - 1;
        left_ -= count;
        return true;
    }

  private:
    const Layer<T>* layer_;
    Part part_;
    int64_t step_, left_ = 0;
};

// The gradients of all slots: the columns of the products.
template <class T>
struct SlotGradients {
    Array3<const T> at;  // [step of the walk, row, units * slots vectors]
    int64_t units;       // unit vectors
    int slots;           // of a unit vector
    const int* gate_of_slot;
};

// A weight and its bias, which some of the slots of every unit read.
template <class T>
struct WeightOfSlots {
    int first, count;         // of the slots of a unit
    Array3<const T> operand;  // [step of the walk, row, columns]
    int64_t columns;
    T *d_weight, *d_bias;     // [gates * hidden, columns], and null or [gates * hidden]: added into
};

// Memory that the sums of one weight need, and that the packed slots do.
template <class T>
int64_t sums_elements(int64_t units, int count, int64_t operand_columns) {
    return (operand_columns + 1) * units * count * lanes<T> + gradient_chunk * (operand_columns + 8);
}
template <class T>
int64_t packed_slots_elements(int64_t units, int slots) {
    return gradient_chunk * units * slots * lanes<T>;
}

template <class T, int Weights>
class WeightGradients {
  public:
    // buffer: sums_elements of memory for each weight and packed_slots_elements.
    WeightGradients(const Layer<T>& layer, const SlotGradients<T>& slots,
                    const WeightOfSlots<T> (&weights)[Weights], T* buffer)
        : layer_(layer), slots_(slots), live_(layer, Part{}) {
        bool all = true;
        pack_ = slots.at.row * int64_t(sizeof(T)) > 1024;
        for (int i = 0; i < Weights; ++i) {
            static_cast<WeightOfSlots<T>&>(sums_[i]) = weights[i];
            all = all && weights[i].count == slots.slots;
            pack_ = pack_ || weights[i].operand.row * int64_t(sizeof(T)) > 512;
        }
        panel_units_ = all ? larger(1, 4 / slots.slots) : 1;
        while (panel_units_ > 1 && panels() < layer.threads) panel_units_ /= 2;
        for (Sums& sums : sums_) {
            sums.width = slots.units * sums.count * V;
            sums.height = tile_rows(int(panel_units_) * sums.count);
            sums.at = buffer;
            sums.packed_operand = buffer + (sums.columns + 1) * sums.width;
            buffer = sums.packed_operand + gradient_chunk * (sums.columns + sums.height);
        }
        packed_slots_ = buffer;
    }

    // Goes to the first chunk of a part. All tiles of its operands are to be packed, and then the
    // tasks to be done, in any order and by any thread; `add_rest` does both of the chunks after it.
    void start(const Part& part) {
        live_ = LiveRows<T>(layer_, part);
        for (Sums& sums : sums_)
            sums.uniform = !layer_.live && sums.operand.step == layer_.batch * sums.operand.row &&
                           part.last_row - part.first_row == layer_.batch;
        next_chunk();
    }

    void add_rest() {
        auto pack = [&](int tile) { pack_tile(tile); };
        auto add = [&](int task) { multiply(task); };
        while (next_chunk()) {
            parallel_for(tiles(), layer_.threads, pack);
            parallel_for(tasks(), layer_.threads, add);
        }
    }

    int tiles() const {
        int count = 0;
        for (const Sums& sums : sums_) count += pack_ && chunk_ > 0 ? sums.tiles() : 0;
        return count;
    }

    void pack_tile(int index) {
        for (const Sums& sums : sums_) {
            if (index < sums.tiles()) return pack_operand(sums, index * sums.height);
            index -= sums.tiles();
        }
    }

    int tasks() const { return chunk_ == 0 ? 0 : pack_ ? panels() : panels() * Weights; }

    void multiply(int index) {
        if (!pack_) return multiply_panel(sums_[index % Weights], index / Weights);
        pack_slots(index);
        for (const Sums& sums : sums_) multiply_panel(sums, index);
    }

    // Adds the sums to the gradients.
    void finish() {
        if (first_) return;  // no live row at all
        auto panel = [&](int index) { add_to_gradients(sums_[index % Weights], index / Weights); };
        parallel_for(panels() * Weights, layer_.threads, panel);
    }

  private:
    static constexpr int V = lanes<T>;

    struct Run {  // of rows, backwards from this
        int64_t s, row, count;
    };

    struct Sums : WeightOfSlots<T> {
        int64_t width = 0;  // elements of a row of sums
        int height = 0;     // operand columns of a tile
        bool uniform = false;  // the rows of a part follow one another without a gap in memory
        T *at = nullptr, *packed_operand = nullptr;  // [columns + 1, width]; tiles of [chunk, height]

        int tiles() const { return int((this->columns + height - 1) / height); }
    };

    int panels() const { return int((slots_.units + panel_units_ - 1) / panel_units_); }
    int64_t units_of(int panel) const {
        return smaller(panel_units_, slots_.units - panel * panel_units_);
    }
    int64_t slots_offset(int panel) const { return panel * panel_units_ * slots_.slots * V; }

    bool next_chunk() {
        first_ = first_ && chunk_ == 0;  // the chunk before is done
        runs_ = 0;
        chunk_ = 0;
        Run run;
        while (chunk_ < gradient_chunk && live_.next(gradient_chunk - chunk_, run.s, run.row, run.count)) {
            run_[runs_++] = run;
            chunk_ += run.count;
        }
        return chunk_ > 0;
    }

    // Narrow rows are read where they lie; wide ones are packed, because rows that are a page apart
    // defeat the caches.
    void pack_operand(const Sums& sums, int64_t first) {
        const Array3<const T> operand = sums.operand;
        const int height = sums.height;
        T* to = sums.packed_operand + first * gradient_chunk;
        dispatch_rows<8>(int(smaller(height, sums.columns - first)), [&](auto columns) {
            for (int r = 0; r < runs_; ++r) {
                const T* from = operand.at(run_[r].s, run_[r].row) + first;
                for (int64_t k = 0; k < run_[r].count; ++k, from -= operand.row, to += height)
                    std::memcpy(to, from, sizeof(T) * decltype(columns)::value);
            }
        });
    }

    void pack_slots(int panel) {
        const int64_t offset = slots_offset(panel);
        T* to = packed_slots_ + offset * gradient_chunk;
        dispatch_vectors<4>(units_of(panel) * slots_.slots, [&](auto vectors) {
            constexpr int width = decltype(vectors)::value * V;
            for (int r = 0; r < runs_; ++r) {
                const T* from = slots_.at.at(run_[r].s, run_[r].row) + offset;
                for (int64_t k = 0; k < run_[r].count; ++k, from -= slots_.at.row, to += width)
                    std::memcpy(to, from, sizeof(T) * width);
            }
        });
    }

    void multiply_panel(const Sums& sums, int panel) {
        dispatch_vectors<4>(units_of(panel) * sums.count, [&](auto vectors) {
            constexpr int Vectors = decltype(vectors)::value;
            for (int64_t column = 0; column < sums.columns; column += sums.height)
                dispatch_rows<tile_rows(Vectors)>(
                    int(smaller(sums.height, sums.columns - column)), [&](auto rows) {
                        multiply_tile<decltype(rows)::value, Vectors>(sums, panel, column);
                    });
        });
    }

    template <int Rows, int Vectors>
    void multiply_tile(const Sums& sums, int panel, int64_t column) {
        T* const to = sums.at + panel * panel_units_ * sums.count * V;
        Tile<T, Rows, Vectors> tile;
        Tile<T, 1, Vectors> ones;
        tile.zero();
        ones.zero();
        if (!first_) {
            tile.load_from(to + column * sums.width, sums.width);
            ones.load_from(to + sums.columns * sums.width, sums.width);
        }
        const bool with_ones = sums.d_bias && column == 0;
        auto multiply = [&](const T* a, ptrdiff_t depth_stride, const T* b, ptrdiff_t b_stride,
                            int64_t depth) {
            if (with_ones)
                multiply_and_sum(tile, ones, a, depth_stride, b, b_stride, depth);
            else
                tile.multiply(a, 1, depth_stride, b, b_stride, depth);
        };
        const int64_t offset = slots_offset(panel);
        if (pack_)
            multiply(sums.packed_operand + column * gradient_chunk, sums.height,
                     packed_slots_ + offset * gradient_chunk + sums.first * V,
                     units_of(panel) * slots_.slots * V, chunk_);
        for (int r = 0; r < (pack_ ? 0 : sums.uniform ? 1 : runs_); ++r)
            multiply(sums.operand.at(run_[r].s, run_[r].row) + column, -sums.operand.row,
                     slots_.at.at(run_[r].s, run_[r].row) + offset + sums.first * V, -slots_.at.row,
                     sums.uniform ? chunk_ : run_[r].count);
        tile.store_to(to + column * sums.width, sums.width);
        if (with_ones) ones.store_to(to + sums.columns * sums.width, sums.width);
    }

    void add_to_gradients(const Sums& sums, int panel) {
        const int64_t hidden = layer_.hidden_size, n = sums.columns, width = sums.width;
        const int64_t first = panel * panel_units_;
        for (int64_t unit = first; unit < first + units_of(panel); ++unit)
            for (int c = 0; c < sums.count; ++c) {
                const T* const from = sums.at + (unit * sums.count + c) * V;
                const int64_t row = slots_.gate_of_slot[sums.first + c] * hidden + unit * V;
                const int64_t wanted = smaller(V, hidden - unit * V);
                add_transposed(from, width, wanted, n, sums.d_weight + row * n, n);
                for (int64_t i = 0; sums.d_bias && i < wanted; ++i)
                    sums.d_bias[row + i] += from[n * width + i];
            }
    }

    const Layer<T>& layer_;
    const SlotGradients<T> slots_;
    bool pack_;
    int64_t panel_units_;
    Sums sums_[Weights];
    T* packed_slots_;  // panels of [chunk, vectors of the panel]
    LiveRows<T> live_;
    bool first_ = true;
    int runs_ = 0;
    int64_t chunk_ = 0;
    Run run_[gradient_chunk];
};

}  // namespace elman::ELMAN_ISA
