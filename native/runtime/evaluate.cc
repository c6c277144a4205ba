#include "runtime/evaluate.h"

#include <cstring>

#include "cpu/kernel.h"

namespace flaxen {

namespace {

constexpr size_t kMostOperands = 4;

// One element of any dtype, as aligned as kernels may expect.
struct alignas(64) Cell {
  unsigned char bytes[64] = {};

  template <typename T>
  void put(T value) {
    std::memcpy(bytes, &value, sizeof value);
  }
  template <typename T>
  double get() const {
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return static_cast<double>(value);
  }

  void store(DType dtype, double value) {
    switch (dtype) {
      case DType::f32:
        return put(static_cast<float>(value));
      case DType::i32:
        return put(static_cast<int32_t>(value));
      case DType::u32:
        return put(static_cast<uint32_t>(value));
      case DType::boolean:
        return put(static_cast<uint8_t>(value != 0));
    }
  }
  double load(DType dtype) const {
    switch (dtype) {
      case DType::f32:
        return get<float>();
      case DType::i32:
        return get<int32_t>();
      case DType::u32:
        return get<uint32_t>();
      case DType::boolean:
        return get<uint8_t>();
    }
    return 0;
  }
};

}  // namespace

std::optional<double> evaluate_scalar(const Graph& graph, const Node& node, const std::vector<double>& operands) {
  if (operands.size() > kMostOperands || node.outputs.size() != 1) return std::nullopt;
  Graph scalar;
  Node same = node;
  Cell cells[kMostOperands], result;
  const void* in[kMostOperands];
  for (size_t i = 0; i < operands.size(); ++i) {
    const DType dtype = graph.aval(node.inputs[i]).dtype;
    same.inputs[i] = scalar.add_value({dtype, {}});
    cells[i].store(dtype, operands[i]);
    in[i] = cells[i].bytes;
  }
  scalar.inputs = static_cast<int32_t>(operands.size());
  const DType dtype = graph.aval(node.outputs[0]).dtype;
  same.outputs = {scalar.add_value({dtype, {}})};
  const cpu::Prepared kernel = cpu::prepare(scalar, same);
  if (kernel.scratch_bytes > 0) return std::nullopt;
  void* out[] = {result.bytes};
  kernel.launch({in, out, nullptr});
  return result.load(dtype);
}

}  // namespace flaxen
