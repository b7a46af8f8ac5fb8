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
        return Cell::Input::count * gradient_elements(columns_of_slot(g, 0), g.layer.input_size) +
               hidden_slots(Stages<S...>{}) * gradient_elements(columns_of_slot(g, 0), g.layer.hidden_size);
    return (gradient_elements(g.template columns<typename Cell::Input>(), g.layer.input_size) + ... +
            gradient_elements(g.template columns<typename S::Hidden>(), g.layer.hidden_size));
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

// Splits the rows of a part among the threads so that each has about as many live steps; calls
// task(part) for each share.
template <class Cell, class T, class Task>
void for_row_ranges(const Geometry<T, Cell>& g, const Part& part, Task&& task) {
    constexpr int most_ranges = 256;
    const int64_t begin = part.first_row, end = part.last_row;
    const int ranges = int(smaller(smaller(g.layer.threads, end - begin), most_ranges));
    if (ranges <= 1) {
        task(part);
        return;
    }
    auto work_below = [&](int64_t row) {
        int64_t work = 0;
        for (int64_t s = part.first_step; s < part.last_step; ++s)
            work += larger(smaller(g.live(s), row) - begin, 0);
        return work;
    };
    const int64_t total = work_below(end);
    int64_t starts[most_ranges + 1];
    starts[0] = begin;
    for (int range = 1; range <= ranges; ++range) {
        int64_t low = starts[range - 1], high = end;
        while (low < high) {
            const int64_t middle = (low + high) / 2;
            if (work_below(middle) * ranges < total * range) low = middle + 1; else high = middle;
        }
        if (is_normalized<Cell>) low = smaller((low + norm_block - 1) / norm_block * norm_block, end);
        starts[range] = range == ranges ? end : low;
    }
    auto share = [&](int range) {
        task(Part{part.first_step, part.last_step, starts[range], starts[range + 1]});
    };
    parallel_for(ranges, g.layer.threads, share);
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
    for_row_ranges<Cell>(g, Part{0, layer.steps, 0, layer.batch}, [&](const Part& part) {
        forward_rows<Cell>(g, part.first_row, part.last_row, typename Cell::StageList{});
    });
}

template <class Cell, class T, class... S>
T* pack_recurrent(const Geometry<T, Cell>& g, const T* weight_hh, Stages<S...>) {
    T* to = g.layer.buffer[backward_weights];
    ((pack_backward<Cell, typename S::Hidden>(g, weight_hh, g.layer.hidden_size, to),
      to += g.template depth<typename S::Hidden>() * g.padded), ...);
    return to;
}

template <class Cell, class T>
void input_gradient(const Geometry<T, Cell>& g, const T* weights, const Part& part) {
    auto step = [&](int s) {
        input_gradient_rows<Cell>(g, weights, part.first_step + s, part.first_row, part.last_row);
    };
    parallel_for(int(part.last_step - part.first_step), g.layer.threads, step);
}

template <class T>
Array3<const T> in_walk_order(const Layer<T>& l) {
    if (!l.reverse || l.steps == 0) return l.x;
    return {l.x.at(l.steps - 1, 0), -l.x.step, l.x.row};
}

template <class T, class Visit, class InputSlot, class HiddenSlot, int... I, int... H>
void visit_each_slot(Visit&& visit, InputSlot&& input, HiddenSlot&& hidden, int first_hidden,
                     std::integer_sequence<int, I...>, std::integer_sequence<int, H...>) {
    WeightGradient<T> all[] = {input(I)..., hidden(first_hidden + H)...};  // input slots begin at 0
    visit(all);
}

// Calls visit(weight gradients) with the input's and every stage's operand's, or every slot's.
template <class Cell, class T, class Visit, class... S>
void with_weight_gradients(const Geometry<T, Cell>& g, Stages<S...>, Visit&& visit) {
    const Layer<T>& l = g.layer;
    T* buffer = l.buffer[gradient_buffer];
    auto take = [&](const SlotColumns<T>& columns, int64_t operand_columns) {
        T* const taken = buffer;
        buffer += gradient_elements(columns, operand_columns);
        return taken;
    };
    auto of_input = [&](const SlotColumns<T>& columns, T* d_weight, T* d_bias, int set = 0) {
        Array3<const T> x = in_walk_order(l);
        x.base += set * l.x_gate;
        return WeightGradient<T>(l, columns, x, l.input_size, d_weight, d_bias, take(columns, l.input_size));
    };
    auto of_operand = [&](const Array3<T>& operand, const SlotColumns<T>& columns, T* d_weight, T* d_bias) {
        return WeightGradient<T>(l, columns, {operand.base, operand.step, operand.row}, l.hidden_size,
                                 d_weight, d_bias, take(columns, l.hidden_size));
    };
    auto recurrent = [&](auto stage, const SlotColumns<T>& columns, T* d_weight, T* d_bias) {
        return of_operand(g.template hidden_operand<decltype(stage)>(), columns, d_weight, d_bias);
    };
    if constexpr (may_drop_by_gate<Cell>) {
        if (g.by_gate()) {
            constexpr int first = first_hidden_slot(Stages<S...>{});
            auto input_slot = [&](int slot) {
                return of_input(columns_of_slot(g, slot), l.d_weight_ih, l.d_bias_ih, g.set_of(slot));
            };
            auto hidden_slot = [&](int slot) {
                return of_operand(operand_of_slot(g, slot, Stages<S...>{}), columns_of_slot(g, slot),
                                  l.d_weight_hh, l.d_bias_hh);
            };
            auto visit_slots = [&](auto inputs, auto hiddens) {
                visit_each_slot<T>(visit, input_slot, hidden_slot, first, inputs, hiddens);
            };
            visit_slots(std::make_integer_sequence<int, Cell::Input::count>{},
                        std::make_integer_sequence<int, hidden_slots(Stages<S...>{})>{});
            return;
        }
    }
    if constexpr (is_normalized<Cell>) {
        const NormalizedGeometry<T, Cell> n(g);
        T* const d_bias_hh = l.d_bias_hh ? n.d_bias_hh() : nullptr;
        int product = 0;
        WeightGradient<T> all[] = {
            of_input(n.slot_columns(0), n.d_weight_ih(), l.d_bias_ih ? n.d_bias_ih() : nullptr),
            recurrent(S{}, n.slot_columns(++product), n.d_weight_hh(), d_bias_hh)...};
        clear_norm_gradients(g);
        visit(all);
        finish_norm_gradients(g);
    } else {
        WeightGradient<T> all[] = {
            of_input(g.template columns<typename Cell::Input>(), l.d_weight_ih, l.d_bias_ih),
            recurrent(S{}, g.template columns<typename S::Hidden>(), l.d_weight_hh, l.d_bias_hh)...};
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
    return g.slots_row * int64_t(sizeof(T)) <= 512 ? 96 : larger(1, g.layer.batch);
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
    auto go_back = [&](auto& weight_gradients, const Part& part) {
        for_row_ranges<Cell>(g, part, [&](const Part& share) { backward_part<Cell>(g, share); });
        if (layer.d_x.base) input_gradient<Cell>(g, (const T*)input_weights, part);
        for (WeightGradient<T>& each : weight_gradients) each.add(part);
    };
    with_weight_gradients<Cell>(g, typename Cell::StageList{}, [&](auto& weight_gradients) {
        const int64_t rows = rows_at_once<Cell>(g);
        for (int64_t row = 0; row < layer.batch; row += rows) {
            const int64_t last_row = smaller(row + rows, layer.batch);
            const int64_t steps = steps_at_once<Cell>(g, last_row - row);
            int64_t s = layer.steps;
            do {  // once at least: without a step the state's gradient still passes
                const int64_t first_step = larger(s - steps, 0);
                go_back(weight_gradients, Part{first_step, s, row, last_row});
                s = first_step;
            } while (s > 0);
        }
        for (WeightGradient<T>& each : weight_gradients) each.finish();
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
