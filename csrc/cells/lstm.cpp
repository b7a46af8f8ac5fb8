// Long short-term memory with a forget gate (Hochreiter & Schmidhuber 1997; Gers et al. 2000).
#include "../sequence.hpp"

namespace elman::ELMAN_ISA {

struct Lstm {
    static constexpr int states = 2, gates = 4, slots = 4;
    static constexpr bool reads_out = true;  // h = o tanh(c)
    enum Slot { I, F, G, O };
    using Input = Slots<0, 4>;
    static constexpr int gate_of_slot[slots] = {0, 1, 2, 3};

    struct Step {
        static constexpr Operand operand = Operand::hidden_state;
        using Input = Slots<0, 4>;
        using Hidden = Slots<0, 4>;

        template <class T>
        static ELMAN_INLINE void memory(const ForwardUnit<T>& unit) {
            const Vector<T> i = sigmoid<T>(unit.sum(I));
            const Vector<T> f = sigmoid<T>(unit.sum(F));
            const Vector<T> g = hyperbolic_tangent<T>(unit.sum(G));
            unit.keep(I, i);
            unit.keep(F, f);
            unit.keep(G, g);
            unit.keep(O, sigmoid<T>(unit.sum(O)));
            store(unit.next[1], f * load(unit.previous[1]) + i * g);
        }

        template <class T>
        static ELMAN_INLINE void read_out(const ForwardUnit<T>& unit, Vector<T> seen) {
            store(unit.next[0], unit.kept(O) * hyperbolic_tangent<T>(seen));
        }

        template <class T>
        static ELMAN_INLINE void forward(const ForwardUnit<T>& unit) {
            memory<T>(unit);
            read_out<T>(unit, load(unit.next[1]));
        }

        // From the gradient of h: leaves that of the output gate, returns that of what is seen of c.
        // What tanh(seen) was is h / o, also where o is too small to divide by: h is even smaller.
        template <class T>
        static ELMAN_INLINE Vector<T> read_out_adjoint(const AdjointUnit<T>& unit, Vector<T> dh) {
            const Vector<T> o = unit.kept(O), h = load(unit.next[0]);
            // h = o tanh(seen), o = sigmoid(a)
            unit.keep(O, dh * h * (T(1) - o));
            const Vector<T> tanh_seen = h / greatest<T>(broadcast(T(1e-30)), o);
            return dh * (o - h * tanh_seen);
        }

        // From the whole gradient of c: leaves those of the other gates and of c before.
        template <class T>
        static ELMAN_INLINE void memory_adjoint(const AdjointUnit<T>& unit, Vector<T> dc) {
            const Vector<T> i = unit.kept(I), f = unit.kept(F), g = unit.kept(G);
            // c = f c_previous + i g
            const Vector<T> d_f = dc * load(unit.previous[1]);
            const Vector<T> d_i = dc * g;
            const Vector<T> d_g = dc * i;
            store(unit.carry[1], dc * f);
            // i, f = sigmoid(a), g = tanh(a)
            unit.keep(I, d_i * i * (T(1) - i));
            unit.keep(F, d_f * f * (T(1) - f));
            unit.keep(G, d_g * (T(1) - g * g));
        }

        template <class T>
        static ELMAN_INLINE void adjoint(const AdjointUnit<T>& unit) {
            const Vector<T> dh = load(unit.carry[0]);
            memory_adjoint<T>(unit, load(unit.carry[1]) + read_out_adjoint<T>(unit, dh));
            store(unit.carry[0], Vector<T>{});
        }
    };
    using StageList = Stages<Step>;
};

ELMAN_CELLS(lstm, cell<Lstm>("lstm"))

}  // namespace elman::ELMAN_ISA
