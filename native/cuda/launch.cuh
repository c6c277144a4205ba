// How host code starts a kernel: cudaLaunchKernelEx, so that there is one way that the simulator, graph capture and errors all see.
#pragma once

#include <cuda_runtime.h>

#include "cuda/api.h"

namespace flaxen::cuda {

template <typename T>
constexpr T ceil_div(T a, T b) {
  return (a + b - 1) / b;
}

constexpr int64_t kMostElements = int64_t{1} << 31;  // kernels count elements of one array in 32 bits

struct Shape {
  dim3 grid, block;
  size_t dynamic_shared = 0;
};

template <typename... Parameters, typename... Arguments>
int launch(const FlaxenCudaDevice& device, const Shape& shape, void (*kernel)(Parameters...), Arguments&&... arguments) {
  if (shape.dynamic_shared > 48 * 1024) {
    const cudaError_t error = cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                   static_cast<int>(shape.dynamic_shared));
    if (error != cudaSuccess) return error;
  }
  cudaLaunchConfig_t config{};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.dynamic_shared;
  config.stream = static_cast<cudaStream_t>(device.stream);
  return cudaLaunchKernelEx(&config, kernel, static_cast<Parameters>(arguments)...);
}

// One thread an element, for kernels that leave where their index is past the last.
inline Shape thread_each(int64_t elements) { return {dim3(static_cast<unsigned>(ceil_div(elements, int64_t{256}))), dim3(256)}; }

}  // namespace flaxen::cuda
