// The weights of a cell, packed in the order in which its walks read them.
#pragma once

#include "gemm.hpp"
#include "geometry.hpp"
#include "pack.hpp"

namespace elman::ELMAN_ISA {

// One panel of `width` unit vectors from `unit`: [biases][W by input][U by hidden unit].
template <class Cell, class Stage, class T>
void pack_forward_panel(const Geometry<T, Cell>& g, int64_t unit, int64_t width, T* to) {
    using Columns = StageColumns<Stage>;
    const Layer<T>& l = g.layer;
    constexpr int V = lanes<T>;
    for (int64_t u = 0; u < width; ++u)
        for (int c = 0; c < Columns::count; ++c) {
            const int slot = Columns::first + c;
            const bool from_input = slot >= Stage::Input::first && slot < Stage::Input::end;
            const bool from_hidden = slot >= Stage::Hidden::first && slot < Stage::Hidden::end;
            for (int lane = 0; lane < V; ++lane) {
                const int64_t h = (unit + u) * V + lane;
                const int64_t row = Cell::gate_of_slot[slot] * l.hidden_size + h;
                T bias = 0;
                if (h < l.hidden_size && l.bias_ih && from_input) bias += l.bias_ih[row];
                if (h < l.hidden_size && l.bias_hh && from_hidden) bias += l.bias_hh[row];
                *to++ = bias;
            }
        }
    auto pack = [&](auto slots, const T* weight, int64_t depth) {
        using S = decltype(slots);
        const int64_t stride = width * S::count * V;
        for (int64_t u = 0; u < width; ++u)
            for (int c = 0; c < S::count; ++c) {
                const int64_t h = (unit + u) * V;
                const int gate = Cell::gate_of_slot[S::first + c];
                transpose_rows(weight + (gate * l.hidden_size + h) * depth, depth,
                               smaller(V, l.hidden_size - h), depth, to + (u * S::count + c) * V,
                               stride);
            }
        to += depth * stride;
    };
    pack(typename Stage::Input{}, l.weight_ih, l.input_size);
    pack(typename Stage::Hidden{}, l.weight_hh, l.hidden_size);
}

// Panels of at most four vectors of columns of `weight` [gates * hidden, columns]; the rows of a
// panel are the columns of `count` slots, in the workspace's order.
template <class Cell, class T>
void pack_backward_slots(const Geometry<T, Cell>& g, int slot, int count, const T* weight, int64_t columns,
                         T* to) {
    constexpr int V = lanes<T>;
    const int64_t hidden = g.layer.hidden_size;
    for (int64_t first = 0; first < columns; first += 4 * V) {
        const int64_t width = smaller(4, vectors_for<T>(columns - first)) * V;
        const int64_t wanted = smaller(width, columns - first);
        for (int64_t unit = 0; unit < g.units; ++unit)
            for (int c = 0; c < count; ++c)
                for (int lane = 0; lane < V; ++lane, to += width) {
                    const int64_t h = unit * V + lane;
                    const int64_t row = Cell::gate_of_slot[slot + c] * hidden + h;
                    const T* from = weight + row * columns + first;
                    for (int64_t j = 0; j < width; j += V)
                        store(to + j, h < hidden && j < wanted ? load_up_to(from + j, wanted - j)
                                                               : Vector<T>{});
                }
    }
}

// The same of the slots S: all in one product, or by gate each in one of its own.
template <class Cell, class S, class T>
void pack_backward(const Geometry<T, Cell>& g, const T* weight, int64_t columns, T* to) {
    const int64_t width = vectors_for<T>(columns) * lanes<T>;
    const int count = g.by_gate() ? 1 : S::count;
    for (int slot = S::first; slot < S::end; slot += count, to += g.units * count * lanes<T> * width)
        pack_backward_slots(g, slot, count, weight, columns, to);
}

}  // namespace elman::ELMAN_ISA
