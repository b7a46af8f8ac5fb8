// The three entry points of a cell, and its registration. Included by sequence.hpp.
#pragma once

#include <utility>

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
    if (g.by_gate())
        return Cell::Input::count * sums_elements<T>(g.units, 1, g.layer.input_size) +
               hidden_slots(Stages<S...>{}) * sums_elements<T>(g.units, 1, g.layer.hidden_size) +
               packed_slots_elements<T>(g.units, Cell::slots);
    const int64_t sums = (sums_elements<T>(g.units, Cell::Input::count, g.layer.input_size) + ... +
                          sums_elements<T>(g.units, S::Hidden::count, g.layer.hidden_size));
    // Under layer normalisation every weight has slots of its own.
    const int slots = is_normalized<Cell> ? (Cell::Input::count + ... + S::Hidden::count) : Cell::slots;
    return sums + packed_slots_elements<T>(g.units, slots);
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
    if constexpr (is_regularized<Cell>) {
        const bool dropping = g.dropping();
        for (int k = 0; k < Cell::states; ++k)
            if (g.zones_out(k)) elements[made_buffer] = Cell::states * rows * g.padded;
        elements[mask_buffer] = dropping ? g.sets() * layer.batch * g.padded : 0;
        elements[dropped_buffer] = dropping ? g.sets() * (g.kept_steps + 1) * layer.batch * g.padded : 0;
        if (layer.training) elements[operand_carry_buffer] = layer.batch * g.padded;
    }
    if constexpr (is_normalized<Cell>) measure_normalized(g, elements);
    for (int64_t& count : elements) count += lanes<T>;
}

// The rows of a part in ranges for the threads, each with about as many live steps.
struct RowRanges {
    static constexpr int most = 256;
    Part part;
    int count = 1;
    int64_t starts[most + 1];

    Part at(int range) const {
        return {part.first_step, part.last_step, starts[range], starts[range + 1]};
    }
};

template <class Cell, class T>
RowRanges row_ranges(const Geometry<T, Cell>& g, const Part& part) {
    const int64_t begin = part.first_row, end = part.last_row;
    RowRanges ranges;
    ranges.part = part;
    ranges.count = int(larger(1, smaller(smaller(g.layer.threads, end - begin), RowRanges::most)));
    ranges.starts[0] = begin;
    ranges.starts[ranges.count] = end;
    if (ranges.count == 1) return ranges;
    auto work_below = [&](int64_t row) {
        int64_t work = 0;
        for (int64_t s = part.first_step; s < part.last_step; ++s)
            work += larger(smaller(g.live(s), row) - begin, 0);
        return work;
    };
    const int64_t total = work_below(end);
    for (int range = 1; range < ranges.count; ++range) {
        int64_t low = ranges.starts[range - 1], high = end;
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (work_below(middle) * ranges.count < total * range) low = middle + 1; else high = middle;
        }
        if (is_normalized<Cell>) low = smaller((low + norm_block - 1) / norm_block * norm_block, end);
        ranges.starts[range] = low;
    }
    return ranges;
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
    if (!layer.weights_packed) {
        if constexpr (is_normalized<Cell>)
            pack_normalized(g);
        else
            pack_forward<Cell>(g, typename Cell::StageList{});
    }
    const RowRanges ranges = row_ranges<Cell>(g, Part{0, layer.steps, 0, layer.batch});
    auto walk = [&](int range) {
        forward_rows<Cell>(g, ranges.starts[range], ranges.starts[range + 1], typename Cell::StageList{});
    };
    parallel_for(ranges.count, layer.threads, walk);
}

template <class Cell, class T, class... S>
T* pack_recurrent(const Geometry<T, Cell>& g, const T* weight_hh, Stages<S...>) {
    T* to = g.layer.buffer[backward_weights];
    ((pack_backward<Cell, typename S::Hidden>(g, weight_hh, g.layer.hidden_size, to),
      to += g.template depth<typename S::Hidden>() * g.padded), ...);
    return to;
}

template <class T>
Array3<const T> in_walk_order(const Layer<T>& l) {
    if (!l.reverse || l.steps == 0) return l.x;
    return {l.x.at(l.steps - 1, 0), -l.x.step, l.x.row};
}

// Where each gate has dropout factors of its own, each slot has an operand of its own.
template <class Cell, class T, class Visit, class... S>
void visit_slot_by_slot(const Geometry<T, Cell>& g, const Array3<const T>& x, T* buffer, Stages<S...> stages,
                        Visit&& visit) {
    constexpr int inputs = Cell::Input::count;  // their slots begin at 0
    constexpr int count = inputs + hidden_slots(Stages<S...>{});
    const Layer<T>& l = g.layer;
    WeightOfSlots<T> weights[count];
    for (int slot = 0; slot < inputs; ++slot) {
        const Array3<const T> read = {x.base + g.set_of(slot) * l.x_gate, x.step, x.row};
        weights[slot] = {slot, 1, read, l.input_size, l.d_weight_ih, l.d_bias_ih};
    }
    for (int i = inputs; i < count; ++i) {
        const int slot = first_hidden_slot(stages) + i - inputs;
        const Array3<T> read = operand_of_slot(g, slot, stages);
        weights[i] = {slot, 1, {read.base, read.step, read.row}, l.hidden_size, l.d_weight_hh, l.d_bias_hh};
    }
    WeightGradients<T, count> all[] = {{l, g.slot_gradients(), weights, buffer}};
    visit(all);
}

// Calls visit(the weight gradients), of the weights of the input and of every stage's operand.
template <class Cell, class T, class Visit, class... S>
void with_weight_gradients(const Geometry<T, Cell>& g, Stages<S...>, Visit&& visit) {
    const Layer<T>& l = g.layer;
    T* const buffer = l.buffer[gradient_buffer];
    const Array3<const T> x = in_walk_order(l);
    auto operand = [&](auto stage) -> Array3<const T> {
        const Array3<T> read = g.template hidden_operand<decltype(stage)>();
        return {read.base, read.step, read.row};
    };
    if constexpr (may_drop_by_gate<Cell>)
        if (g.by_gate()) return visit_slot_by_slot(g, x, buffer, Stages<S...>{}, visit);
    if constexpr (is_normalized<Cell>) {
        const NormalizedGeometry<T, Cell> n(g);
        using P = typename NormalizedGeometry<T, Cell>::P;
        T* next = buffer;
        auto weight = [&](int product, const Array3<const T>& read, T* d_weight, T* d_bias) {
            const int64_t columns = n.inputs(product);
            const int count = P::counts[product];
            const WeightOfSlots<T> one[] = {{0, count, read, columns, d_weight, d_bias}};
            T* const taken = next;
            next += sums_elements<T>(g.units, count, columns) + packed_slots_elements<T>(g.units, count);
            return WeightGradients<T, 1>(l, n.slot_gradients(product), one, taken);
        };
        T* const d_bias_hh = l.d_bias_hh ? n.d_bias_hh() : nullptr;
        int product = 0;
        WeightGradients<T, 1> all[] = {
            weight(0, x, n.d_weight_ih(), l.d_bias_ih ? n.d_bias_ih() : nullptr),
            weight(++product, operand(S{}), n.d_weight_hh(), d_bias_hh)...};
        clear_norm_gradients(g);
        visit(all);
        finish_norm_gradients(g);
    } else {
        using Input = typename Cell::Input;
        const WeightOfSlots<T> weights[] = {
            {Input::first, Input::count, x, l.input_size, l.d_weight_ih, l.d_bias_ih},
            {S::Hidden::first, S::Hidden::count, operand(S{}), l.hidden_size, l.d_weight_hh, l.d_bias_hh}...};
        WeightGradients<T, 1 + int(sizeof...(S))> all[] = {{l, g.slot_gradients(), weights, buffer}};
        visit(all);
    }
}

// Backward goes through the walk in parts: the adjoints of a few steps, then at once their share
// of the input gradient and of the weight gradients, while the slots are in the cache. Narrow
// layers also take few rows at a time. The rows of a part depend on the cell and its sizes alone,
// because they are the order of the weight gradients' sums; the steps do not show in them, so
// that several threads may take all steps of a narrow layer before they meet.
template <class Cell, class T>
int64_t rows_at_once(const Geometry<T, Cell>& g) {
    const int64_t most = g.slots_row * int64_t(sizeof(T)) <= 512 ? 96 : gradient_chunk;
    return larger(1, smaller(most, g.layer.batch));
}

template <class Cell, class T>
int64_t steps_at_once(const Geometry<T, Cell>& g, int64_t rows) {
    constexpr int64_t first_level = 32 * 1024, second_level = 128 * 1024;
    const int64_t bytes = g.slots_row * int64_t(sizeof(T));
    const int64_t fitting = first_level / bytes;  // rows of slots
    // Every part reads and writes the sums once, which pays only while they are small.
    const int64_t sums = (g.layer.input_size + g.layer.hidden_size) * bytes;
    const bool narrow = fitting >= 32 && sums <= second_level;
    if (narrow && g.layer.threads > 1) return larger(1, g.layer.steps);
    return larger(1, (narrow ? fitting : gradient_chunk) / larger(1, rows));
}

// The `index`-th of the tasks of all weight gradients, of which each has `count(it)`.
template <class Gradients, class Count, class Task>
void do_task(Gradients& all, int index, Count&& count, Task&& task) {
    for (auto& each : all) {
        const int own = count(each);
        if (index < own) return task(each, index);
        index -= own;
    }
}

template <class Gradients, class Count>
int count_tasks(Gradients& all, Count&& count) {
    int sum = 0;
    for (auto& each : all) sum += count(each);
    return sum;
}

// One part of the way back. The threads meet twice: after the adjoints and the packing of what the
// weights read, which do not touch each other, and after the products with the adjoints' results.
template <class Cell, class T, class Gradients>
void go_back(const Geometry<T, Cell>& g, Gradients& all, const T* input_weights, const Part& part) {
    const Layer<T>& l = g.layer;
    for (auto& each : all) each.start(part);
    const RowRanges ranges = row_ranges<Cell>(g, part);
    auto tiles = [](const auto& each) { return each.tiles(); };
    auto walk_or_pack = [&](int index) {
        if (index < ranges.count) return backward_part<Cell>(g, ranges.at(index));
        do_task(all, index - ranges.count, tiles, [](auto& each, int tile) { each.pack_tile(tile); });
    };
    parallel_for(ranges.count + count_tasks(all, tiles), l.threads, walk_or_pack);

    auto products = [](const auto& each) { return each.tasks(); };
    const int weights = count_tasks(all, products);
    auto multiply = [&](int index) {
        if (index < weights)
            return do_task(all, index, products, [](auto& each, int task) { each.multiply(task); });
        input_gradient_rows<Cell>(g, input_weights, part.first_step + index - weights, part.first_row,
                                  part.last_row);
    };
    const int64_t inputs = l.d_x.base ? part.last_step - part.first_step : 0;
    parallel_for(weights + int(inputs), l.threads, multiply);
    for (auto& each : all) each.add_rest();
}

template <class Cell, class T>
void backward(const Layer<T>& layer) {
    const Geometry<T, Cell> g(layer);
    const T *weight_ih = layer.weight_ih, *weight_hh = layer.weight_hh;
    if constexpr (is_normalized<Cell>) {
        weight_ih = NormalizedGeometry<T, Cell>(g).centred_weight_ih();
        weight_hh = NormalizedGeometry<T, Cell>(g).centred_weight_hh();
    }
    T* const input_weights = pack_recurrent<Cell>(g, weight_hh, typename Cell::StageList{});
    if (layer.d_x.base)
        pack_backward<Cell, typename Cell::Input>(g, weight_ih, layer.input_size, input_weights);
    with_weight_gradients<Cell>(g, typename Cell::StageList{}, [&](auto& weight_gradients) {
        const int64_t rows = rows_at_once<Cell>(g);
        for (int64_t row = 0; row < layer.batch; row += rows) {
            const int64_t last_row = smaller(row + rows, layer.batch);
            const int64_t steps = steps_at_once<Cell>(g, last_row - row);
            int64_t s = layer.steps;
            do {  // once at least: without a step the state's gradient still passes
                const int64_t first_step = larger(s - steps, 0);
                go_back<Cell>(g, weight_gradients, (const T*)input_weights,
                              Part{first_step, s, row, last_row});
                s = first_step;
            } while (s > 0);
        }
        for (auto& each : weight_gradients) each.finish();
    });
}

template <class Cell, class T>
constexpr CellFunctions<T> cell_functions = {measure<Cell, T>, forward<Cell, T>, backward<Cell, T>};

template <class Cell, class T>
constexpr CellWalks<T> cell_walks = {cell_functions<Cell, T>, cell_functions<Regularized<Cell>, T>,
                                     cell_functions<Normalized<Cell>, T>};

template <class Cell>
constexpr CellKernels cell(const char* name) {
    return {name,
            Cell::states,
            Cell::gates,
            Cell::reads_out,
            cell_walks<Cell, float>,
            cell_walks<Cell, double>};
}

}  // namespace elman::ELMAN_ISA

// A cell file ends with ELMAN_CELLS(<its own file name>, cell<A>("a"), cell<B>("b"), ...).
#define ELMAN_CELLS(file, ...)                                             \
    constexpr CellKernels file##_cells[] = {__VA_ARGS__};                  \
    constexpr int file##_cell_count = int(sizeof file##_cells / sizeof file##_cells[0]);
