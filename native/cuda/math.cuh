// float32 functions, operation by operation those of cpu/math.h, so that both backends give the same bits; each fused multiply-add is
// written out, and the build forbids others (-fmad=false). The exceptions are sin and cos past 1e5, and pow of special numbers.
#pragma once

#include "cuda/port.cuh"

namespace flaxen::cuda {

FLAXEN_DEVICE float from_bits(uint32_t b) { return __uint_as_float(b); }
FLAXEN_DEVICE uint32_t to_bits(float x) { return __float_as_uint(x); }
FLAXEN_DEVICE float infinity() { return from_bits(0x7f800000); }
FLAXEN_DEVICE float nan() { return from_bits(0x7fc00000); }
FLAXEN_DEVICE float magnitude(float x) { return from_bits(to_bits(x) & 0x7fffffff); }
FLAXEN_DEVICE float with_sign_of(float magnitude, float x) { return from_bits(to_bits(magnitude) | (to_bits(x) & 0x80000000)); }

template <int N>
FLAXEN_DEVICE float horner(float x, float p, const float (&coefficients)[N]) {
#pragma unroll
  for (int i = 0; i < N; ++i) p = fmaf(p, x, coefficients[i]);
  return p;
}

// Half to even, for |x| < 2^22.
FLAXEN_DEVICE float round_small(float x) { return (x + 12582912.0f) - 12582912.0f; }

// 2^n for -126 <= n <= 127.
FLAXEN_DEVICE float power_of_two(int n) { return from_bits(static_cast<uint32_t>(n + 127) << 23); }

// x = n ln 2 + r with |r| <= ln 2 / 2; gives exp(r) - 1.
FLAXEN_DEVICE float reduced_expm1(float x, int& n) {
  const float k = round_small(x * 1.44269504f);
  n = static_cast<int>(k);
  float r = fmaf(k, -0.6931472f, x);
  r = fmaf(k, 1.9046542e-09f, r);
  const float q = horner(r, 1.3946141e-03f, {8.366458e-03f, 4.1666288e-02f, 1.6666545e-01f, 5.e-01f});
  return fmaf(r * r, q, r);
}

FLAXEN_DEVICE float exp_of(float x) {
  if (x != x) return x;
  x = x > 89.0f ? 89.0f : x;
  x = x < -105.0f ? -105.0f : x;
  int n;
  const float p = reduced_expm1(x, n) + 1.0f;
  const int half = n >> 1;  // in two factors, so that only the last product rounds, also where the result is denormal
  return p * power_of_two(half) * power_of_two(n - half);
}

FLAXEN_DEVICE float expm1_of(float x) {
  if (!(magnitude(x) >= 1e-8f)) return x;  // also -0, denormals, NaN
  x = x > 89.0f ? 89.0f : x;
  x = x < -30.0f ? -30.0f : x;
  int n;
  const float p = reduced_expm1(x, n);
  const float s = power_of_two(n - 1);
  return fmaf(s, p, s - 0.5f) * 2.0f;
}

// As XLA's on CPU.
FLAXEN_DEVICE float log_of(float x) {
  const float least = from_bits(0x00800000);
  const uint32_t v = to_bits(x > least ? x : least);
  const float m = from_bits((v & 0x807fffff) | 0x3f000000);
  const bool low = m < from_bits(0x3f3504f3);
  const float e = static_cast<float>(static_cast<int>(v >> 23) - 126) - (low ? 1.0f : 0.0f);
  const float z = (m - 1.0f) + (low ? m : 0.0f);
  const float z2 = z * z, z3 = z2 * z;
  const float a = fmaf(fmaf(from_bits(0x3d9021bb), z, from_bits(0xbdebd1b8)), z, from_bits(0x3def251a));
  const float b = fmaf(fmaf(from_bits(0xbdfe5d4f), z, from_bits(0x3e11e9bf)), z, from_bits(0xbe2aae50));
  const float c = fmaf(fmaf(from_bits(0x3e4cceac), z, from_bits(0xbe7ffffc)), z, from_bits(0x3eaaaaaa));
  const float y = fmaf(fmaf(fmaf(a, z3, b), z3, c), z3, e * from_bits(0xb95e8083));
  const float r = fmaf(e, from_bits(0x3f318000), fmaf(z2, -0.5f, z) + y);
  if (x == infinity()) return x;
  if (x == 0.0f) return -infinity();
  return x >= 0.0f ? r : nan();
}

// As XLA's on CPU.
FLAXEN_DEVICE float log1p_of(float x) {
  const uint32_t numerator[] = {0x3eff40c5, 0x40d284fa, 0x41ef4b9c, 0x4273cc76, 0x426473ad, 0x41a05101};
  const uint32_t denominator[] = {0x417101ad, 0x42a6185b, 0x435dc32d, 0x439a8ca3, 0x43586d8a, 0x42707982};
  if (!(magnitude(x) < from_bits(0x3ed413cd))) return log_of(x + 1.0f);  // sqrt(2) - 1
  const float x2 = x * x;
  float n = 4.527e-5f, d = 1.0f;
#pragma unroll
  for (int i = 0; i < 6; ++i) {
    n = fmaf(n, x, from_bits(numerator[i]));
    d = fmaf(d, x, from_bits(denominator[i]));
  }
  return x + fmaf(x2, -0.5f, (x * x2) * (n / d));
}

// As XLA's on CPU.
FLAXEN_DEVICE float erf_inv_of(float x) {
  const uint32_t central[] = {0x32f16588, 0x34b84b36, 0xb66c7357, 0xb6935ac1, 0x396532db, 0xbaa45408, 0xbb88e4ef, 0x3e7c8f63, 0x3fc02e2f};
  const uint32_t tail[] = {0xb951f09b, 0x38d3b56b, 0x3ab0dc72, 0xbb70bde7, 0x3bbc127b, 0xbbf9c5d7, 0x3c1aa57e, 0x3f8036db, 0x40354f7e};
  const float l = log1p_of(x * -x);
  const bool is_central = l > -5.0f;
  const float w = is_central ? -2.5f - l : sqrtf(-l) - 3.0f;
  float p = from_bits(is_central ? central[0] : tail[0]);
#pragma unroll
  for (int i = 1; i < 9; ++i) p = fmaf(p, w, from_bits(is_central ? central[i] : tail[i]));
  return magnitude(x) == 1.0f ? x * infinity() : x * p;
}

FLAXEN_DEVICE float tanh_of(float x) {
  const float a = magnitude(x), z = x * x;
  if (a < 0.625f) {
    const float q = horner(z, 2.1491325e-03f, {-8.184343e-03f, 2.170361e-02f, -5.3947315e-02f, 1.333321e-01f, -3.333333e-01f});
    return with_sign_of(fmaf(a * z, q, a), x);
  }
  return with_sign_of(1.0f - 2.0f / (exp_of(a + a) + 1.0f), x);
}

FLAXEN_DEVICE float logistic_of(float x) {
  const float e = exp_of(-magnitude(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

FLAXEN_DEVICE float erf_of(float x) {
  const float a = magnitude(x), z = x * x;
  if (a < 1.0f) {
    const float p =
        horner(z, 7.8890385e-05f, {-8.020817e-04f, 5.1895324e-03f, -2.6854442e-02f, 1.12836e-01f, -3.7612626e-01f, 1.2837917e-01f});
    return fmaf(x, p, x);
  }
  if (x != x) return x;
  const float u = (a > 4.0f ? 4.0f : a) - 2.5f;  // log(erfc(u + 2.5)) is nearly a parabola
  const float q = horner(u, 7.845182e-07f,
                         {5.19905e-06f, -8.1962535e-06f, 7.818412e-05f, -4.239203e-04f, 2.1625936e-03f, -1.0858731e-02f, -9.438935e-01f,
                          -5.3526807e+00f, -7.806815e+00f});
  return with_sign_of(1.0f - exp_of(q), x);
}

// sin(x + quarter * pi / 2), for |x| <= kTrigLimit.
constexpr float kTrigLimit = 1e5f;
FLAXEN_DEVICE float sin_quarters(float x, int quarter) {
  const float k = round_small(x * 0.636619772f);
  float r = fmaf(k, from_bits(0xbfc90fdb), x);  // pi / 2 in three parts
  r = fmaf(k, from_bits(0x333bbd2e), r);
  r = fmaf(k, from_bits(0x26f72ced), r);
  const int n = static_cast<int>(k) + quarter;
  const float z = r * r;
  float y;
  if (n & 1) {
    y = fmaf(z * z, horner(z, -2.7210203e-07f, {2.479952e-05f, -1.3888883e-03f, 4.1666668e-02f}), fmaf(z, -0.5f, 1.0f));
  } else {
    y = fmaf(r * z, horner(z, 2.7183096e-06f, {-1.9839335e-04f, 8.333329e-03f, -1.6666667e-01f}), r);
  }
  return from_bits(to_bits(y) ^ static_cast<uint32_t>(n & 2) << 30);
}
FLAXEN_DEVICE float sin_of(float x) {
  if (x == 0.0f) return x;
  return magnitude(x) <= kTrigLimit ? sin_quarters(x, 0) : sinf(x);
}
FLAXEN_DEVICE float cos_of(float x) { return magnitude(x) <= kTrigLimit ? sin_quarters(x, 1) : cosf(x); }

// x^y of a finite x > 0 and a finite y, by way of double, so nearly always the nearest float32.
FLAXEN_DEVICE float positive_pow(float x, float y) {
  const double wide = static_cast<double>(x);  // a denormal float is a normal double
  unsigned long long v = static_cast<unsigned long long>(__double_as_longlong(wide));
  const unsigned long long offset = v - 0x3fe6a09e667f3bcdULL;  // from sqrt(1/2): the mantissa falls in [sqrt(1/2), sqrt(2))
  const long long e = static_cast<long long>(offset) >> 52;
  v -= static_cast<unsigned long long>(e) << 52;
  const double m = __longlong_as_double(static_cast<long long>(v));
  const double t = (m - 1) / (m + 1), z = t * t;
  const double log2_terms[] = {0.22091115798245878, 0.26233443044858273, 0.32059853335009936, 0.41219858585700614,
                               0.5770780163454412,  0.9617966939259899,  2.8853900817779268};
  double l = 0.21367765751752935;
#pragma unroll
  for (int i = 0; i < 7; ++i) l = l * z + log2_terms[i];
  double p = static_cast<double>(y) * (static_cast<double>(e) + t * l);
  p = p > 200 ? 200 : p < -200 ? -200 : p;
  const double n = (p + 6755399441055744.0) - 6755399441055744.0, f = p - n;
  const double exp2_terms[] = {
      1.0208690798666326e-07, 1.3215422607559303e-06, 1.525265725739565e-05, 0.0001540353048544266, 0.0013333558230170233,
      0.009618129107567866,   0.05550410866444768,    0.2402265069591022,    0.69314718055995,      1.0};
  double r = 7.07578283195387e-09;
#pragma unroll
  for (int i = 0; i < 10; ++i) r = r * f + exp2_terms[i];
  const double scale = __longlong_as_double((static_cast<long long>(n) + 1023) << 52);
  return static_cast<float>(r * scale);
}
FLAXEN_DEVICE float pow_of(float x, float y) {
  const float a = magnitude(x);
  if (!(a > 0 && a < infinity() && magnitude(y) < infinity())) return powf(x, y);  // zeros, infinities, NaN
  if (x > 0) return positive_pow(x, y);
  if (y != truncf(y)) return nan();
  const bool odd = magnitude(y) < 16777216.0f && (static_cast<int>(y) & 1);
  const float r = positive_pow(a, y);
  return odd ? -r : r;
}

// NaN if either is; +0 is greater than -0.
FLAXEN_DEVICE float max_of(float x, float y) { return x > y ? x : x < y ? y : x == y ? from_bits(to_bits(x) & to_bits(y)) : x + y; }
FLAXEN_DEVICE float min_of(float x, float y) { return x < y ? x : x > y ? y : x == y ? from_bits(to_bits(x) | to_bits(y)) : x + y; }

// Truncates and saturates, NaN gives 0.
FLAXEN_DEVICE int to_int32(float x) {
  if (x != x) return 0;
  return x < -2147483648.0f ? -2147483647 - 1 : x >= 2147483648.0f ? 2147483647 : static_cast<int>(x);
}
FLAXEN_DEVICE uint32_t to_uint32(float x) {
  if (!(x > 0.0f)) return 0;
  return x >= 4294967296.0f ? 0xffffffffu : static_cast<uint32_t>(x);
}

// Division by zero gives -1 or 2^32 - 1, the remainder by zero is the dividend; INT_MIN / -1 wraps.
FLAXEN_DEVICE int quotient(int x, int y) { return y == 0 ? -1 : y == -1 ? static_cast<int>(0u - static_cast<uint32_t>(x)) : x / y; }
FLAXEN_DEVICE uint32_t quotient(uint32_t x, uint32_t y) { return y == 0 ? 0xffffffffu : x / y; }
FLAXEN_DEVICE int remainder_of(int x, int y) { return y == 0 ? x : y == -1 ? 0 : x % y; }
FLAXEN_DEVICE uint32_t remainder_of(uint32_t x, uint32_t y) { return y == 0 ? x : x % y; }

}  // namespace flaxen::cuda
