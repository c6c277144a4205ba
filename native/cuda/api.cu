// What every family shares.
#include <cuda_runtime.h>

#include "cuda/api.h"

extern "C" int flaxen_cuda_version(void) { return FLAXEN_CUDA_VERSION; }

extern "C" const char* flaxen_cuda_error_text(int error) {
  switch (error) {
    case FLAXEN_CUDA_BAD_ARGUMENT:
      return "a size or an option is not valid";
    case FLAXEN_CUDA_TOO_LARGE:
      return "an array has 2^31 elements or more, or a program needs more registers than a block has memory for";
    default:
      return cudaGetErrorString(static_cast<cudaError_t>(error));
  }
}
