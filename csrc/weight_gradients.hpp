// dW = sum over steps and rows of (gradient of the slots) x (operand), after the backward walk.
//
// Included by sequence.hpp. The sum over steps and rows is the depth of a product whose rows are
// the operand's columns (and a row of ones, for the bias) and whose columns are the slots.
#pragma once

namespace elman::ELMAN_ISA {

// Live (step, row) pairs in the order of the walk, as runs of rows of one step; one single run
// when the strides allow it.
template <class T, class Cell>
class LiveRows {
  public:
    LiveRows(const Geometry<T, Cell>& g, Array3<const T> operand)
        : g_(g),
          uniform_(!g.layer.live && operand.step == g.layer.batch * operand.row),
          all_(g.layer.steps * g.layer.batch) {}

    // The next run of at most `most` rows; false at the end.
    bool next(int64_t most, int64_t& s, int64_t& row, int64_t& count) {
        const int64_t steps = uniform_ ? smaller(1, all_) : g_.layer.steps;
        while (s_ < steps && row_ >= run(s_)) {
            ++s_;
            row_ = 0;
        }
        if (s_ >= steps) return false;
        s = s_;
        row = row_;
        count = smaller(most, run(s_) - row_);
        row_ += count;
        return true;
    }

  private:
    int64_t run(int64_t s) const { return uniform_ ? all_ : g_.live(s); }

    const Geometry<T, Cell>& g_;
    const bool uniform_;
    const int64_t all_;
    int64_t s_ = 0, row_ = 0;
};

constexpr int64_t gradient_chunk = 256;  // rows of one packed chunk: a panel of them fits in L2

template <class Cell, class S>
constexpr int gradient_vectors = S::count == Cell::slots ? 4 : S::count;

template <class T, class Cell, class S>
int64_t gradient_elements(const Geometry<T, Cell>& g, int64_t columns) {
    const int64_t width = g.template depth<S>();
    // The operand is packed in tiles of up to 8 columns, the last one with gaps.
    return (columns + 1) * width + gradient_chunk * (width + columns + 8);
}

template <class Cell, class S, class T>
class WeightGradient {
  public:
    // operand: [step of the walk, row, columns]
    WeightGradient(const Geometry<T, Cell>& g, Array3<const T> operand, int64_t columns, T* d_weight,
                   T* d_bias)
        : g_(g), operand_(operand), columns_(columns), d_weight_(d_weight), d_bias_(d_bias),
          width_(g.template depth<S>()) {}

    void run() {
        const int64_t vectors = g_.units * S::count;
        const int panels = int((vectors + most - 1) / most);
        // Narrow rows are read where they lie; wide ones are packed chunk by chunk, because rows
        // that are a page apart defeat the caches.
        const bool in_place = g_.slots_row * sizeof(T) <= 1024 && operand_.row * sizeof(T) <= 512;
        if (in_place) {
            auto whole = [&](int panel) { panel_in_place(panel); };
            parallel_for(panels, g_.layer.threads, whole);
            return;
        }
        LiveRows<T, Cell> rows(g_, operand_);
        first_ = true;
        while (gather(rows)) {
            auto chunk = [&](int panel) { panel_of_chunk(panel); };
            parallel_for(panels, g_.layer.threads, chunk);
            first_ = false;
        }
        auto scatter = [&](int panel) { if (!first_) add_to_gradients(panel); };
        parallel_for(panels, g_.layer.threads, scatter);
    }

  private:
    static constexpr int V = lanes<T>;
    static constexpr int most = gradient_vectors<Cell, S>;

    T* sums() const { return g_.layer.buffer[gradient_buffer]; }  // [columns + 1, width]
    T* packed_slots() const { return sums() + (columns_ + 1) * width_; }
    T* packed_operand() const { return packed_slots() + gradient_chunk * width_; }

    int64_t panel_vectors(int panel) const { return smaller(most, g_.units * S::count - panel * most); }
    // Where the panel's columns lie within a row of slots.
    int64_t slots_offset(int panel) const {
        return S::count == Cell::slots ? panel * most * V : (panel * Cell::slots + S::first) * V;
    }

    // Visits the tiles of a panel: visit(first column of the operand, tile height, tile width).
    template <class Visit>
    void for_tiles(int panel, Visit&& visit) const {
        dispatch_vectors<most>(panel_vectors(panel), [&](auto vectors) {
            for_row_tiles<tile_rows(decltype(vectors)::value)>(
                columns_, [&](int64_t column, auto rows) { visit(column, rows, vectors); });
            if (d_bias_) visit(columns_, RowCount<1>{}, vectors);
        });
    }

    void panel_in_place(int panel) {
        const T one = 1;
        for_tiles(panel, [&](int64_t column, auto rows, auto vectors) {
            Tile<T, decltype(rows)::value, decltype(vectors)::value> tile;
            tile.zero();
            LiveRows<T, Cell> live(g_, operand_);
            int64_t s, row, count;
            while (live.next(INT64_MAX, s, row, count)) {
                const bool ones = column == columns_;
                tile.multiply(ones ? &one : operand_.at(s, row) + column, 1, ones ? 0 : operand_.row,
                              g_.slots().at(s, row) + slots_offset(panel), g_.slots_row, count);
            }
            tile.store_to(sums() + column * width_ + panel * most * V, width_);
        });
        add_to_gradients(panel);
    }

    // Notes the next chunk of live rows and packs the operand's share of it.
    bool gather(LiveRows<T, Cell>& live) {
        chunk_ = 0;
        int64_t s, row, count;
        while (chunk_ < gradient_chunk && live.next(gradient_chunk - chunk_, s, row, count))
            for (int64_t r = 0; r < count; ++r, ++chunk_) {
                slots_rows_[chunk_] = g_.slots().at(s, row + r);
                operand_rows_[chunk_] = operand_.at(s, row + r);
            }
        if (chunk_ == 0) return false;
        constexpr int tile = tile_rows(most);
        auto pack = [&](int part) {
            const int64_t first = part * tile;
            const int64_t height = smaller(tile, columns_ - first);
            T* to = packed_operand() + first * gradient_chunk;
            for (int64_t k = 0; k < chunk_; ++k, to += tile)
                for (int64_t c = 0; c < height; ++c) to[c] = operand_rows_[k][first + c];
        };
        parallel_for(int((columns_ + tile - 1) / tile), g_.layer.threads, pack);
        return true;
    }

    void panel_of_chunk(int panel) {
        const T one = 1;
        const int64_t vectors = panel_vectors(panel);
        T* slots = packed_slots() + panel * most * V * gradient_chunk;
        for (int64_t k = 0; k < chunk_; ++k) {
            const T* from = slots_rows_[k] + slots_offset(panel);
            for (int64_t v = 0; v < vectors; ++v)
                store(slots + (k * vectors + v) * V, load(from + v * V));
        }
        dispatch_vectors<most>(vectors, [&](auto constant) {
            constexpr int Vectors = decltype(constant)::value;
            constexpr int tile_height = tile_rows(most);
            T* to = sums() + panel * most * V;
            auto tile_of = [&](int64_t column, const T* a, int64_t depth_stride, auto rows) {
                Tile<T, decltype(rows)::value, Vectors> tile;
                if (first_)
                    tile.zero();
                else
                    tile.load_from(to + column * width_, width_);
                tile.multiply(a, 1, depth_stride, slots, Vectors * V, chunk_);
                tile.store_to(to + column * width_, width_);
            };
            for (int64_t column = 0; column < columns_; column += tile_height)
                dispatch_rows<tile_height>(int(smaller(tile_height, columns_ - column)), [&](auto rows) {
                    tile_of(column, packed_operand() + column * gradient_chunk, tile_height, rows);
                });
            if (d_bias_) tile_of(columns_, &one, 0, RowCount<1>{});
        });
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
    T *const d_weight_, *const d_bias_;
    const int64_t width_;
    bool first_ = true;
    int64_t chunk_ = 0;
    const T *slots_rows_[gradient_chunk], *operand_rows_[gradient_chunk];
};

}  // namespace elman::ELMAN_ISA
