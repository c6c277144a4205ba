// Arrays in device memory, for tests.
#pragma once

#include <cuda_runtime_api.h>

#include <string>
#include <vector>

#include "cuda/platform.h"
#include "kernel_check.h"

namespace flaxen::test {

inline void check_call(int error, const std::string& what) { check(error == 0, what + ": " + flaxen_cuda_error_text(error)); }

// `size` elements, `skew` elements past an aligned address. The allocation ends with the last, so that an access behind it is found.
template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(int64_t size, int64_t skew = 0) : size_(size), skew_(skew) {
    check_call(cudaMalloc(reinterpret_cast<void**>(&base_), static_cast<size_t>(size + skew) * sizeof(T)), "cudaMalloc");
    poison(base_, static_cast<size_t>(size + skew) * sizeof(T));
  }
  explicit DeviceArray(const std::vector<T>& values, int64_t skew = 0) : DeviceArray(static_cast<int64_t>(values.size()), skew) {
    check_call(cudaMemcpy(data(), values.data(), values.size() * sizeof(T), cudaMemcpyHostToDevice), "cudaMemcpy");
  }
  DeviceArray(DeviceArray&& other) noexcept : base_(other.base_), size_(other.size_), skew_(other.skew_) { other.base_ = nullptr; }
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;
  ~DeviceArray() { cudaFree(base_); }

  T* data() const { return base_ + skew_; }
  int64_t size() const { return size_; }
  std::vector<T> read() const {
    std::vector<T> values(static_cast<size_t>(size_));
    check_call(cudaMemcpy(values.data(), data(), values.size() * sizeof(T), cudaMemcpyDeviceToHost), "cudaMemcpy");
    return values;
  }

 private:
  T* base_ = nullptr;
  int64_t size_, skew_;
};

inline std::vector<float> random_values(int64_t size, uint32_t seed, float mean = 0, float deviation = 1) {
  std::mt19937 engine(seed_base + seed);
  std::vector<float> x(static_cast<size_t>(size));
  for (float& v : x) v = mean + deviation * (static_cast<float>(engine()) / 2147483648.0f - 1);
  return x;
}

// The greatest difference, relative to 1 + |wanted|; a NaN where none is wanted, or none where one is, is an infinite one.
inline double difference(double got, double wanted) {
  if (std::isnan(wanted) || std::isnan(got)) return std::isnan(wanted) && std::isnan(got) ? 0 : INFINITY;
  if (std::isinf(wanted)) return got == wanted ? 0 : INFINITY;
  return std::abs(got - wanted) / (1 + std::abs(wanted));
}

inline void check_close(const std::vector<float>& got, const std::vector<double>& wanted, double tolerance, const std::string& what) {
  check(got.size() == wanted.size(), what + ": size");
  for (size_t i = 0; i < got.size() && i < wanted.size(); ++i) {
    const double d = difference(static_cast<double>(got[i]), wanted[i]);
    if (d <= tolerance) continue;
    check(false, what + ": element " + std::to_string(i) + " is " + std::to_string(got[i]) + ", not " + std::to_string(wanted[i]));
    return;
  }
}

}  // namespace flaxen::test
