// Arrays seen as [outer, n, inner] about one dimension: the check of the sizes, and where a line along it begins.
#pragma once

#include "cuda/launch.cuh"
#include "cuda/port.cuh"

namespace flaxen::cuda {

// Line l is that of outer index l / inner and inner index l % inner; its element i is line_start(l, n, inner) + i * inner.
FLAXEN_DEVICE int64_t line_start(int64_t line, int64_t n, int64_t inner) {
  const int64_t o = line / inner;
  return o * n * inner + (line - o * inner);
}

inline int check_axis(int64_t outer, int64_t n, int64_t inner) {
  if (outer < 0 || n < 0 || inner < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  const auto too_large = [](int64_t a, int64_t b) { return a > 0 && b >= (kMostElements + a - 1) / a; };
  if (outer >= kMostElements || n >= kMostElements || inner >= kMostElements) return FLAXEN_CUDA_TOO_LARGE;
  if (too_large(outer, n) || too_large(outer * (n ? n : 1), inner)) return FLAXEN_CUDA_TOO_LARGE;
  return 0;
}

}  // namespace flaxen::cuda
