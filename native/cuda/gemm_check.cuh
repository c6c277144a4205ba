// The sizes that a product may have, with tiles of `tile` columns.
#pragma once

#include "cuda/launch.cuh"

namespace flaxen::cuda {

constexpr int64_t kMostGridYZ = 65535;  // batches past it take another launch

inline int check_gemm(const FlaxenCudaGemm& g, int64_t tile) {
  const int64_t a_width = g.a_transposed ? g.m : g.k, b_width = g.b_transposed ? g.k : g.n;
  if (g.precision < FLAXEN_CUDA_TF32 || g.precision > FLAXEN_CUDA_BFLOAT16) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (g.batch < 0 || g.m < 0 || g.n < 0 || g.k < 0 || g.a_stride < a_width || g.b_stride < b_width) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (g.batch >= kMostElements || g.m >= kMostElements || g.k >= kMostElements || g.n > kMostGridYZ * tile) return FLAXEN_CUDA_TOO_LARGE;
  if (g.n > 0 && g.m >= kMostElements / g.n) return FLAXEN_CUDA_TOO_LARGE;
  if (g.m * g.n > 0 && g.batch >= kMostElements / (g.m * g.n)) return FLAXEN_CUDA_TOO_LARGE;
  return 0;
}

// f(first, count) for as many of the batch as one grid takes.
template <typename F>
int for_batches(int64_t batch, F f) {
  int error = 0;
  for (int64_t first = 0; first < batch && !error; first += kMostGridYZ) {
    const int64_t left = batch - first;
    error = f(first, left < kMostGridYZ ? left : kMostGridYZ);
  }
  return error;
}

}  // namespace flaxen::cuda
