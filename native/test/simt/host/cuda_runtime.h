// CUDA C++ for the host's compiler: kernels become plain functions, and a launch runs them on the simulator, a fiber a thread. Sanitizers
// see what the kernels do then; what nvcc makes of them, the interpreter of PTX sees.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <utility>

#include "simt/device.h"
#include "simt/host/cuda_runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)

using flaxen::simt::blockDim, flaxen::simt::blockIdx, flaxen::simt::gridDim, flaxen::simt::threadIdx;

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(8) uint2 {
  unsigned x, y;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

namespace flaxen::simt {

template <typename To, typename From>
To same_bits(From from) {
  static_assert(sizeof(To) == sizeof(From));
  To to;
  std::memcpy(&to, &from, sizeof to);
  return to;
}

// What travels through a shuffle.
template <typename T>
uint64_t word_of(T value) {
  static_assert(sizeof(T) <= 8);
  uint64_t word = 0;
  std::memcpy(&word, &value, sizeof value);
  return word;
}
template <typename T>
T of_word(uint64_t word) {
  T value;
  std::memcpy(&value, &word, sizeof value);
  return value;
}

}  // namespace flaxen::simt

inline uint32_t __float_as_uint(float x) { return flaxen::simt::same_bits<uint32_t>(x); }
inline float __uint_as_float(uint32_t x) { return flaxen::simt::same_bits<float>(x); }
inline int __float_as_int(float x) { return flaxen::simt::same_bits<int>(x); }
inline float __int_as_float(int x) { return flaxen::simt::same_bits<float>(x); }
inline long long __double_as_longlong(double x) { return flaxen::simt::same_bits<long long>(x); }
inline double __longlong_as_double(long long x) { return flaxen::simt::same_bits<double>(x); }

// Always inlined, so that a report names the kernel's line.
__forceinline__ void __syncthreads() { flaxen::simt::block_barrier(); }
__forceinline__ void __syncwarp(unsigned mask = 0xffffffff) { flaxen::simt::warp_barrier(mask); }
__forceinline__ unsigned __ballot_sync(unsigned mask, int predicate) { return flaxen::simt::warp_ballot(mask, predicate != 0); }
template <typename T>
__forceinline__ T __shfl_sync(unsigned mask, T value, int lane) {
  using namespace flaxen::simt;
  return of_word<T>(warp_shuffle(mask, word_of(value), lane & 31));
}
template <typename T>
__forceinline__ T __shfl_xor_sync(unsigned mask, T value, int distance) {
  using namespace flaxen::simt;
  return of_word<T>(warp_shuffle(mask, word_of(value), lane_of_thread() ^ distance));
}
template <typename T>
__forceinline__ T __shfl_up_sync(unsigned mask, T value, unsigned distance) {
  using namespace flaxen::simt;
  const int lane = lane_of_thread(), from = lane - static_cast<int>(distance);
  return of_word<T>(warp_shuffle(mask, word_of(value), from < 0 ? lane : from));
}
template <typename T>
__forceinline__ T __shfl_down_sync(unsigned mask, T value, unsigned distance) {
  using namespace flaxen::simt;
  const int lane = lane_of_thread(), from = lane + static_cast<int>(distance);
  return of_word<T>(warp_shuffle(mask, word_of(value), from > 31 ? lane : from));
}

struct cudaLaunchConfig_t {
  dim3 gridDim, blockDim;
  size_t dynamicSmemBytes = 0;
  cudaStream_t stream = nullptr;
};

template <typename... Parameters, typename... Arguments>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...), Arguments&&... arguments) {
  const auto thread = [=] { kernel(static_cast<Parameters>(arguments)...); };
  const dim3 &g = config->gridDim, &b = config->blockDim;
  return flaxen::simt::launch_function(reinterpret_cast<const void*>(kernel), {{g.x, g.y, g.z}, {b.x, b.y, b.z}, config->dynamicSmemBytes},
                                       &thread, sizeof thread, [](const void* f) { (*static_cast<const decltype(thread)*>(f))(); });
}
