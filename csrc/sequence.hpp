// The time loop of any cell: forward, backpropagation through time, and the weight gradients.
//
// Steps are numbered along the walk: s = 0, 1, ... is time t = s, or t = steps - 1 - s in reverse.
// Rows are sorted by length, so the rows alive at a step are always a prefix of the batch. Each
// thread owns a range of rows: forward it walks the whole sequence on it, backward part by part,
// between which the weight gradients are taken, split by their own elements. No split touches the
// order of any sum.
#pragma once

#include "gates.hpp"
#include "gemm.hpp"
#include "geometry.hpp"
#include "normalized.hpp"
#include "panels.hpp"
#include "regularized.hpp"
#include "threads.hpp"

namespace elman::ELMAN_ISA {

// ---------------------------------------------------------------------------------------------
// Forward

// sums[rows, Vectors] = biases + W x + U operand, on one tile. Input and Hidden are the columns of
// the tile, in vectors, that each product reaches. The same for all cells of one shape.
template <int Vectors, class Input, class Hidden, int Rows, class T>
void sum_tile(const T* panel, const T* x, ptrdiff_t x_row, int64_t input_size, const T* operand,
              ptrdiff_t operand_row, int64_t hidden_size, T* sums) {
    constexpr int V = lanes<T>;
    Tile<T, Rows, Vectors> tile;
    tile.fill(panel);
    panel += Vectors * V;
    tile.template multiply<Input::first, Input::count>(x, x_row, 1, panel, Input::count * V, input_size);
    panel += input_size * Input::count * V;
    tile.template multiply<Hidden::first, Hidden::count>(operand, operand_row, 1, panel,
                                                         Hidden::count * V, hidden_size);
    tile.store_to(sums, Vectors * V);
}

// The pointwise mathematics of a tile whose sums stand ready. Compiled once for all tile shapes: a
// compiler may fuse a b + c d in two ways, and two copies of this loop could round differently.
template <class Cell, class Stage, bool Last, class T>
ELMAN_ONE_COPY void finish_tile(const Geometry<T, Cell>& g, const T* sums, int64_t s, int64_t row,
                                int64_t rows, int64_t unit, int64_t units) {
    constexpr int V = lanes<T>;
    const Layer<T>& l = g.layer;
    const int64_t padded = g.padded, slots_row = g.slots_row, output_row = l.output.row;
    const int64_t wanted = l.hidden_size - unit * V;
    ForwardUnit<T> first;  // of the current row
    first.slots = g.slots().at(s, row) + unit * V * Cell::slots;
    for (int k = 0; k < Cell::states; ++k) {
        first.previous[k] = g.state(k, s, row) + unit * V;
        first.next[k] = g.state(k, s + 1, row) + unit * V;
    }
    first.operand = g.operand().at(s, row) + unit * V;
    T* output = l.output.at(g.time(s), row) + unit * V;
    for (int64_t r = 0; r < rows; ++r) {
        ForwardUnit<T> here = first;
        for (int64_t u = 0; u < units; ++u, sums += StageColumns<Stage>::count * V) {
            here.sums = sums;
            if constexpr (Last && Cell::reads_out)
                Stage::template memory<T>(here);
            else
                Stage::template forward<T>(here);
            if constexpr (Last && !Cell::reads_out)
                store_up_to(output + u * V, load(here.next[0]), wanted - u * V);
            here.slots += V * Cell::slots;
            here.operand += V;
            for (int k = 0; k < Cell::states; ++k) {
                here.previous[k] += V;
                here.next[k] += V;
            }
        }
        first.slots += slots_row;
        first.operand += padded;
        for (int k = 0; k < Cell::states; ++k) {
            first.previous[k] += padded;
            first.next[k] += padded;
        }
        output += output_row;
    }
}

// What a cell reads out of its last state, after `finish_tile`: a pass of its own, in which the long
// chain of one row's operations overlaps with the others'.
template <class Cell, class Stage, class T>
ELMAN_ONE_COPY void read_out_tile(const Geometry<T, Cell>& g, int64_t s, int64_t row, int64_t rows,
                                  int64_t unit, int64_t units) {
    constexpr int V = lanes<T>;
    const int64_t wanted = g.layer.hidden_size - unit * V, output_row = g.layer.output.row;
    const int64_t padded = g.padded, slots_row = g.slots_row;
    T* slots = g.slots().at(s, row) + unit * V * Cell::slots;
    T* hidden = g.state(0, s + 1, row) + unit * V;
    const T* last = g.state(Cell::states - 1, s + 1, row) + unit * V;
    T* output = g.layer.output.at(g.time(s), row) + unit * V;
    for (int64_t r = 0; r < rows; ++r) {
        for (int64_t u = 0; u < units * V; u += V) {
            ForwardUnit<T> here;
            here.slots = slots + u * Cell::slots;
            here.next[0] = hidden + u;
            Stage::template read_out<T>(here, load(last + u));
            store_up_to(output + u, load(here.next[0]), wanted - u);
        }
        slots += slots_row;
        hidden += padded;
        last += padded;
        output += output_row;
    }
}

constexpr int64_t finished_rows = 24;  // their sums, at most 6 KiB, stay in the first-level cache

template <class Cell, class Stage, bool Last, class T>
void forward_stage(const Geometry<T, Cell>& g, const T* weights, int64_t s, int64_t first_row,
                   int64_t rows) {
    using Columns = StageColumns<Stage>;
    const Array3<const T>& x = g.layer.x;
    const int64_t t = g.time(s);
    for (int64_t unit = 0; unit < g.units;) {
        const int64_t width = smaller(Columns::most_units, g.units - unit);
        dispatch_vectors<Columns::most_units>(width, [&](auto units) {
            constexpr int Units = decltype(units)::value;
            constexpr int vectors = Units * Columns::count;
            using Input = Slots<Stage::Input::first - Columns::first, Units * Stage::Input::count>;
            using Hidden = Slots<Stage::Hidden::first - Columns::first, Units * Stage::Hidden::count>;
            alignas(64) T sums[finished_rows * vectors * lanes<T>];
            for (int64_t done = 0; done < rows; done += finished_rows) {
                const int64_t row = first_row + done, block = smaller(finished_rows, rows - done);
                const T* const x_rows = x.at(t, row);
                const T* const operand = g.template hidden_operand<Stage>(s, row);
                for_row_tiles<tile_rows(vectors)>(block, [&](int64_t tile, auto count) {
                    constexpr int Rows = decltype(count)::value;
                    T* const to = sums + tile * vectors * lanes<T>;
                    if (g.by_gate())
                        sum_by_gate<Cell, Stage, Rows>(g, weights, Units, s, row + tile, to);
                    else
                        sum_tile<vectors, Input, Hidden, Rows>(
                            weights, x_rows + tile * x.row, x.row, g.layer.input_size,
                            operand + tile * g.padded, g.padded, g.layer.hidden_size, to);
                });
                if constexpr (is_regularized<Cell>)
                    finish_regularized_tile<Cell, Stage, Last>(g, sums, s, row, block, unit, Units);
                else
                    finish_tile<Cell, Stage, Last>(g, sums, s, row, block, unit, Units);
                if constexpr (!is_regularized<Cell> && Last && Cell::reads_out)
                    read_out_tile<Cell, Stage>(g, s, row, block, unit, Units);
            }
        });
        weights += width * g.template forward_panel<Stage>();
        unit += width;
    }
}

// The whole walk on the rows [begin, end).
template <class Cell, class T, class... S>
void forward_rows(const Geometry<T, Cell>& g, int64_t begin, int64_t end, Stages<S...>) {
    const Layer<T>& l = g.layer;
    auto within = [&](int64_t rows) { return larger(smaller(rows, end), begin); };
    auto copy_final = [&](int k, int64_t row, const T* from) {
        if (l.final_state[k])
            copy_unpadded(l.final_state[k] + row * l.hidden_size, from, l.hidden_size);
    };
    auto initial = [&](int k, int64_t row) {
        return l.initial_state[k] ? l.initial_state[k] + row * l.hidden_size : nullptr;
    };
    if constexpr (is_regularized<Cell>) draw_masks(g, begin, end);
    for (int64_t s = 0; s < l.steps; ++s) {
        const int64_t alive = within(g.live(s)), t = g.time(s);
        for (int64_t row = within(g.live(s - 1)); row < alive; ++row) {  // rows that enter
            for (int k = 0; k < Cell::states; ++k)
                copy_padded(g.state(k, s, row), initial(k, row), l.hidden_size, g.padded);
            if constexpr (is_regularized<Cell>) drop_state(g, s, row);
        }

        if constexpr (is_normalized<Cell>) {
            forward_normalized(g, s, begin, alive - begin, Stages<S...>{});
        } else {
            const T* weights = l.buffer[forward_weights];
            int stages_left = sizeof...(S);
            ((--stages_left == 0 ? forward_stage<Cell, S, true>(g, weights, s, begin, alive - begin)
                                 : forward_stage<Cell, S, false>(g, weights, s, begin, alive - begin),
              weights += g.units * g.template forward_panel<S>()), ...);
        }

        for (int64_t row = alive; row < end; ++row)
            std::memset(l.output.at(t, row), 0, size_t(l.hidden_size) * sizeof(T));
        for (int64_t row = within(g.live(s + 1)); row < alive; ++row)  // rows that leave
            for (int k = 0; k < Cell::states; ++k) copy_final(k, row, g.state(k, s + 1, row));
    }
    const int64_t ever_alive = within(larger(g.live(0), g.live(l.steps - 1)));
    for (int64_t row = ever_alive; row < end; ++row)
        for (int k = 0; k < Cell::states; ++k)
            for (int64_t i = 0; l.final_state[k] && i < l.hidden_size; ++i)
                l.final_state[k][row * l.hidden_size + i] = initial(k, row) ? initial(k, row)[i] : T(0);
}

// ---------------------------------------------------------------------------------------------
// Backward in time

// to[rows, columns] (+)= slots S [rows] x packed weights.
template <class Cell, class S, bool Add, class T>
void multiply_slots(const Geometry<T, Cell>& g, const T* slots, int64_t rows, const T* weights, T* to,
                    ptrdiff_t to_row, int64_t columns) {
    constexpr int V = lanes<T>;
    constexpr bool all = S::count == Cell::slots;
    multiply_panels<Add>(slots + S::first * V, g.slots_row, all ? 1 : g.units, Cell::slots * V,
                         all ? g.template depth<S>() : S::count * V, rows, weights, to, to_row, columns);
}

template <class Cell, class Stage, bool Last, class T>
ELMAN_ONE_COPY void adjoint_pointwise(const Geometry<T, Cell>& g, int64_t s, int64_t begin,
                                      int64_t rows) {
    const Layer<T>& l = g.layer;
    constexpr int V = lanes<T>;
    AdjointUnit<T> here;  // rows of the workspace follow one another without gaps
    here.slots = g.slots().at(s, begin);
    for (int k = 0; k < Cell::states; ++k) {
        here.previous[k] = g.state(k, s, begin);
        here.next[k] = g.state(k, s + 1, begin);
        here.carry[k] = g.carry(k, begin);
    }
    here.operand_carry = g.operand_carry(begin);
    const T* d_output = Last && l.d_output.base ? l.d_output.at(g.time(s), begin) : nullptr;
    const int64_t padded = g.padded, hidden = l.hidden_size, d_output_row = l.d_output.row;
    for (int64_t row = 0; row < rows; ++row) {
        for (int64_t offset = 0; offset < padded; offset += V) {
            if (Last && d_output) {  // the last stage is the first on the way back
                const Vector<T> from_above = load_up_to(d_output + offset, hidden - offset);
                store(here.carry[0], load(here.carry[0]) + from_above);
            }
            Stage::template adjoint<T>(here);
            here.slots += V * Cell::slots;
            here.operand_carry += V;
            for (int k = 0; k < Cell::states; ++k) {
                here.previous[k] += V;
                here.next[k] += V;
                here.carry[k] += V;
            }
        }
        if (Last && d_output) d_output += d_output_row;
    }
}

template <class Cell, class Stage, bool Last, class T>
void adjoint_stage(const Geometry<T, Cell>& g, const T* weights, int64_t s, int64_t begin,
                   int64_t rows, bool cut) {
    if constexpr (is_regularized<Cell>)
        adjoint_regularized<Cell, Stage, Last>(g, s, begin, rows);
    else
        adjoint_pointwise<Cell, Stage, Last>(g, s, begin, rows);
    const T* slots = g.slots().at(s, begin);
    if (g.by_gate()) {
        adjoint_by_gate<Cell, Stage>(g, slots, weights, begin, rows);
        return;
    }
    if (Stage::operand == Operand::computed || g.dropping())
        multiply_slots<Cell, typename Stage::Hidden, false>(g, slots, rows, weights,
                                                            g.operand_carry(begin), g.padded, g.padded);
    else if (!cut)
        multiply_slots<Cell, typename Stage::Hidden, true>(g, slots, rows, weights, g.carry(0, begin),
                                                           g.padded, g.padded);
    if constexpr (is_regularized<Cell>) drop_gradient<Cell, Stage>(g, begin, rows);
}

// Stages in reverse order; `weights` are those of the first in the list.
template <class Cell, class T>
void adjoint_stages(const Geometry<T, Cell>&, const T*, int64_t, int64_t, int64_t, bool, Stages<>) {}

template <class Cell, class T, class First, class... Rest>
void adjoint_stages(const Geometry<T, Cell>& g, const T* weights, int64_t s, int64_t begin,
                    int64_t rows, bool cut, Stages<First, Rest...>) {
    const T* next = weights + g.template depth<typename First::Hidden>() * g.padded;
    adjoint_stages(g, next, s, begin, rows, cut, Stages<Rest...>{});
    adjoint_stage<Cell, First, sizeof...(Rest) == 0>(g, weights, s, begin, rows, cut);
}

// Truncation cuts between time steps k * truncate - 1 and k * truncate.
template <class T, class Cell>
bool cut_before(const Geometry<T, Cell>& g, int64_t s) {
    const Layer<T>& l = g.layer;
    if (l.truncate == 0 || s == 0) return false;
    return (l.reverse ? g.time(s) + 1 : g.time(s)) % l.truncate == 0;
}

// The steps and rows of a part, backwards. The carry passes from part to part.
template <class Cell, class T>
void backward_part(const Geometry<T, Cell>& g, const Part& part) {
    const Layer<T>& l = g.layer;
    const int64_t begin = part.first_row, end = part.last_row;
    for (int k = 0; k < Cell::states && part.last_step == l.steps; ++k)
        for (int64_t row = begin; row < end; ++row) {
            const T* given = l.d_final_state[k];
            copy_padded(g.carry(k, row), given ? given + row * l.hidden_size : nullptr, l.hidden_size,
                        g.padded);
        }
    for (int64_t s = part.last_step - 1; s >= part.first_step; --s) {
        const int64_t alive = larger(smaller(g.live(s), end), begin);
        // Rows that enter the walk here have no step before: nothing of theirs is cut.
        const int64_t older = larger(smaller(g.live(s - 1), alive), begin);
        const bool cut = cut_before(g, s) && older > begin;
        if constexpr (is_normalized<Cell>)
            adjoint_normalized(g, s, begin, alive - begin, typename Cell::StageList{});
        else
            adjoint_stages(g, (const T*)l.buffer[backward_weights], s, begin, alive - begin,
                           cut && older == alive, typename Cell::StageList{});
        for (int64_t row = begin; cut && row < older; ++row)
            for (int k = 0; k < Cell::states; ++k)
                std::memset(g.carry(k, row), 0, size_t(g.padded) * sizeof(T));
    }
    for (int k = 0; k < Cell::states && part.first_step == 0; ++k)
        for (int64_t row = begin; l.d_initial_state[k] && row < end; ++row)
            copy_unpadded(l.d_initial_state[k] + row * l.hidden_size, g.carry(k, row), l.hidden_size);
}

template <class Cell, class T>
void input_gradient_rows(const Geometry<T, Cell>& g, const T* weights, int64_t s, int64_t begin,
                         int64_t end) {
    const Layer<T>& l = g.layer;
    const int64_t alive = larger(smaller(g.live(s), end), begin), t = g.time(s);
    if (g.by_gate()) {
        input_gradient_by_gate(g, weights, s, begin, alive, end);
        return;
    }
    if constexpr (is_normalized<Cell>)
        normalized_input_gradient(g, weights, s, begin, alive - begin);
    else
        multiply_slots<Cell, typename Cell::Input, false>(g, g.slots().at(s, begin), alive - begin,
                                                          weights, l.d_x.at(t, begin), l.d_x.row,
                                                          l.input_size);
    for (int64_t row = alive; row < end; ++row)
        std::memset(l.d_x.at(t, row), 0, size_t(l.input_size) * sizeof(T));
}

}  // namespace elman::ELMAN_ISA

#include "cell_functions.hpp"
