// The random numbers of recurrent dropout and zoneout: a hash of where they are used, so that they
// can be made anywhere, in any order, and again on the way back. The same in NumPy, with the
// sources, is src/elman/backends/reference_noise.py.
#pragma once

#include "keys.hpp"
#include "layer.hpp"
#include "simd.hpp"

namespace elman::ELMAN_ISA {

constexpr int64_t dropout_stream = 0;
constexpr int64_t zoneout_stream(int64_t time, int state) { return 1 + most_states * time + state; }

// Events of a probability, of one row and one stream at a time.
template <class T>
class Events {
    static constexpr int V = lanes<T>;
    using Words = typename VectorOf<T>::words;
    using SignedWords = typename VectorOf<T>::signed_words;
    using Bits = typename VectorOf<T>::bits;

  public:
    explicit Events(double probability = 0)
        : threshold_(int32_t(int64_t(probability * 4294967296.0) - 2147483648)) {}

    ELMAN_INLINE void draw(uint64_t row_key, int64_t stream) { key_ = stream_key(row_key, stream); }

    // Whether it happens to the units from `unit` on: all bits of a lane, or none.
    ELMAN_INLINE Bits at(int64_t unit) const {
        Words x = first_units() + (uint32_t(key_ >> 32) + uint32_t(unit) * golden_32);
        x = ((x ^ (x >> 16)) * 0x21F0AAADu) ^ uint32_t(key_);
        x = (x ^ (x >> 15)) * 0x735A2D97u;
        const SignedWords below = (SignedWords)x < threshold_;
        if constexpr (sizeof(T) == 4)
            return (Bits)below;
        else
            return __builtin_convertvector(below, Bits);
    }

  private:
    static ELMAN_INLINE Words first_units() {
        Words units;
        for (int i = 0; i < V; ++i) units[i] = uint32_t(i) * golden_32;
        return units;
    }

    uint64_t key_ = 0;
    int32_t threshold_;
};

// The value of a where the bits are set, else zero.
template <class T>
ELMAN_INLINE Vector<T> where(typename VectorOf<T>::bits chosen, Vector<T> a) {
    using Bits = typename VectorOf<T>::bits;
    return (Vector<T>)((Bits)a & chosen);
}

template <class T>
ELMAN_INLINE Vector<T> where_not(typename VectorOf<T>::bits chosen, Vector<T> a) {
    using Bits = typename VectorOf<T>::bits;
    return (Vector<T>)((Bits)a & ~chosen);
}

}  // namespace elman::ELMAN_ISA
