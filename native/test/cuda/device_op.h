// Arrays of any dtype on the device, and their comparison with what the CPU's kernels give.
#pragma once

#include "cuda/device_array.h"
#include "op_check.h"

namespace flaxen::test {

using Bytes = DeviceArray<uint8_t>;

inline Bytes upload(const Array& a, int64_t skew = 0) {
  const uint8_t* p = a.data<uint8_t>();
  return Bytes(std::vector<uint8_t>(p, p + a.aval.bytes()), skew);
}

inline Array download(const Bytes& from, const Aval& aval) {
  Array a(aval.dtype, aval.shape);
  const std::vector<uint8_t> bytes = from.read();
  std::copy(bytes.begin(), bytes.end(), a.data<uint8_t>());
  return a;
}

inline bool same_number(const Array& a, const Array& b, int64_t i) {
  if (a.aval.dtype == DType::boolean) return a.data<uint8_t>()[i] == b.data<uint8_t>()[i];
  const bool both_nan = a.aval.dtype == DType::f32 && std::isnan(a.at(i)) && std::isnan(b.at(i));
  return both_nan || a.data<uint32_t>()[i] == b.data<uint32_t>()[i];
}

// How far the bits of the result may be off: for functions that the platforms compute in different ways.
inline void check_same(const Array& got, const Array& wanted, double tolerance, const std::string& what) {
  for (int64_t i = 0; i < got.size(); ++i) {
    if (same_number(got, wanted, i)) continue;
    if (tolerance > 0 && difference(got.at(i), wanted.at(i)) <= tolerance) continue;
    check(false, what + ": element " + std::to_string(i) + " is " + std::to_string(got.at(i)) + ", not " + std::to_string(wanted.at(i)));
    return;
  }
}

// The library's name for a dtype, and for an array's sizes about an axis.
inline FlaxenCudaType type_of(DType dtype) { return static_cast<FlaxenCudaType>(dtype); }

struct Axis {
  int64_t outer = 1, n = 1, inner = 1;
  Axis(const Shape& shape, size_t axis) : n(shape[axis]) {
    for (size_t d = 0; d < shape.size(); ++d) {
      if (d < axis) outer *= shape[d];
      if (d > axis) inner *= shape[d];
    }
  }
};

inline std::string text_of(const Shape& shape) {
  std::string text;
  for (int64_t n : shape) text += (text.empty() ? "" : "x") + std::to_string(n);
  return text;
}

inline Bytes scratch_of(size_t bytes) { return Bytes(static_cast<int64_t>(bytes)); }

}  // namespace flaxen::test
