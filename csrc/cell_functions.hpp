// The three entry points of a cell, and its registration. Included by sequence.hpp.
#pragma once

namespace elman::ELMAN_ISA {

template <class Cell, class T, class... S>
int64_t forward_weight_elements(const Geometry<T, Cell>& g, Stages<S...>) {
    return (0 + ... + (g.units * g.template forward_panel<S>()));
}

template <class Cell, class T, class... S>
int64_t backward_weight_elements(const Geometry<T, Cell>& g, Stages<S...>) {
    const int64_t inputs = vectors_for<T>(g.layer.input_size) * lanes<T>;
    const int64_t recurrent = (0 + ... + (g.template depth<typename S::Hidden>() * g.padded));
    return recurrent + g.template depth<typename Cell::Input>() * inputs;
}

template <class Cell, class T, class... S>
int64_t gradient_buffer_elements(const Geometry<T, Cell>& g, Stages<S...>) {
    int64_t most = gradient_elements<T, Cell, typename Cell::Input>(g, g.layer.input_size);
    ((most = larger(most, gradient_elements<T, Cell, typename S::Hidden>(g, g.layer.hidden_size))), ...);
    return most;
}

template <class Cell, class... S>
constexpr bool has_computed_operand(Stages<S...>) {
    return (false || ... || (S::operand == Operand::computed));
}

// Every buffer is given a vector more than it needs: pointers may step past the last row.
template <class Cell, class T>
void measure(const Layer<T>& layer, int64_t (&elements)[buffer_count]) {
    const Geometry<T, Cell> g(layer);
    constexpr typename Cell::StageList stages{};
    constexpr bool computed = has_computed_operand<Cell>(stages);
    const int64_t rows = g.kept_steps * layer.batch;
    elements[states_buffer] = Cell::states * (g.kept_steps + 1) * layer.batch * g.padded;
    elements[slots_buffer] = rows * g.slots_row;
    elements[operand_buffer] = computed ? rows * g.padded : 0;
    elements[carry_buffer] = layer.training ? Cell::states * layer.batch * g.padded : 0;
    elements[operand_carry_buffer] = layer.training && computed ? layer.batch * g.padded : 0;
    elements[forward_weights] = forward_weight_elements<Cell>(g, stages);
    elements[backward_weights] = layer.training ? backward_weight_elements<Cell>(g, stages) : 0;
    elements[gradient_buffer] = layer.training ? gradient_buffer_elements<Cell>(g, stages) : 0;
    for (int64_t& count : elements) count += lanes<T>;
}

// Splits the rows among the threads so that each has about the same number of live steps.
template <class Cell, class T, class Task>
void for_row_ranges(const Geometry<T, Cell>& g, Task&& task) {
    const Layer<T>& l = g.layer;
    const int ranges = int(smaller(l.threads, l.batch));
    if (ranges <= 1) {
        task(0, l.batch);
        return;
    }
    int64_t total = 0;
    for (int64_t s = 0; s < l.steps; ++s) total += g.live(s);
    // Rows are sorted by length: the row's own length is the number of steps that reach it.
    auto length = [&](int64_t row) {
        int64_t low = 0, high = l.steps;
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            const int64_t t = l.reverse ? l.steps - 1 - middle : middle;
            if (g.live(t) > row) low = middle + 1; else high = middle;
        }
        return low;
    };
    constexpr int most_ranges = 256;
    int64_t starts[most_ranges + 1] = {};
    int64_t done = 0, row = 0;
    const int count = int(smaller(ranges, most_ranges));
    for (int range = 0; range < count; ++range) {
        starts[range] = row;
        while (row < l.batch && (range == count - 1 || done * count < total * (range + 1)))
            done += l.live ? length(row++) : (++row, l.steps);
    }
    starts[count] = l.batch;
    auto run = [&](int range) { task(starts[range], starts[range + 1]); };
    parallel_for(count, l.threads, run);
}

template <class Cell, class T, class... S>
void pack_forward(const Geometry<T, Cell>& g, Stages<S...>) {
    T* to = g.layer.buffer[forward_weights];
    auto stage = [&](auto tag) {
        using Stage = decltype(tag);
        for (int64_t unit = 0; unit < g.units; unit += StageColumns<Stage>::most_units) {
            const int64_t width = smaller(StageColumns<Stage>::most_units, g.units - unit);
            pack_forward_panel<Cell, Stage>(g, unit, width, to);
            to += width * g.template forward_panel<Stage>();
        }
    };
    (stage(S{}), ...);
}

template <class Cell, class T>
void forward(const Layer<T>& layer) {
    const Geometry<T, Cell> g(layer);
    if (!layer.weights_packed) pack_forward<Cell>(g, typename Cell::StageList{});
    for_row_ranges<Cell>(g, [&](int64_t begin, int64_t end) {
        forward_rows<Cell>(g, begin, end, typename Cell::StageList{});
    });
}

template <class Cell, class T, class... S>
T* pack_recurrent(const Geometry<T, Cell>& g, Stages<S...>) {
    T* to = g.layer.buffer[backward_weights];
    ((pack_backward<Cell, typename S::Hidden>(g, g.layer.weight_hh, g.layer.hidden_size, to),
      to += g.template depth<typename S::Hidden>() * g.padded), ...);
    return to;
}

template <class Cell, class T>
void input_gradient(const Geometry<T, Cell>& g, T* weights) {
    const Layer<T>& l = g.layer;
    pack_backward<Cell, typename Cell::Input>(g, l.weight_ih, l.input_size, weights);
    auto step = [&](int s) { input_gradient_rows<Cell>(g, weights, s, 0, l.batch); };
    parallel_for(int(l.steps), l.threads, step);
}

template <class T>
Array3<const T> in_walk_order(const Layer<T>& l, Array3<const T> x) {
    if (!l.reverse || l.steps == 0) return x;
    return {x.at(l.steps - 1, 0), -x.step, x.row};
}

template <class Cell, class T, class... S>
void weight_gradients(const Geometry<T, Cell>& g, Stages<S...>) {
    const Layer<T>& l = g.layer;
    WeightGradient<Cell, typename Cell::Input, T>(g, in_walk_order(l, l.x), l.input_size, l.d_weight_ih,
                                                  l.d_bias_ih)
        .run();
    auto recurrent = [&](auto tag) {
        using Stage = decltype(tag);
        const Array3<T> operand = g.template hidden_operand<Stage>();
        WeightGradient<Cell, typename Stage::Hidden, T>(g, {operand.base, operand.step, operand.row},
                                                        l.hidden_size, l.d_weight_hh, l.d_bias_hh)
            .run();
    };
    (recurrent(S{}), ...);
}

template <class Cell, class T>
void backward(const Layer<T>& layer) {
    const Geometry<T, Cell> g(layer);
    T* input_weights = pack_recurrent<Cell>(g, typename Cell::StageList{});
    for_row_ranges<Cell>(g, [&](int64_t begin, int64_t end) { backward_rows<Cell>(g, begin, end); });
    if (layer.d_x.base) input_gradient<Cell>(g, input_weights);
    weight_gradients<Cell>(g, typename Cell::StageList{});
}

template <class Cell>
constexpr CellKernels cell(const char* name) {
    return {name, Cell::states, Cell::gates,
            {measure<Cell, float>, forward<Cell, float>, backward<Cell, float>},
            {measure<Cell, double>, forward<Cell, double>, backward<Cell, double>}};
}

}  // namespace elman::ELMAN_ISA

// A cell file ends with ELMAN_CELLS(<its own file name>, cell<A>("a"), cell<B>("b"), ...).
#define ELMAN_CELLS(file, ...)                                             \
    constexpr CellKernels file##_cells[] = {__VA_ARGS__};                  \
    constexpr int file##_cell_count = int(sizeof file##_cells / sizeof file##_cells[0]);
