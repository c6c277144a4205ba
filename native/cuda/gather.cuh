// What take and scatterAdd check alike.
#pragma once

#include <type_traits>

#include "cuda/axis.cuh"

namespace flaxen::cuda {

inline int check_gather(const FlaxenCudaGather& g) {
  if (const int error = check_axis(g.outer, g.n, g.inner)) return error;
  if (const int error = check_axis(g.outer, g.count, g.inner)) return error;
  if (g.index_type != FLAXEN_CUDA_I32 && g.index_type != FLAXEN_CUDA_U32) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (g.type != FLAXEN_CUDA_F32 && g.type != FLAXEN_CUDA_I32 && g.type != FLAXEN_CUDA_U32 && g.type != FLAXEN_CUDA_BOOL)
    return FLAXEN_CUDA_BAD_ARGUMENT;
  return 0;
}

}  // namespace flaxen::cuda
