// Gated recurrent units, h' = (1 - z) n + z h, in both variants.
#include "../sequence.hpp"

namespace elman::ELMAN_ISA {

// n = tanh(W x + b_ih + r (U h + b_hh)): cuDNN, PyTorch and Keras. The slots put the input's share
// of n first and the hidden state's last, so that x feeds slots 0-2 and h feeds slots 1-3.
struct Gru {
    static constexpr int states = 1, gates = 3, slots = 4;
    static constexpr bool reads_out = false;
    enum Slot { N, R, Z, HiddenN };
    using Input = Slots<N, 3>;
    static constexpr int gate_of_slot[slots] = {2, 0, 1, 2};

    struct Step {
        static constexpr Operand operand = Operand::hidden_state;
        using Input = Slots<N, 3>;
        using Hidden = Slots<R, 3>;

        template <class T>
        static ELMAN_INLINE void forward(const ForwardUnit<T>& unit) {
            const Vector<T> r = sigmoid<T>(unit.sum(R));
            const Vector<T> z = sigmoid<T>(unit.sum(Z));
            const Vector<T> hidden_n = unit.sum(HiddenN);
            const Vector<T> n = hyperbolic_tangent<T>(unit.sum(N) + r * hidden_n);
            unit.keep(N, n);
            unit.keep(R, r);
            unit.keep(Z, z);
            unit.keep(HiddenN, hidden_n);
            store(unit.next[0], n + z * (load(unit.previous[0]) - n));
        }

        template <class T>
        static ELMAN_INLINE void adjoint(const AdjointUnit<T>& unit) {
            const Vector<T> n = unit.kept(N), r = unit.kept(R), z = unit.kept(Z);
            const Vector<T> dh = load(unit.carry[0]);
            // h' = n + z (h - n)
            const Vector<T> d_z = dh * (load(unit.previous[0]) - n);
            const Vector<T> d_n = dh * (T(1) - z);
            store(unit.carry[0], dh * z);
            // n = tanh(a + r hidden_n)
            const Vector<T> d_a = d_n * (T(1) - n * n);
            const Vector<T> d_r = d_a * unit.kept(HiddenN);
            unit.keep(N, d_a);
            unit.keep(HiddenN, d_a * r);
            // r, z = sigmoid(a)
            unit.keep(R, d_r * r * (T(1) - r));
            unit.keep(Z, d_z * z * (T(1) - z));
        }
    };
    using StageList = Stages<Step>;
};

// n = tanh(W x + b_ih + U (r h) + b_hh): Cho et al. 2014, and ONNX by default.
struct GruResetBefore {
    static constexpr int states = 1, gates = 3, slots = 3;
    static constexpr bool reads_out = false;
    enum Slot { R, Z, N };
    using Input = Slots<R, 3>;
    static constexpr int gate_of_slot[slots] = {0, 1, 2};

    struct Gates {
        static constexpr Operand operand = Operand::hidden_state;
        using Input = Slots<R, 2>;
        using Hidden = Slots<R, 2>;

        template <class T>
        static ELMAN_INLINE void forward(const ForwardUnit<T>& unit) {
            const Vector<T> r = sigmoid<T>(unit.sum(0));
            unit.keep(R, r);
            unit.keep(Z, sigmoid<T>(unit.sum(1)));
            store(unit.operand, r * load(unit.previous[0]));
        }

        template <class T>
        static ELMAN_INLINE void adjoint(const AdjointUnit<T>& unit) {
            const Vector<T> r = unit.kept(R);
            const Vector<T> d_operand = load(unit.operand_carry);
            // operand = r h
            const Vector<T> d_r = d_operand * load(unit.previous[0]);
            store(unit.carry[0], load(unit.carry[0]) + d_operand * r);
            // r = sigmoid(a)
            unit.keep(R, d_r * r * (T(1) - r));
        }
    };

    struct Candidate {
        static constexpr Operand operand = Operand::computed;
        using Input = Slots<N, 1>;
        using Hidden = Slots<N, 1>;

        template <class T>
        static ELMAN_INLINE void forward(const ForwardUnit<T>& unit) {
            const Vector<T> n = hyperbolic_tangent<T>(unit.sum(0));
            unit.keep(N, n);
            store(unit.next[0], n + unit.kept(Z) * (load(unit.previous[0]) - n));
        }

        template <class T>
        static ELMAN_INLINE void adjoint(const AdjointUnit<T>& unit) {
            const Vector<T> n = unit.kept(N), z = unit.kept(Z);
            const Vector<T> dh = load(unit.carry[0]);
            // h' = n + z (h - n)
            const Vector<T> d_z = dh * (load(unit.previous[0]) - n);
            const Vector<T> d_n = dh * (T(1) - z);
            store(unit.carry[0], dh * z);
            // n = tanh(a), z = sigmoid(a)
            unit.keep(N, d_n * (T(1) - n * n));
            unit.keep(Z, d_z * z * (T(1) - z));
        }
    };
    using StageList = Stages<Gates, Candidate>;
};

ELMAN_CELLS(gru, cell<Gru>("gru"), cell<GruResetBefore>("gru_reset_before"))

}  // namespace elman::ELMAN_ISA
