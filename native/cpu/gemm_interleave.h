// Transposition inside the registers, by rounds of interleaving.
#pragma once

#include "cpu/simd.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

#if FLAXEN_ISA_avx512
#define FLAXEN_LOW 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23
#define FLAXEN_HIGH 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31
#elif FLAXEN_ISA_avx2
#define FLAXEN_LOW 0, 8, 1, 9, 2, 10, 3, 11
#define FLAXEN_HIGH 4, 12, 5, 13, 6, 14, 7, 15
#else
#define FLAXEN_LOW 0, 4, 1, 5
#define FLAXEN_HIGH 2, 6, 3, 7
#endif

// a0 b0 a1 b1 ... of the lower halves, and of the upper.
#if FLAXEN_VECTOR_EXTENSION && defined(__clang__)
FLAXEN_INLINE VecF interleave_low(VecF a, VecF b) { return __builtin_shufflevector(a, b, FLAXEN_LOW); }
FLAXEN_INLINE VecF interleave_high(VecF a, VecF b) { return __builtin_shufflevector(a, b, FLAXEN_HIGH); }
#elif FLAXEN_VECTOR_EXTENSION
FLAXEN_INLINE VecF interleave_low(VecF a, VecF b) { return __builtin_shuffle(a, b, VecI{FLAXEN_LOW}); }
FLAXEN_INLINE VecF interleave_high(VecF a, VecF b) { return __builtin_shuffle(a, b, VecI{FLAXEN_HIGH}); }
#else
FLAXEN_INLINE VecF interleave_low(VecF a, VecF b) { return {{a[0], b[0], a[1], b[1]}}; }
FLAXEN_INLINE VecF interleave_high(VecF a, VecF b) { return {{a[2], b[2], a[3], b[3]}}; }
#endif
#undef FLAXEN_LOW
#undef FLAXEN_HIGH

// x[i][j] becomes x[j][i]: each of log2(kLanes) rounds interleaves vector i with vector i + kLanes / 2.
FLAXEN_INLINE void transpose(VecF (&x)[kLanes]) {
  FLAXEN_UNROLL
  for (int round = 1; round < kLanes; round *= 2) {
    VecF y[kLanes];
    FLAXEN_UNROLL
    for (int i = 0; i < kLanes / 2; ++i) {
      y[2 * i] = interleave_low(x[i], x[i + kLanes / 2]);
      y[2 * i + 1] = interleave_high(x[i], x[i + kLanes / 2]);
    }
    FLAXEN_UNROLL
    for (int i = 0; i < kLanes; ++i) x[i] = y[i];
  }
}

// Lane i of the result is the sum of the lanes of x[i].
FLAXEN_INLINE VecF sums_of(VecF (&x)[kLanes]) {
  FLAXEN_UNROLL
  for (int half = kLanes / 2; half > 0; half /= 2) {
    FLAXEN_UNROLL
    for (int i = 0; i < half; ++i) x[i] = interleave_low(x[i], x[i + half]) + interleave_high(x[i], x[i + half]);
  }
  return x[0];
}

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
