// Runs one node of a graph through its kernel, on arrays between guard zones, at all alignments that a kernel may meet.
#pragma once

#include <functional>
#include <utility>

#include "compiler/graph.h"
#include "cpu/kernel.h"
#include "kernel_check.h"

namespace flaxen::test {

class Array {
 public:
  Array(DType dtype, Shape shape, int64_t skew = 0)
      : aval{dtype, std::move(shape)}, bytes_(static_cast<int64_t>(aval.bytes()), dtype == DType::boolean ? skew : 4 * skew) {
    bytes_.poison();
  }
  template <typename T>
  T* data() {
    return reinterpret_cast<T*>(bytes_.data());
  }
  template <typename T>
  const T* data() const {
    return reinterpret_cast<const T*>(bytes_.data());
  }
  int64_t size() const { return aval.count(); }
  // Any element as a number.
  double at(int64_t i) const {
    switch (aval.dtype) {
      case DType::f32:
        return static_cast<double>(data<float>()[i]);
      case DType::i32:
        return data<int32_t>()[i];
      case DType::u32:
        return data<uint32_t>()[i];
      case DType::boolean:
        return data<uint8_t>()[i];
    }
    return 0;
  }
  void set(int64_t i, double x) {
    switch (aval.dtype) {
      case DType::f32:
        data<float>()[i] = static_cast<float>(x);
        break;
      case DType::i32:
        data<int32_t>()[i] = static_cast<int32_t>(x);
        break;
      case DType::u32:
        data<uint32_t>()[i] = static_cast<uint32_t>(x);
        break;
      case DType::boolean:
        data<uint8_t>()[i] = x != 0;
        break;
    }
  }
  bool intact() const { return bytes_.intact(); }
  bool same_as(const Array& other) const { return aval == other.aval && same_bits(bytes_, other.bytes_); }

  Aval aval;

 private:
  Guarded<uint8_t> bytes_;
};

inline Array filled(DType dtype, Shape shape, const std::function<double(int64_t)>& value, int64_t skew = 0) {
  Array a(dtype, std::move(shape), skew);
  for (int64_t i = 0; i < a.size(); ++i) a.set(i, value(i));
  return a;
}

// Small numbers of either sign where the dtype has them.
inline Array random_array(DType dtype, Shape shape, uint32_t seed, int64_t skew = 0) {
  std::mt19937 engine(seed_base + seed);
  return filled(
      dtype, std::move(shape),
      [&](int64_t) -> double {
        const uint32_t r = engine();
        switch (dtype) {
          case DType::f32:
            return static_cast<double>(static_cast<int32_t>(r)) / 536870912.0;
          case DType::i32:
            return static_cast<int32_t>(r) % 1000;
          case DType::u32:
            return r % 1000;
          case DType::boolean:
            return r & 1;
        }
        return 0;
      },
      skew);
}

inline std::vector<Array> poisoned(const std::vector<Aval>& avals, int64_t skew = 0) {
  std::vector<Array> arrays;
  for (const Aval& aval : avals) arrays.emplace_back(aval.dtype, aval.shape, skew);
  return arrays;
}

// Launches with scratch memory of the very size asked for, itself guarded.
inline void launch(const cpu::Prepared& prepared, const std::vector<const void*>& in, const std::vector<void*>& out,
                   const std::string& what) {
  Guarded<uint8_t> scratch(static_cast<int64_t>(prepared.scratch_bytes));
  scratch.poison();
  prepared.launch({in.data(), out.data(), scratch.data()});
  check(scratch.intact(), what + ": wrote outside its scratch memory");
}

inline std::vector<Array> run_prepared(const cpu::Prepared& prepared, const std::vector<const Array*>& inputs,
                                       const std::vector<Aval>& outputs, const std::string& what, int64_t skew = 0) {
  std::vector<Array> results = poisoned(outputs, skew);
  std::vector<const void*> in;
  std::vector<void*> out;
  for (const Array* a : inputs) in.push_back(a->data<uint8_t>());
  for (Array& a : results) out.push_back(a.data<uint8_t>());
  launch(prepared, in, out, what);
  for (const Array* a : inputs) check(a->intact(), what + ": wrote around an input");
  for (const Array& a : results) check(a.intact(), what + ": wrote around an output");
  // Each input that may share an output's memory does so in turn.
  for (const auto& [i, o] : prepared.in_place) {
    const Array& source = *inputs[static_cast<size_t>(i)];
    std::vector<Array> again = poisoned(outputs, skew);
    Array& shared = again[static_cast<size_t>(o)];
    std::memcpy(shared.data<uint8_t>(), source.data<uint8_t>(), source.aval.bytes());
    std::vector<const void*> in_again = in;
    std::vector<void*> out_again;
    for (Array& a : again) out_again.push_back(a.data<uint8_t>());
    in_again[static_cast<size_t>(i)] = shared.data<uint8_t>();
    launch(prepared, in_again, out_again, what);
    for (size_t r = 0; r < again.size(); ++r) {
      check(again[r].same_as(results[r]), what + ": differs in place, input " + std::to_string(i) + " in output " + std::to_string(o));
    }
  }
  return results;
}

// A graph of the inputs and this one node.
inline Graph graph_of(const std::string& op, const std::vector<const Array*>& inputs, const Params& params,
                      const std::vector<Aval>& outputs) {
  Graph graph;
  Node node{op, {}, {}, params, nullptr};
  for (const Array* a : inputs) node.inputs.push_back(graph.add_value(a->aval));
  graph.inputs = static_cast<int32_t>(inputs.size());
  for (const Aval& aval : outputs) node.outputs.push_back(graph.add_value(aval));
  graph.outputs = node.outputs;
  graph.nodes.push_back(node);
  return graph;
}

inline std::vector<Array> run_op(const std::string& op, const std::vector<const Array*>& inputs, const Params& params,
                                 const std::vector<Aval>& outputs, int64_t skew = 0) {
  const Graph graph = graph_of(op, inputs, params, outputs);
  return run_prepared(cpu::prepare(graph, graph.nodes[0]), inputs, outputs, op, skew);
}

// Instruction sets that are compiled in and run on this machine.
inline std::vector<cpu::Isa> runnable_isas() {
  std::vector<cpu::Isa> isas;
  for (cpu::Isa isa : cpu::compiled_isas()) {
    isas.push_back(isa);
    if (isa == cpu::chosen_isa()) break;
  }
  return isas;
}

// Row-major position of an index, and the next index; for naive references.
inline int64_t position(const Shape& shape, const std::vector<int64_t>& index) {
  int64_t p = 0;
  for (size_t d = 0; d < shape.size(); ++d) p = p * shape[d] + index[d];
  return p;
}
inline void for_each_index(const Shape& shape, const std::function<void(const std::vector<int64_t>&)>& f) {
  std::vector<int64_t> index(shape.size(), 0);
  if (count(shape) == 0) return;
  for (;;) {
    f(index);
    size_t d = shape.size();
    while (d > 0 && ++index[d - 1] == shape[d - 1]) index[--d] = 0;
    if (d == 0) return;
  }
}

}  // namespace flaxen::test
