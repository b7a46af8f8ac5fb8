// dW = sum over steps and rows of (gradient of the slots) x (operand), after the backward walk.
//
// Included by sequence.hpp. The sum over steps and rows is the depth of a product whose rows are
// the operand's columns (and a row of ones, for the bias) and whose columns are the slots. The
// depth is taken in chunks that stay in the second-level cache; the accumulators continue from
// chunk to chunk, so the chunks do not show in the result.
#pragma once

namespace elman::ELMAN_ISA {

// Live (step, row) pairs with rows in [begin, end), in the order of the walk, as runs of
// consecutive rows of one step; the whole walk is one run of rows of step 0 when the strides and
// the range allow it.
template <class T, class Cell>
class LiveRows {
  public:
    LiveRows(const Geometry<T, Cell>& g, Array3<const T> operand, int64_t begin, int64_t end)
        : g_(g),
          begin_(begin),
          end_(end),
          uniform_(!g.layer.live && operand.step == g.layer.batch * operand.row &&
                   end - begin == g.layer.batch),
          all_(g.layer.steps * g.layer.batch),
          steps_(uniform_ ? smaller(1, all_) : g.layer.steps) {}

    // The next run of at most `most` rows; false at the end.
    bool next(int64_t most, int64_t& s, int64_t& row, int64_t& count) {
        while (s_ < steps_ && row_ >= rows_of(s_)) {
            ++s_;
            row_ = 0;
        }
        if (s_ >= steps_) return false;
        s = s_;
        row = begin_ + row_;
        count = smaller(most, rows_of(s_) - row_);
        row_ += count;
        return true;
    }

  private:
    int64_t rows_of(int64_t s) const {
        return uniform_ ? all_ : larger(smaller(g_.live(s), end_), begin_) - begin_;
    }

    const Geometry<T, Cell>& g_;
    const int64_t begin_, end_;
    const bool uniform_;
    const int64_t all_, steps_;
    int64_t s_ = 0, row_ = 0;
};

constexpr int64_t gradient_chunk = 256;  // rows: a packed panel of them fits in the L2 cache

template <class Cell, class S>
constexpr int gradient_vectors = S::count == Cell::slots ? 4 : S::count;

template <class T, class Cell, class S>
int64_t gradient_elements(const Geometry<T, Cell>& g, int64_t columns) {
    const int64_t width = g.template depth<S>();
    return (columns + 1) * width + gradient_chunk * (width + columns + 8);
}

template <class Cell, class S, class T>
class WeightGradient {
  public:
    // operand: [step of the walk, row, columns]
    // buffer: gradient_elements of memory
    WeightGradient(const Geometry<T, Cell>& g, Array3<const T> operand, int64_t columns, T* d_weight,
                   T* d_bias, T* buffer)
        : g_(g), operand_(operand), columns_(columns), d_weight_(d_weight), d_bias_(d_bias),
          buffer_(buffer),
          width_(g.template depth<S>()),
          // Narrow rows are read where they lie; wide ones are packed, because rows that are a
          // page apart defeat the caches.
          pack_(g.slots_row * int64_t(sizeof(T)) > 1024 || operand.row * int64_t(sizeof(T)) > 512) {}

    // Adds the share of the rows [begin, end) to the sums.
    void add_rows(int64_t begin, int64_t end) {
        const int threads = g_.layer.threads;
        LiveRows<T, Cell> rows(g_, operand_, begin, end);
        while (next_chunk(rows)) {
            if (pack_) {
                auto part = [&](int tile) { pack_operand(tile * height); };
                parallel_for(int((columns_ + height - 1) / height), threads, part);
            }
            auto panel = [&](int p) { multiply_panel(p); };
            parallel_for(panels(), threads, panel);
            first_ = false;
        }
    }

    // Adds the sums to the gradients.
    void finish() {
        if (first_) return;  // no live step at all
        auto panel = [&](int p) { add_to_gradients(p); };
        parallel_for(panels(), g_.layer.threads, panel);
    }

  private:
    static constexpr int V = lanes<T>;
    static constexpr int most = gradient_vectors<Cell, S>;
    static constexpr int height = tile_rows(most);  // columns of the operand in one tile

    struct Run {
        const T *slots, *operand;
        int64_t count;
    };

    int panels() const { return int((g_.units * S::count + most - 1) / most); }
    T* sums() const { return buffer_; }  // [columns + 1, width]
    T* packed_slots() const { return sums() + (columns_ + 1) * width_; }
    T* packed_operand() const { return packed_slots() + gradient_chunk * width_; }

    int64_t panel_vectors(int panel) const { return smaller(most, g_.units * S::count - panel * most); }

    // Where the panel's columns lie within a row of slots.
    int64_t slots_offset(int panel) const {
        return S::count == Cell::slots ? panel * most * V : (panel * Cell::slots + S::first) * V;
    }

    bool next_chunk(LiveRows<T, Cell>& live) {
        runs_ = 0;
        chunk_ = 0;
        int64_t s, row, count;
        while (chunk_ < gradient_chunk && live.next(gradient_chunk - chunk_, s, row, count)) {
            run_[runs_++] = {g_.slots().at(s, row), operand_.at(s, row), count};
            chunk_ += count;
        }
        return chunk_ > 0;
    }

    void pack_operand(int64_t first) {
        const int64_t wanted = smaller(height, columns_ - first);
        T* to = packed_operand() + first * gradient_chunk;
        for (int r = 0; r < runs_; ++r)
            for (int64_t k = 0; k < run_[r].count; ++k, to += height)
                for (int64_t c = 0; c < wanted; ++c) to[c] = run_[r].operand[k * operand_.row + first + c];
    }

    void pack_slots(int panel, T* to) const {
        const int64_t vectors = panel_vectors(panel);
        for (int r = 0; r < runs_; ++r)
            for (int64_t k = 0; k < run_[r].count; ++k, to += vectors * V) {
                const T* from = run_[r].slots + k * g_.slots_row + slots_offset(panel);
                for (int64_t v = 0; v < vectors; ++v) store(to + v * V, load(from + v * V));
            }
    }

    void multiply_panel(int panel) {
        T* slots = packed_slots() + panel * most * V * gradient_chunk;
        if (pack_) pack_slots(panel, slots);
        dispatch_vectors<most>(panel_vectors(panel), [&](auto vectors) {
            for (int64_t column = 0; column < columns_; column += height)
                dispatch_rows<height>(int(smaller(height, columns_ - column)), [&](auto rows) {
                    multiply_tile<decltype(rows)::value, decltype(vectors)::value>(panel, column, slots);
                });
        });
    }

    template <int Rows, int Vectors>
    ELMAN_INLINE void multiply_tile(int panel, int64_t column, const T* slots) {
        T* const to = sums() + panel * most * V;
        Tile<T, Rows, Vectors> tile;
        Tile<T, 1, Vectors> ones;
        tile.zero();
        ones.zero();
        if (!first_) {
            tile.load_from(to + column * width_, width_);
            ones.load_from(to + columns_ * width_, width_);
        }
        const bool with_ones = d_bias_ && column == 0;
        auto multiply = [&](const T* a, ptrdiff_t depth_stride, const T* b, ptrdiff_t b_stride,
                            int64_t depth) {
            if (with_ones)
                multiply_and_sum(tile, ones, a, depth_stride, b, b_stride, depth);
            else
                tile.multiply(a, 1, depth_stride, b, b_stride, depth);
        };
        if (pack_)
            multiply(packed_operand() + column * gradient_chunk, height, slots, Vectors * V, chunk_);
        else
            for (int r = 0; r < runs_; ++r)
                multiply(run_[r].operand + column, operand_.row, run_[r].slots + slots_offset(panel),
                         g_.slots_row, run_[r].count);
        tile.store_to(to + column * width_, width_);
        if (with_ones) ones.store_to(to + columns_ * width_, width_);
    }

    void add_to_gradients(int panel) {
        const Layer<T>& l = g_.layer;
        for (int64_t v = panel * most; v < panel * most + panel_vectors(panel); ++v) {
            const int64_t h = v / S::count * V;
            const int64_t row = Cell::gate_of_slot[S::first + v % S::count] * l.hidden_size + h;
            const int64_t wanted = smaller(V, l.hidden_size - h);
            add_transposed(sums() + v * V, width_, wanted, columns_, d_weight_ + row * columns_, columns_);
            for (int64_t i = 0; d_bias_ && i < wanted; ++i)
                d_bias_[row + i] += sums()[columns_ * width_ + v * V + i];
        }
    }

    const Geometry<T, Cell>& g_;
    const Array3<const T> operand_;
    const int64_t columns_;
    T *const d_weight_, *const d_bias_, *const buffer_;
    const int64_t width_;
    const bool pack_;
    bool first_ = true;
    int runs_ = 0;
    int64_t chunk_ = 0;
    Run run_[gradient_chunk];
};

}  // namespace elman::ELMAN_ISA
