// What the kernels and their tests use of CUDA's host interface, for compilers that are not nvcc; simt/cudart.cc has the functions.
#pragma once

#include <cstddef>

using cudaError_t = int;
using cudaStream_t = struct CUstream_st*;
enum { cudaSuccess = 0 };
enum cudaMemcpyKind { cudaMemcpyHostToHost, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost, cudaMemcpyDeviceToDevice, cudaMemcpyDefault };
enum { cudaFuncAttributeMaxDynamicSharedMemorySize = 8 };

extern "C" {
cudaError_t cudaMalloc(void** p, size_t n);
cudaError_t cudaFree(void* p);
cudaError_t cudaMemcpy(void* to, const void* from, size_t n, int kind);
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t n, int kind, cudaStream_t stream);
cudaError_t cudaMemsetAsync(void* to, int value, size_t n, cudaStream_t stream);
cudaError_t cudaFuncSetAttribute(const void* kernel, int attribute, int value);
const char* cudaGetErrorString(cudaError_t error);
}
