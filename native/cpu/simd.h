// Vectors of one instruction set, for the sources that are compiled once for each (FLAXEN_CPU_ISA in sources.cmake).
//
// VecF, VecI and VecU hold kLanes floats, int32 and uint32. Operators work lane by lane, comparisons give a VecI mask of 0 or -1.
// GCC and Clang have such vectors built in; elsewhere a plain array with the same operators stands in.
#pragma once

#include <math.h>
#include <stdint.h>
#include <string.h>

#if FLAXEN_ISA_avx2 || FLAXEN_ISA_avx512
#include <immintrin.h>
#elif FLAXEN_ISA_neon
#include <arm_neon.h>
#endif

#if (defined(__GNUC__) || defined(__clang__)) && !defined(FLAXEN_PLAIN_SIMD)
#define FLAXEN_VECTOR_EXTENSION 1
#endif

#if defined(__clang__)
#define FLAXEN_INLINE inline __attribute__((always_inline))
#define FLAXEN_INLINE_LAMBDA __attribute__((always_inline))
#define FLAXEN_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define FLAXEN_INLINE inline __attribute__((always_inline))
#define FLAXEN_INLINE_LAMBDA __attribute__((always_inline))
#define FLAXEN_UNROLL _Pragma("GCC unroll 64")
#else
#define FLAXEN_INLINE __forceinline
#define FLAXEN_INLINE_LAMBDA
#define FLAXEN_UNROLL
#endif

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

#if FLAXEN_ISA_avx512
constexpr int kLanes = 16;
#elif FLAXEN_ISA_avx2
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

#if FLAXEN_VECTOR_EXTENSION

typedef float VecF __attribute__((vector_size(kLanes * 4)));
typedef int32_t VecI __attribute__((vector_size(kLanes * 4)));
typedef uint32_t VecU __attribute__((vector_size(kLanes * 4)));

FLAXEN_INLINE VecF splat(float x) { return x - VecF{}; }
FLAXEN_INLINE VecI splat(int32_t x) { return x - VecI{}; }
FLAXEN_INLINE VecU splat(uint32_t x) { return x - VecU{}; }
FLAXEN_INLINE VecF select(VecI mask, VecF a, VecF b) { return mask ? a : b; }
FLAXEN_INLINE VecI select(VecI mask, VecI a, VecI b) { return mask ? a : b; }
FLAXEN_INLINE VecU select(VecI mask, VecU a, VecU b) { return mask ? a : b; }
FLAXEN_INLINE VecF to_float(VecI x) { return __builtin_convertvector(x, VecF); }
FLAXEN_INLINE VecF to_float(VecU x) { return __builtin_convertvector(x, VecF); }
FLAXEN_INLINE VecI to_int(VecF x) { return __builtin_convertvector(x, VecI); }  // truncates; the caller keeps x in range

#else

template <typename T>
struct Lanes {
  T v[kLanes];
  T operator[](int i) const { return v[i]; }
  T& operator[](int i) { return v[i]; }
};
using VecF = Lanes<float>;
using VecI = Lanes<int32_t>;
using VecU = Lanes<uint32_t>;

template <typename T>
FLAXEN_INLINE Lanes<T> splat(T x) {
  Lanes<T> r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = x;
  return r;
}
#define FLAXEN_LANES_BINARY(op)                                     \
  template <typename T>                                             \
  FLAXEN_INLINE Lanes<T> operator op(Lanes<T> a, Lanes<T> b) {      \
    for (int i = 0; i < kLanes; ++i) a.v[i] = a.v[i] op b.v[i];     \
    return a;                                                       \
  }                                                                 \
  template <typename T>                                             \
  FLAXEN_INLINE Lanes<T>& operator op##=(Lanes<T>& a, Lanes<T> b) { \
    return a = a op b;                                              \
  }
#define FLAXEN_LANES_COMPARE(op)                                         \
  template <typename T>                                                  \
  FLAXEN_INLINE VecI operator op(Lanes<T> a, Lanes<T> b) {               \
    VecI r;                                                              \
    for (int i = 0; i < kLanes; ++i) r.v[i] = a.v[i] op b.v[i] ? -1 : 0; \
    return r;                                                            \
  }
FLAXEN_LANES_BINARY(+)
FLAXEN_LANES_BINARY(-)
FLAXEN_LANES_BINARY(*)
FLAXEN_LANES_BINARY(/)
FLAXEN_LANES_BINARY(&)
FLAXEN_LANES_BINARY(|)
FLAXEN_LANES_BINARY(^)
FLAXEN_LANES_COMPARE(==)
FLAXEN_LANES_COMPARE(!=)
FLAXEN_LANES_COMPARE(<)
FLAXEN_LANES_COMPARE(<=)
FLAXEN_LANES_COMPARE(>)
FLAXEN_LANES_COMPARE(>=)
#undef FLAXEN_LANES_BINARY
#undef FLAXEN_LANES_COMPARE
template <typename T>
FLAXEN_INLINE Lanes<T> operator-(Lanes<T> a) {
  for (int i = 0; i < kLanes; ++i) a.v[i] = T(0) - a.v[i];
  return a;
}
FLAXEN_INLINE VecF operator-(VecF a) {
  for (int i = 0; i < kLanes; ++i) a.v[i] = -a.v[i];
  return a;
}
template <typename T>
FLAXEN_INLINE Lanes<T> operator~(Lanes<T> a) {
  for (int i = 0; i < kLanes; ++i) a.v[i] = ~a.v[i];
  return a;
}
template <typename T>
FLAXEN_INLINE Lanes<T> operator<<(Lanes<T> a, int n) {
  for (int i = 0; i < kLanes; ++i) a.v[i] = T(uint32_t(a.v[i]) << n);
  return a;
}
template <typename T>
FLAXEN_INLINE Lanes<T> operator>>(Lanes<T> a, int n) {
  for (int i = 0; i < kLanes; ++i) a.v[i] = a.v[i] >> n;
  return a;
}
template <typename T>
FLAXEN_INLINE Lanes<T> select(VecI mask, Lanes<T> a, Lanes<T> b) {
  for (int i = 0; i < kLanes; ++i) a.v[i] = mask.v[i] ? a.v[i] : b.v[i];
  return a;
}
template <typename T>
FLAXEN_INLINE VecF to_float(Lanes<T> x) {
  VecF r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<float>(x.v[i]);
  return r;
}
FLAXEN_INLINE VecI to_int(VecF x) {
  VecI r;
  for (int i = 0; i < kLanes; ++i) r.v[i] = static_cast<int32_t>(x.v[i]);
  return r;
}

#endif

// Reinterpreted bits.
template <typename To, typename From>
FLAXEN_INLINE To bits_as(From x) {
  static_assert(sizeof(To) == sizeof(From));
  To r;
  memcpy(&r, &x, sizeof r);
  return r;
}

FLAXEN_INLINE VecF load(const float* p) {
  VecF r;
  memcpy(&r, p, sizeof r);
  return r;
}
FLAXEN_INLINE VecI load(const int32_t* p) {
  VecI r;
  memcpy(&r, p, sizeof r);
  return r;
}
FLAXEN_INLINE VecU load(const uint32_t* p) {
  VecU r;
  memcpy(&r, p, sizeof r);
  return r;
}
FLAXEN_INLINE void store(float* p, VecF x) { memcpy(p, &x, sizeof x); }
FLAXEN_INLINE void store(int32_t* p, VecI x) { memcpy(p, &x, sizeof x); }
FLAXEN_INLINE void store(uint32_t* p, VecU x) { memcpy(p, &x, sizeof x); }

// The first n lanes, 0 <= n <= kLanes, touching no memory past them; the other lanes load as 0.
#if FLAXEN_ISA_avx512 && FLAXEN_VECTOR_EXTENSION
FLAXEN_INLINE __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
FLAXEN_INLINE VecF load(const float* p, int n) { return (VecF)_mm512_maskz_loadu_ps(first_lanes(n), p); }
FLAXEN_INLINE VecI load(const int32_t* p, int n) { return (VecI)_mm512_maskz_loadu_epi32(first_lanes(n), p); }
FLAXEN_INLINE VecU load(const uint32_t* p, int n) { return (VecU)_mm512_maskz_loadu_epi32(first_lanes(n), p); }
FLAXEN_INLINE void store(float* p, VecF x, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), (__m512)x); }
FLAXEN_INLINE void store(int32_t* p, VecI x, int n) { _mm512_mask_storeu_epi32(p, first_lanes(n), (__m512i)x); }
FLAXEN_INLINE void store(uint32_t* p, VecU x, int n) { _mm512_mask_storeu_epi32(p, first_lanes(n), (__m512i)x); }
#elif FLAXEN_ISA_avx2 && FLAXEN_VECTOR_EXTENSION
FLAXEN_INLINE __m256i first_lanes(int n) { return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7)); }
FLAXEN_INLINE VecF load(const float* p, int n) { return (VecF)_mm256_maskload_ps(p, first_lanes(n)); }
FLAXEN_INLINE VecI load(const int32_t* p, int n) { return (VecI)_mm256_maskload_epi32((const int*)p, first_lanes(n)); }
FLAXEN_INLINE VecU load(const uint32_t* p, int n) { return (VecU)_mm256_maskload_epi32((const int*)p, first_lanes(n)); }
// In halves, as a masked store takes AMD's processors a dozen cycles.
FLAXEN_INLINE void store_first_lanes(void* p, __m256i x, int n) {
  char* to = static_cast<char*>(p);
  if (n & 8) return _mm256_storeu_si256((__m256i*)to, x);
  __m128i part = _mm256_castsi256_si128(x);
  if (n & 4) {
    _mm_storeu_si128((__m128i*)to, part);
    part = _mm256_extracti128_si256(x, 1);
    to += 16;
  }
  if (n & 2) {
    _mm_storel_epi64((__m128i*)to, part);
    part = _mm_unpackhi_epi64(part, part);
    to += 8;
  }
  if (n & 1) {
    const int last = _mm_cvtsi128_si32(part);
    memcpy(to, &last, sizeof last);
  }
}
FLAXEN_INLINE void store(float* p, VecF x, int n) { store_first_lanes(p, (__m256i)x, n); }
FLAXEN_INLINE void store(int32_t* p, VecI x, int n) { store_first_lanes(p, (__m256i)x, n); }
FLAXEN_INLINE void store(uint32_t* p, VecU x, int n) { store_first_lanes(p, (__m256i)x, n); }
#else
FLAXEN_INLINE VecF load(const float* p, int n) {
  VecF r = splat(0.0f);
  for (int i = 0; i < n; ++i) r[i] = p[i];
  return r;
}
FLAXEN_INLINE VecI load(const int32_t* p, int n) {
  VecI r = splat(int32_t{0});
  for (int i = 0; i < n; ++i) r[i] = p[i];
  return r;
}
FLAXEN_INLINE VecU load(const uint32_t* p, int n) {
  VecU r = splat(uint32_t{0});
  for (int i = 0; i < n; ++i) r[i] = p[i];
  return r;
}
FLAXEN_INLINE void store(float* p, VecF x, int n) {
  for (int i = 0; i < n; ++i) p[i] = x[i];
}
FLAXEN_INLINE void store(int32_t* p, VecI x, int n) {
  for (int i = 0; i < n; ++i) p[i] = x[i];
}
FLAXEN_INLINE void store(uint32_t* p, VecU x, int n) {
  for (int i = 0; i < n; ++i) p[i] = x[i];
}
#endif

// Says "all lanes" where a count could stand, so that one body serves whole vectors and the last one.
struct All {};
FLAXEN_INLINE VecF load(const float* p, All) { return load(p); }
FLAXEN_INLINE VecI load(const int32_t* p, All) { return load(p); }
FLAXEN_INLINE VecU load(const uint32_t* p, All) { return load(p); }
template <typename T, typename Vec>
FLAXEN_INLINE void store(T* p, Vec x, All) {
  store(p, x);
}

// Hints; the address need not be one that may be read.
FLAXEN_INLINE void prefetch_read(const float* p) {
#if FLAXEN_VECTOR_EXTENSION
  __builtin_prefetch(p, 0);
#else
  (void)p;
#endif
}
FLAXEN_INLINE void prefetch_write(const float* p) {
#if FLAXEN_VECTOR_EXTENSION
  __builtin_prefetch(p, 1);
#else
  (void)p;
#endif
}

// x * y + z rounded once, on every instruction set (slow on the baseline).
FLAXEN_INLINE VecF fma(VecF x, VecF y, VecF z) {
#if FLAXEN_ISA_avx512 && FLAXEN_VECTOR_EXTENSION
  return (VecF)_mm512_fmadd_ps((__m512)x, (__m512)y, (__m512)z);
#elif FLAXEN_ISA_avx2 && FLAXEN_VECTOR_EXTENSION
  return (VecF)_mm256_fmadd_ps((__m256)x, (__m256)y, (__m256)z);
#elif FLAXEN_ISA_neon && FLAXEN_VECTOR_EXTENSION
  return (VecF)vfmaq_f32((float32x4_t)z, (float32x4_t)x, (float32x4_t)y);
#else
  for (int i = 0; i < kLanes; ++i) z[i] = fmaf(x[i], y[i], z[i]);
  return z;
#endif
}

// x * y + z as the instruction set does it fastest: rounded once where it has the instruction, else twice.
FLAXEN_INLINE VecF muladd(VecF x, VecF y, VecF z) {
#if FLAXEN_ISA_baseline
  return x * y + z;
#else
  return fma(x, y, z);
#endif
}

FLAXEN_INLINE VecF sqrt(VecF x) {
#if FLAXEN_ISA_avx512 && FLAXEN_VECTOR_EXTENSION
  return (VecF)_mm512_maskz_sqrt_ps(first_lanes(kLanes), (__m512)x);  // the plain form trips GCC 12's -Wuninitialized
#elif FLAXEN_ISA_avx2 && FLAXEN_VECTOR_EXTENSION
  return (VecF)_mm256_sqrt_ps((__m256)x);
#elif FLAXEN_ISA_neon && FLAXEN_VECTOR_EXTENSION
  return (VecF)vsqrtq_f32((float32x4_t)x);
#else
  for (int i = 0; i < kLanes; ++i) x[i] = sqrtf(x[i]);
  return x;
#endif
}

// NaN if either is.
FLAXEN_INLINE VecF max(VecF a, VecF b) { return select((a > b) | (a != a), a, b); }
FLAXEN_INLINE VecF min(VecF a, VecF b) { return select((a < b) | (a != a), a, b); }
FLAXEN_INLINE VecI max(VecI a, VecI b) { return select(a > b, a, b); }
FLAXEN_INLINE VecI min(VecI a, VecI b) { return select(a < b, a, b); }
FLAXEN_INLINE VecU max(VecU a, VecU b) { return select(a > b, a, b); }
FLAXEN_INLINE VecU min(VecU a, VecU b) { return select(a < b, a, b); }

FLAXEN_INLINE VecF abs(VecF x) { return bits_as<VecF>(bits_as<VecU>(x) & splat(uint32_t{0x7fffffff})); }

// The sum of all lanes, always in the same order.
FLAXEN_INLINE float sum(VecF x) {
  float t[kLanes];
  memcpy(t, &x, sizeof t);
  for (int half = kLanes / 2; half > 0; half /= 2) {
    for (int i = 0; i < half; ++i) t[i] += t[i + half];
  }
  return t[0];
}

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
