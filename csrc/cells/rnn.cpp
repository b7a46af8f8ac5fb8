// The simple recurrent network (Elman 1990): h_t = phi(W x_t + b_ih + U h_{t-1} + b_hh).
#include "../sequence.hpp"

namespace elman::ELMAN_ISA {

struct Tanh {
    template <class T>
    static ELMAN_INLINE Vector<T> value(Vector<T> a) {
        return hyperbolic_tangent<T>(a);
    }
    template <class T>  // phi'(a), from h = phi(a)
    static ELMAN_INLINE Vector<T> slope(Vector<T> h) {
        return T(1) - h * h;
    }
};

struct Relu {
    template <class T>
    static ELMAN_INLINE Vector<T> value(Vector<T> a) {
        return a < T(0) ? Vector<T>{} : a;  // NaN stays NaN
    }
    template <class T>
    static ELMAN_INLINE Vector<T> slope(Vector<T> h) {
        return h > T(0) ? broadcast(T(1)) : Vector<T>{};
    }
};

template <class Activation>
struct Rnn {
    static constexpr int states = 1, gates = 1, slots = 1;
    static constexpr bool reads_out = false;
    using Input = Slots<0, 1>;
    static constexpr int gate_of_slot[slots] = {0};

    struct Step {
        static constexpr Operand operand = Operand::hidden_state;
        using Input = Slots<0, 1>;
        using Hidden = Slots<0, 1>;

        template <class T>
        static ELMAN_INLINE void forward(const ForwardUnit<T>& unit) {
            // h = phi(a)
            store(unit.next[0], Activation::template value<T>(unit.sum(0)));
        }

        template <class T>
        static ELMAN_INLINE void adjoint(const AdjointUnit<T>& unit) {
            // h = phi(a)
            const Vector<T> slope = Activation::template slope<T>(load(unit.next[0]));
            unit.keep(0, load(unit.carry[0]) * slope);
            store(unit.carry[0], Vector<T>{});
        }
    };
    using StageList = Stages<Step>;
};

ELMAN_CELLS(rnn, cell<Rnn<Tanh>>("rnn_tanh"), cell<Rnn<Relu>>("rnn_relu"))

}  // namespace elman::ELMAN_ISA
