// Exponentials, tanh and the sigmoid of vectors, to a few units in the last place.
#pragma once

#include "simd.hpp"

namespace elman::ELMAN_ISA {

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

// value / size, brought into [-1, 1], where `size` is positive and neither huge nor tiny.
ELMAN_INLINE Vector<float> bounded_ratio(Vector<float> value, Vector<float> size) {
#if defined(__AVX512F__)
    // An estimate of 1 / size to 14 bits and a step of Newton's on the ratio. A division holds the
    // divider for ten cycles, as long as all of tanh takes. The greater magnitude of the two as the
    // divisor, not a comparison of the ratio, keeps it within 1: equal operands give 1 exactly.
    constexpr int magnitude_of_the_greater = 0b1011;
    const __m512 divisor = _mm512_range_ps((__m512)size, (__m512)value, magnitude_of_the_greater);
    const __m512 inverse = _mm512_rcp14_ps(divisor);
    const __m512 ratio = _mm512_mul_ps((__m512)value, inverse);
    const __m512 rest = _mm512_fnmadd_ps(divisor, ratio, (__m512)value);
    return (Vector<float>)_mm512_fmadd_ps(inverse, rest, ratio);
#else
    using T = float;
    return least<T>(broadcast(1.0f), greatest<T>(broadcast(-1.0f), value / size));
#endif
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
    return bounded_ratio(x * p, q);
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

// 1 / (1 + exp(-x)), within 3e-7 (float) and 3e-16 (double) absolutely: what matters to a gate,
// whose value multiplies numbers of order one. It is (1 + tanh(x / 2)) / 2.
template <class T>
ELMAN_INLINE Vector<T> sigmoid(Vector<T> x) {
    return T(0.5) + T(0.5) * hyperbolic_tangent<T>(T(0.5) * x);
}

#if defined(__AVX512F__)
// With 16 powers of two in one register the exponential takes fewer operations than tanh:
// exp(-x) = 2^t, t = n + k/16 + r - 1/32 with 0 <= k < 16 and 0 <= r < 1/16, is 2^n times the
// power k times a minimax fit of 2^(r - 1/32), whose relative error is 4.3e-7; a quarter of it
// reaches the sigmoid. Where the exponential overflows the sigmoid is zero.
alignas(64) inline constexpr float powers_of_two[16] = {
    1.0f,         1.04427378f, 1.09050773f, 1.13878863f, 1.18920712f, 1.24185781f,
    1.29683955f,  1.35425555f, 1.41421356f, 1.47682615f, 1.54221083f, 1.61049033f,
    1.68179283f,  1.75625216f, 1.83400809f, 1.91520656f};

template <>
ELMAN_INLINE Vector<float> sigmoid<float>(Vector<float> x) {
    constexpr int downwards = _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC;
    const __m512 sixteenths = _mm512_set1_ps(786432.0f);  // 1.5 * 2^19: adding it rounds to these
    const __m512 t = (__m512)(x * -1.44269504088896340736f + 0.03125f);
    const __m512i k = (__m512i)_mm512_add_round_ps(t, sixteenths, downwards);  // in its lowest bits
    const Vector<float> r = (Vector<float>)_mm512_reduce_ps(t, 4 << 4 | _MM_FROUND_TO_NEG_INF);
    const __m512 power = _mm512_permutexvar_ps(k, _mm512_load_ps(powers_of_two));
    const Vector<float> scale = (Vector<float>)_mm512_scalef_ps(power, t);
    Vector<float> p = broadcast(0.240219459f);
    p = p * r + 0.678174138f;
    p = p * r + 0.978572488f;
    return 1.0f / (scale * p + 1.0f);
}
#endif

}  // namespace elman::ELMAN_ISA
