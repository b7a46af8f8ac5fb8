// Vectors as the compiler's own vector extension: one source, compiled once per instruction set.
//
// ELMAN_VECTOR_BYTES is 16 (SSE2, NEON), 32 (AVX2) or 64 (AVX-512). Everything in this header and
// in the kernels lives in the namespace ELMAN_ISA, which differs between the builds, so that the
// linker can never mix a function compiled for one processor with that of another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#endif

#define ELMAN_INLINE inline __attribute__((always_inline))
#if defined(__clang__)
#define ELMAN_ONE_COPY __attribute__((noinline))
#define ELMAN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define ELMAN_ONE_COPY __attribute__((noinline, noclone))
#define ELMAN_UNROLL _Pragma("GCC unroll 32")
#endif

namespace elman::ELMAN_ISA {

template <class T>
struct VectorOf;

template <>
struct VectorOf<float> {
    typedef float type __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
    typedef int32_t bits __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
    typedef uint32_t words __attribute__((vector_size(ELMAN_VECTOR_BYTES)));  // 32 bits a lane
    typedef int32_t signed_words __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
};

template <>
struct VectorOf<double> {
    typedef double type __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
    typedef int64_t bits __attribute__((vector_size(ELMAN_VECTOR_BYTES)));
    typedef uint32_t words __attribute__((vector_size(ELMAN_VECTOR_BYTES / 2)));
    typedef int32_t signed_words __attribute__((vector_size(ELMAN_VECTOR_BYTES / 2)));
};

template <class T>
using Vector = typename VectorOf<T>::type;

template <class T>
constexpr int lanes = ELMAN_VECTOR_BYTES / int(sizeof(T));

// Parts of a vector, for sums over its lanes.
template <class T, int Bytes>
struct PartOf;

#define ELMAN_PART(T, bytes)                                \
    template <>                                             \
    struct PartOf<T, bytes> {                               \
        typedef T type __attribute__((vector_size(bytes))); \
    };
ELMAN_PART(float, 8)
ELMAN_PART(float, 16)
ELMAN_PART(float, 32)
ELMAN_PART(float, 64)
ELMAN_PART(double, 16)
ELMAN_PART(double, 32)
ELMAN_PART(double, 64)
#undef ELMAN_PART

// How many vector registers there are for the accumulators of a product.
#if ELMAN_VECTOR_BYTES == 64 || defined(__aarch64__)
constexpr int accumulator_registers = 24;
#else
constexpr int accumulator_registers = 12;
#endif

template <class T>
ELMAN_INLINE Vector<T> load(const T* from) {
    Vector<T> value;
    std::memcpy(&value, from, sizeof value);
    return value;
}

template <class T>
ELMAN_INLINE void store(T* to, Vector<T> value) {
    std::memcpy(to, &value, sizeof value);
}

template <class T>
ELMAN_INLINE Vector<T> broadcast(T value) {
    return value - Vector<T>{};  // unlike 0 + value, an identity for every value, and so free
}

// The first `count` lanes from memory, zeros above them; nothing beyond them is touched.
template <class T>
ELMAN_INLINE Vector<T> load_partial(const T* from, int count) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (Vector<T>)_mm512_maskz_loadu_ps(__mmask16((1u << count) - 1), from);
    else
        return (Vector<T>)_mm512_maskz_loadu_pd(__mmask8((1u << count) - 1), from);
#else
    T buffer[lanes<T>] = {};
    for (int i = 0; i < lanes<T>; ++i)
        if (i < count) buffer[i] = from[i];
    return load(buffer);
#endif
}

template <class T>
ELMAN_INLINE void store_partial(T* to, Vector<T> value, int count) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        _mm512_mask_storeu_ps(to, __mmask16((1u << count) - 1), (__m512)value);
    else
        _mm512_mask_storeu_pd(to, __mmask8((1u << count) - 1), (__m512d)value);
#else
    T buffer[lanes<T>];
    store(buffer, value);
    for (int i = 0; i < lanes<T>; ++i)
        if (i < count) to[i] = buffer[i];
#endif
}

template <class T>
ELMAN_INLINE Vector<T> load_up_to(const T* from, int64_t count) {
    return count >= lanes<T> ? load(from) : load_partial(from, int(count));
}

template <class T>
ELMAN_INLINE void store_up_to(T* to, Vector<T> value, int64_t count) {
    if (count >= lanes<T>)
        store(to, value);
    else
        store_partial(to, value, int(count));
}

// a < b ? a : b and a > b ? a : b as the processor does them: b when either is NaN.
template <class T>
ELMAN_INLINE Vector<T> least(Vector<T> a, Vector<T> b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (Vector<T>)_mm512_min_ps((__m512)a, (__m512)b);
    else
        return (Vector<T>)_mm512_min_pd((__m512d)a, (__m512d)b);
#else
    return a < b ? a : b;
#endif
}

template <class T>
ELMAN_INLINE Vector<T> greatest(Vector<T> a, Vector<T> b) {
#if defined(__AVX512F__)
    if constexpr (sizeof(T) == 4)
        return (Vector<T>)_mm512_max_ps((__m512)a, (__m512)b);
    else
        return (Vector<T>)_mm512_max_pd((__m512d)a, (__m512d)b);
#else
    return a > b ? a : b;
#endif
}

// The sum of all lanes of a part, halving: always in the same order.
template <class T, int Bytes>
ELMAN_INLINE T sum_of_part(typename PartOf<T, Bytes>::type value) {
    if constexpr (Bytes == 2 * int(sizeof(T))) {
        return value[0] + value[1];
    } else {
        typename PartOf<T, Bytes / 2>::type halves[2];
        std::memcpy(halves, &value, sizeof value);
        return sum_of_part<T, Bytes / 2>(halves[0] + halves[1]);
    }
}

template <class T>
ELMAN_INLINE T sum_over_lanes(Vector<T> value) {
    return sum_of_part<T, ELMAN_VECTOR_BYTES>(value);
}

// Exchanges the upper half of every 2 * Half lanes of `a` with the lower half of those of `b`.
template <int Half, class T, int... Lane>
ELMAN_INLINE void exchange_halves(Vector<T>& a, Vector<T>& b, std::integer_sequence<int, Lane...>) {
    constexpr int V = lanes<T>;
#if defined(__clang__)
    const Vector<T> low = __builtin_shufflevector(a, b, (Lane & Half ? V + Lane - Half : Lane)...);
    b = __builtin_shufflevector(a, b, (Lane & Half ? V + Lane : Lane + Half)...);
#else
    using Bits = typename VectorOf<T>::bits;
    const Vector<T> low = __builtin_shuffle(a, b, Bits{(Lane & Half ? V + Lane - Half : Lane)...});
    b = __builtin_shuffle(a, b, Bits{(Lane & Half ? V + Lane : Lane + Half)...});
#endif
    a = low;
}

// Of the sum of a row: the lane in which it ends up below.
constexpr int folded_lane(int row, int bit, int half) {
    return bit == 0 || half == 0 ? 0 : (row & bit ? half : 0) + folded_lane(row, bit / 2, half / 2);
}

template <int Count, class T, int Total, int... Row>
ELMAN_INLINE void take_folded(const T* folded, T (&sums)[Total], std::integer_sequence<int, Row...>) {
    constexpr int V = lanes<T>, at[] = {(Row % Count * V + folded_lane(Row, Total / 2, V / 2))...};
    ((sums[Row] = folded[at[Row]]), ...);
}

// sums[r] = sum_over_lanes(rows[r]) to the bit, with a third of the operations: two vectors are folded
// into one, of which each half belongs to one of them, then two of these, and so on.
template <class T, int Count, int Half = lanes<T> / 2, int Total = Count>
ELMAN_INLINE void sums_over_lanes(Vector<T> (&rows)[Total], T (&sums)[Total]) {
    constexpr int V = lanes<T>;
    if constexpr (Half > 0) {
        constexpr int left = Count > 1 ? Count / 2 : 1;
        ELMAN_UNROLL
        for (int i = 0; i < left; ++i) {
            Vector<T> other = rows[Count > 1 ? i + left : i];
            exchange_halves<Half, T>(rows[i], other, std::make_integer_sequence<int, V>{});
            rows[i] += other;
        }
        sums_over_lanes<T, left, Half / 2, Total>(rows, sums);
    } else {
        alignas(64) T folded[Count * V];
        ELMAN_UNROLL
        for (int i = 0; i < Count; ++i) store(folded + i * V, rows[i]);
        take_folded<Count>(folded, sums, std::make_integer_sequence<int, Total>{});
    }
}

}  // namespace elman::ELMAN_ISA
