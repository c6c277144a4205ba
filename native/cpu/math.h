// float32 functions on vectors, the same bits on every instruction set: each fused multiply-add is written out.
// log, log1p and erf_inv follow XLA's CPU code operation by operation; the rest is within 3 units in the last place.
// Denormal numbers are kept, but by log, which takes them for the least normal number, as XLA's does.
#pragma once

#include <limits>

#include "cpu/simd.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

FLAXEN_INLINE VecF bits(uint32_t b) { return bits_as<VecF>(splat(b)); }

template <int N>
FLAXEN_INLINE VecF horner(VecF x, VecF p, const float (&coefficients)[N]) {
  FLAXEN_UNROLL for (int i = 0; i < N; ++i) p = fma(p, x, splat(coefficients[i]));
  return p;
}

constexpr float kInfinity = std::numeric_limits<float>::infinity();
FLAXEN_INLINE VecF infinity() { return splat(kInfinity); }
FLAXEN_INLINE VecF nan() { return bits(0x7fc00000); }
FLAXEN_INLINE VecF sign_bit(VecF x) { return bits_as<VecF>(bits_as<VecU>(x) & splat(uint32_t{0x80000000})); }
FLAXEN_INLINE VecF with_sign(VecF magnitude, VecF sign) { return bits_as<VecF>(bits_as<VecU>(magnitude) | bits_as<VecU>(sign)); }

// Half to even, for |x| < 2^22.
FLAXEN_INLINE VecF round_small(VecF x) {
  const VecF magic = splat(12582912.0f);
  return (x + magic) - magic;
}

// 2^n for -126 <= n <= 127.
FLAXEN_INLINE VecF power_of_two(VecI n) { return bits_as<VecF>((n + splat(int32_t{127})) << 23); }

// x = n ln 2 + r with |r| <= ln 2 / 2; gives exp(r) - 1.
FLAXEN_INLINE VecF reduced_expm1(VecF x, VecI& n) {
  const VecF k = round_small(x * splat(1.44269504f));
  n = to_int(k);
  VecF r = fma(k, splat(-0.6931472f), x);
  r = fma(k, splat(1.9046542e-09f), r);
  const VecF q = horner(r, splat(1.3946141e-03f), {8.366458e-03f, 4.1666288e-02f, 1.6666545e-01f, 5.e-01f});
  return fma(r * r, q, r);
}

FLAXEN_INLINE VecF exp(VecF x) {
  x = select(x > splat(89.0f), splat(89.0f), x);
  x = select(x < splat(-105.0f), splat(-105.0f), x);
  VecI n;
  const VecF p = reduced_expm1(select(x == x, x, splat(0.0f)), n) + splat(1.0f);
  const VecI half = n >> 1;  // in two factors, so that only the last product rounds, also where the result is denormal
  const VecF y = p * power_of_two(half) * power_of_two(n - half);
  return select(x == x, y, x);
}

FLAXEN_INLINE VecF expm1(VecF x) {
  VecF t = select(x > splat(89.0f), splat(89.0f), x);
  t = select(t < splat(-30.0f), splat(-30.0f), t);
  VecI n;
  const VecF p = reduced_expm1(select(x == x, t, splat(0.0f)), n);
  const VecF s = power_of_two(n - splat(int32_t{1}));
  const VecF y = fma(s, p, s - splat(0.5f)) * splat(2.0f);
  return select(abs(x) >= splat(1e-8f), y, x);  // also -0, denormals, NaN
}

FLAXEN_INLINE VecF log(VecF x) {
  const VecF least = bits(0x00800000);
  const VecU v = bits_as<VecU>(select(x > least, x, least));
  const VecF m = bits_as<VecF>((v & splat(uint32_t{0x807fffff})) | splat(uint32_t{0x3f000000}));
  const VecI low = m < bits(0x3f3504f3);
  const VecF e = to_float(bits_as<VecI>(v >> 23) - splat(int32_t{126})) - select(low, splat(1.0f), splat(0.0f));
  const VecF z = (m - splat(1.0f)) + select(low, m, splat(0.0f));
  const VecF z2 = z * z, z3 = z2 * z;
  const VecF a = fma(fma(bits(0x3d9021bb), z, bits(0xbdebd1b8)), z, bits(0x3def251a));
  const VecF b = fma(fma(bits(0xbdfe5d4f), z, bits(0x3e11e9bf)), z, bits(0xbe2aae50));
  const VecF c = fma(fma(bits(0x3e4cceac), z, bits(0xbe7ffffc)), z, bits(0x3eaaaaaa));
  const VecF y = fma(fma(fma(a, z3, b), z3, c), z3, e * bits(0xb95e8083));
  VecF r = fma(e, bits(0x3f318000), fma(z2, splat(-0.5f), z) + y);
  r = select(x == infinity(), x, r);
  r = select(x == splat(0.0f), -infinity(), r);
  return select(x >= splat(0.0f), r, nan());
}

FLAXEN_INLINE VecF log1p(VecF x) {
  const VecF x2 = x * x;
  VecF n = splat(4.527e-5f), d = splat(1.0f);
  const uint32_t numerator[] = {0x3eff40c5, 0x40d284fa, 0x41ef4b9c, 0x4273cc76, 0x426473ad, 0x41a05101};
  const uint32_t denominator[] = {0x417101ad, 0x42a6185b, 0x435dc32d, 0x439a8ca3, 0x43586d8a, 0x42707982};
  FLAXEN_UNROLL for (int i = 0; i < 6; ++i) {
    n = fma(n, x, bits(numerator[i]));
    d = fma(d, x, bits(denominator[i]));
  }
  const VecF small = x + fma(x2, splat(-0.5f), (x * x2) * (n / d));
  return select(abs(x) < bits(0x3ed413cd), small, log(x + splat(1.0f)));  // |x| < sqrt(2) - 1
}

FLAXEN_INLINE VecF erf_inv(VecF x) {
  const uint32_t central[] = {0x32f16588, 0x34b84b36, 0xb66c7357, 0xb6935ac1, 0x396532db, 0xbaa45408, 0xbb88e4ef, 0x3e7c8f63, 0x3fc02e2f};
  const uint32_t tail[] = {0xb951f09b, 0x38d3b56b, 0x3ab0dc72, 0xbb70bde7, 0x3bbc127b, 0xbbf9c5d7, 0x3c1aa57e, 0x3f8036db, 0x40354f7e};
  const VecF l = log1p(x * -x);
  const VecI is_central = l > splat(-5.0f);
  const VecF w = select(is_central, splat(-2.5f) - l, sqrt(-l) - splat(3.0f));
  VecF p = select(is_central, bits(central[0]), bits(tail[0]));
  FLAXEN_UNROLL for (int i = 1; i < 9; ++i) p = fma(p, w, select(is_central, bits(central[i]), bits(tail[i])));
  return select(abs(x) == splat(1.0f), x * infinity(), x * p);
}

FLAXEN_INLINE VecF tanh(VecF x) {
  const VecF a = abs(x), z = x * x;
  const VecF q = horner(z, splat(2.1491325e-03f), {-8.184343e-03f, 2.170361e-02f, -5.3947315e-02f, 1.333321e-01f, -3.333333e-01f});
  const VecF small = fma(a * z, q, a);
  const VecF large = splat(1.0f) - splat(2.0f) / (exp(a + a) + splat(1.0f));
  return with_sign(select(a < splat(0.625f), small, large), sign_bit(x));
}

FLAXEN_INLINE VecF logistic(VecF x) {
  const VecF e = exp(-abs(x));
  return select(x < splat(0.0f), e, splat(1.0f)) / (splat(1.0f) + e);
}

FLAXEN_INLINE VecF erf(VecF x) {
  const VecF a = abs(x), z = x * x;
  const VecF p =
      horner(z, splat(7.8890385e-05f), {-8.020817e-04f, 5.1895324e-03f, -2.6854442e-02f, 1.12836e-01f, -3.7612626e-01f, 1.2837917e-01f});
  const VecF u = select(a > splat(4.0f), splat(4.0f), a) - splat(2.5f);  // log(erfc(u + 2.5)) is nearly a parabola
  const VecF q = horner(u, splat(7.845182e-07f),
                        {5.19905e-06f, -8.1962535e-06f, 7.818412e-05f, -4.239203e-04f, 2.1625936e-03f, -1.0858731e-02f, -9.438935e-01f,
                         -5.3526807e+00f, -7.806815e+00f});
  const VecF large = with_sign(splat(1.0f) - exp(q), sign_bit(x));
  return select(a < splat(1.0f), fma(x, p, x), select(x == x, large, x));
}

// sin(x + quarter * pi / 2), for |x| <= kTrigLimit.
constexpr float kTrigLimit = 1e5f;
FLAXEN_INLINE VecF sin_quarters(VecF x, int32_t quarter) {
  const VecF k = round_small(x * splat(0.636619772f));
  VecF r = fma(k, bits(0xbfc90fdb), x);  // pi / 2 in three parts
  r = fma(k, bits(0x333bbd2e), r);
  r = fma(k, bits(0x26f72ced), r);
  const VecI n = to_int(k) + splat(quarter);
  const VecF z = r * r;
  const VecF sine = fma(r * z, horner(z, splat(2.7183096e-06f), {-1.9839335e-04f, 8.333329e-03f, -1.6666667e-01f}), r);
  const VecF tail = horner(z, splat(-2.7210203e-07f), {2.479952e-05f, -1.3888883e-03f, 4.1666668e-02f});
  const VecF cosine = fma(z * z, tail, fma(z, splat(-0.5f), splat(1.0f)));
  const VecF y = select((n & splat(int32_t{1})) != splat(int32_t{0}), cosine, sine);
  return bits_as<VecF>(bits_as<VecU>(y) ^ (bits_as<VecU>(n & splat(int32_t{2})) << 30));
}

template <typename Exact>
FLAXEN_INLINE VecF sin_any(VecF x, int32_t quarter, Exact exact) {
  const VecI easy = abs(x) <= splat(kTrigLimit);
  VecF y = sin_quarters(select(easy, x, splat(0.0f)), quarter);
  for (int i = 0; i < kLanes; ++i) {
    if (!easy[i]) y[i] = static_cast<float>(exact(static_cast<double>(x[i])));
  }
  return y;
}
FLAXEN_INLINE VecF sin(VecF x) {
  return select(x == splat(0.0f), x, sin_any(x, 0, [](double v) { return ::sin(v); }));
}
FLAXEN_INLINE VecF cos(VecF x) {
  return sin_any(x, 1, [](double v) { return ::cos(v); });
}

// x^y by way of double, so nearly always the nearest float32.
FLAXEN_INLINE float pow(float x, float y) {
  if (!(x > 0 && x < kInfinity && y > -kInfinity && y < kInfinity))
    return static_cast<float>(::pow(static_cast<double>(x), static_cast<double>(y)));
  const double wide = x;  // a denormal float is a normal double
  uint64_t v;
  memcpy(&v, &wide, sizeof v);
  const uint64_t offset = v - 0x3fe6a09e667f3bcdULL;  // from sqrt(1/2): the mantissa falls in [sqrt(1/2), sqrt(2))
  const int64_t e = static_cast<int64_t>(offset) >> 52;
  v -= static_cast<uint64_t>(e) << 52;
  double m;
  memcpy(&m, &v, sizeof m);
  const double t = (m - 1) / (m + 1), z = t * t;
  constexpr double kLog2[] = {0.22091115798245878, 0.26233443044858273, 0.32059853335009936, 0.41219858585700614,
                              0.5770780163454412,  0.9617966939259899,  2.8853900817779268};
  double l = 0.21367765751752935;
  for (double c : kLog2) l = l * z + c;
  double p = static_cast<double>(y) * (static_cast<double>(e) + t * l);
  p = p > 200 ? 200 : p < -200 ? -200 : p;
  const double n = (p + 6755399441055744.0) - 6755399441055744.0, f = p - n;
  constexpr double kExp2[] = {
      1.0208690798666326e-07, 1.3215422607559303e-06, 1.525265725739565e-05, 0.0001540353048544266, 0.0013333558230170233,
      0.009618129107567866,   0.05550410866444768,    0.2402265069591022,    0.69314718055995,      1.0};
  double r = 7.07578283195387e-09;
  for (double c : kExp2) r = r * f + c;
  const uint64_t scale_bits = static_cast<uint64_t>(static_cast<int64_t>(n) + 1023) << 52;
  double scale;
  memcpy(&scale, &scale_bits, sizeof scale);
  return static_cast<float>(r * scale);
}

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
