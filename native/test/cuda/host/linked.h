// The library and a device of the stand-in, as the host code of the CUDA backend sees them: linked here instead of opened.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "cuda/host/device.h"
#include "kernel_check.h"

namespace flaxen::test {

inline const cuda::Library& linked() {
  static const cuda::Library library = [] {
    cuda::Library all;
#define FLAXEN_CUDA_LINKED(name) all.name = flaxen_cuda_##name;
    FLAXEN_CUDA_FUNCTIONS(FLAXEN_CUDA_LINKED)
#undef FLAXEN_CUDA_LINKED
    return all;
  }();
  return library;
}

constexpr size_t kMiB = size_t{1} << 20;

inline std::shared_ptr<cuda::Device> opened(int ordinal = 0, size_t limit = 64 * kMiB) {
  return std::make_shared<cuda::Device>(linked(), ordinal, limit);
}

// The message of what the call throws, or an empty text.
template <typename F>
std::string error_of(F call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

inline void check_error(const std::string& got, const std::string& part, const std::string& what) {
  check(got.find(part) != got.npos, what + ": the error is \"" + got + "\"");
}

}  // namespace flaxen::test
