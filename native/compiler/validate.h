// Checks a graph against docs/primitives.md, so that passes and kernels may trust it.
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "compiler/graph.h"

namespace flaxen {

// Throws GraphError or GraphRangeError, whose message names the node, the value and the mend.
void validate(const Graph& graph);

// The primitives that the CPU has kernels for, sorted: all that validate knows but those of window_rules.
std::vector<std::string> primitive_names();

// Values larger than this are refused before anything multiplies their dimensions.
constexpr int64_t kMaxValueBytes = int64_t{1} << 40;

// Sets of dtypes.
enum Dtypes : unsigned { kF32 = 1, kI32 = 2, kU32 = 4, kBool = 8, kInt = kI32 | kU32, kNumeric = kF32 | kInt, kWord = kNumeric, kAny = 15 };
inline unsigned set_of(DType t) { return 1u << static_cast<unsigned>(t); }
std::string names_of(unsigned dtypes);  // "float32 or int32"

// One node under examination: what a primitive's rule reads, and how it complains.
class NodeCheck {
 public:
  NodeCheck(const Graph& graph, const Node& node, size_t index) : node(node), graph_(graph), index_(index) {}

  const Node& node;

  [[noreturn]] void fail(const std::string& what) const;
  void expect(bool holds, const std::string& what) const {
    if (!holds) fail(what);
  }

  void arity(size_t inputs, size_t outputs) const;
  const Aval& in(size_t i) const { return graph_.aval(node.inputs[i]); }
  const Aval& out(size_t i = 0) const { return graph_.aval(node.outputs[i]); }
  size_t rank(size_t input = 0) const { return in(input).shape.size(); }

  void in_dtype(size_t i, unsigned dtypes) const;
  void in_shape(size_t i, const Shape& shape) const;
  void in_rank(size_t i, size_t rank) const;
  void out_is(size_t i, DType dtype, const Shape& shape) const;

  // The parameter `axis`, within the rank.
  size_t axis(size_t rank) const;
  // A list of axes within the rank, each once.
  const std::vector<int64_t>& axes(const char* key, size_t rank) const;
  // A list of as many integers, all at least `least`.
  const std::vector<int64_t>& ints(const char* key, size_t size, int64_t least) const;

 private:
  std::string where() const;
  const Graph& graph_;
  size_t index_;
};

using Rule = void (*)(const NodeCheck&);
using Rules = std::unordered_map<std::string_view, Rule>;

// One table for each family of docs/primitives.md.
const Rules& elementwise_rules();
const Rules& layout_rules();
const Rules& reduction_rules();
const Rules& layer_rules();
const Rules& window_rules();

}  // namespace flaxen
