// Vectors as the compiler's own vector extension: one source, compiled once per instruction set.
//
// ELMAN_VECTOR_BYTES is 16 (SSE2, NEON), 32 (AVX2) or 64 (AVX-512). Everything in this header and
// in the kernels lives in the namespace ELMAN_ISA, which differs between the builds, so that the
// linker can never mix a function compiled for one processor with that of another.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

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

// |x|, and the magnitude of one with the sign of another.
template <class T>
ELMAN_INLINE Vector<T> magnitude_of(Vector<T> x) {
    using Bits = typename VectorOf<T>::bits;
    return (Vector<T>)((Bits)x & ~(Bits)broadcast(T(-0.0)));
}

template <class T>
ELMAN_INLINE Vector<T> with_sign_of(Vector<T> magnitude, Vector<T> sign) {
    using Bits = typename VectorOf<T>::bits;
    return (Vector<T>)((Bits)magnitude | ((Bits)sign & (Bits)broadcast(T(-0.0))));
}

// q(r) of expm1(r) = r + r^2 q(r) on |r| <= ln(2)/2: Chebyshev fits, relative error of expm1 below
// 3e-8 (float) and 2e-16 (double).
ELMAN_INLINE Vector<float> expm1_tail(Vector<float> r) {
    Vector<float> q = broadcast(1.3933733215932237e-03f);
    q = q * r + 8.363235384630055e-03f;
    q = q * r + 4.1666464167316966e-02f;
    q = q * r + 1.6666576643547143e-01f;
    return q * r + 5.000000013543257e-01f;
}

ELMAN_INLINE Vector<double> expm1_tail(Vector<double> r) {
    Vector<double> q = broadcast(2.756258833248756e-09);
    q = q * r + 2.505956806153721e-08;
    q = q * r + 2.753582439139234e-07;
    q = q * r + 2.7557419900465616e-06;
    q = q * r + 2.4801610782367573e-05;
    q = q * r + 1.9841269715350194e-04;
    q = q * r + 1.3888888878828597e-03;
    q = q * r + 8.333333333359644e-03;
    q = q * r + 4.166666666668156e-02;
    q = q * r + 1.6666666666666724e-01;
    return q * r + 0.5;
}

template <class T>
struct ExpConstants;

template <>
struct ExpConstants<float> {
    static constexpr float limit = 87.0f;  // exp(+-limit) is a normal number
    static constexpr float magic = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
    static constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;
    static constexpr int mantissa = 23, exponent_bias = 127;
};

template <>
struct ExpConstants<double> {
    static constexpr double limit = 708.0;
    static constexpr double magic = 6755399441055744.0;  // 1.5 * 2^52
    static constexpr double ln2_high = 6.93145751953125e-1, ln2_low = 1.42860682030941723212e-6;
    static constexpr int mantissa = 52, exponent_bias = 1023;
};

// exp(x) = scale * (1 + fraction): x = n ln 2 + r, scale = 2^n, fraction = expm1(r). Keeping the
// two apart lets expm1 be exact near zero. NaN stays NaN; |x| is clamped to `limit`.
template <class T>
struct Exponential {
    Vector<T> scale, fraction;
};

template <class T>
ELMAN_INLINE Exponential<T> exponential(Vector<T> x) {
    using Constants = ExpConstants<T>;
    x = least<T>(broadcast(Constants::limit), greatest<T>(broadcast(-Constants::limit), x));
    const Vector<T> powers = x * T(1.44269504088896340736);
#if defined(__AVX512F__)
    Vector<T> n, scale;
    if constexpr (sizeof(T) == 4) {
        n = (Vector<T>)_mm512_roundscale_ps((__m512)powers, 0);
        scale = (Vector<T>)_mm512_scalef_ps(_mm512_set1_ps(1.0f), (__m512)n);
    } else {
        n = (Vector<T>)_mm512_roundscale_pd((__m512d)powers, 0);
        scale = (Vector<T>)_mm512_scalef_pd(_mm512_set1_pd(1.0), (__m512d)n);
    }
#else
    using Bits = typename VectorOf<T>::bits;
    const Vector<T> shifted = powers + Constants::magic;  // rounded, n in its lowest bits
    const Vector<T> n = shifted - Constants::magic;
    const Bits exponent = (Bits)shifted - (Bits)broadcast(Constants::magic);
    const Vector<T> scale = (Vector<T>)((exponent + Constants::exponent_bias) << Constants::mantissa);
#endif
    const Vector<T> r = (x - n * Constants::ln2_high) - n * Constants::ln2_low;
    return {scale, r + (r * r) * expm1_tail(r)};
}

// tanh in single precision: x P(x^2) / Q(x^2), a minimax fit of degrees 4 and 4 on |x| <= 9 with
// relative error 2e-8, beyond which tanh rounds to 1. Within 6 ulp, and never outside [-1, 1]: a
// saturated unit must have no slope at all, for its input may be anything.
ELMAN_INLINE Vector<float> hyperbolic_tangent_of(Vector<float> x) {
    using T = float;
    x = least<T>(broadcast(9.02f), greatest<T>(broadcast(-9.02f), x));
    const Vector<T> u = x * x;
    Vector<T> p = broadcast(1.3319850123016467e-08f);
    Vector<T> q = broadcast(7.762361279643362e-07f);
    p = p * u + 2.0584123865828704e-05f;
    q = q * u + 3.28316025757119e-04f;
    p = p * u + 3.494077533871546e-03f;
    q = q * u + 2.587124123786073e-02f;
    p = p * u + 1.3379755651550612e-01f;
    q = q * u + 4.6713071025401787e-01f;
    p = p * u + 9.999999794046649e-01f;
    q = q * u + 1.0f;
    const Vector<T> value = (x * p) / q;
    return least<T>(broadcast(1.0f), greatest<T>(broadcast(-1.0f), value));
}

// tanh in double precision: tanh(|x|) = -expm1(-2|x|) / (2 + expm1(-2|x|)), within 4 ulp.
ELMAN_INLINE Vector<double> hyperbolic_tangent_of(Vector<double> x) {
    using T = double;
    const Exponential<T> e = exponential<T>(T(-2) * magnitude_of<T>(x));
    const Vector<T> expm1 = e.scale * e.fraction + (e.scale - T(1));  // never above zero
    return with_sign_of<T>(magnitude_of<T>(expm1) / (expm1 + T(2)), x);
}

template <class T>
ELMAN_INLINE Vector<T> hyperbolic_tangent(Vector<T> x) {
    return hyperbolic_tangent_of(x);
}

// 1 / (1 + exp(-x)) = (1 + tanh(x / 2)) / 2, within 3e-7 (float) and 3e-16 (double) absolutely:
// what matters to a gate, whose value multiplies numbers of order one.
template <class T>
ELMAN_INLINE Vector<T> sigmoid(Vector<T> x) {
    return T(0.5) + T(0.5) * hyperbolic_tangent<T>(T(0.5) * x);
}

}  // namespace elman::ELMAN_ISA
