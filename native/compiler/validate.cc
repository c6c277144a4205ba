#include "compiler/validate.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace flaxen {

std::string names_of(unsigned dtypes) {
  std::string text;
  for (DType t : {DType::f32, DType::i32, DType::u32, DType::boolean}) {
    if (dtypes & set_of(t)) text += (text.empty() ? "" : " or ") + std::string(name_of(t));
  }
  return text;
}

std::string NodeCheck::where() const { return "node " + std::to_string(index_) + " (" + node.op + "): "; }

void NodeCheck::fail(const std::string& what) const { throw GraphError(where() + what); }

void NodeCheck::arity(size_t inputs, size_t outputs) const {
  expect(node.inputs.size() == inputs, "takes " + std::to_string(inputs) + " inputs, not " + std::to_string(node.inputs.size()));
  expect(node.outputs.size() == outputs, "has " + std::to_string(outputs) + " outputs, not " + std::to_string(node.outputs.size()));
}

void NodeCheck::in_dtype(size_t i, unsigned dtypes) const {
  if (set_of(in(i).dtype) & dtypes) return;
  fail("input " + std::to_string(i) + " is " + name_of(in(i).dtype) + " but must be " + names_of(dtypes) + "; convert it first");
}

void NodeCheck::in_shape(size_t i, const Shape& shape) const {
  if (in(i).shape == shape) return;
  fail("input " + std::to_string(i) + " has shape " + to_string(in(i).shape) + " but must have " + to_string(shape) +
       "; broadcast or reshape it first");
}

void NodeCheck::in_rank(size_t i, size_t rank) const {
  if (in(i).shape.size() == rank) return;
  fail("input " + std::to_string(i) + " has shape " + to_string(in(i).shape) + " but must have rank " + std::to_string(rank));
}

void NodeCheck::out_is(size_t i, DType dtype, const Shape& shape) const {
  if (out(i).dtype == dtype && out(i).shape == shape) return;
  fail("output " + std::to_string(i) + " is declared " + name_of(out(i).dtype) + to_string(out(i).shape) + " but is " + name_of(dtype) +
       to_string(shape));
}

size_t NodeCheck::axis(size_t rank) const {
  const double axis = node.number("axis");
  if (!(axis >= 0 && axis < static_cast<double>(rank) && axis == std::floor(axis))) {
    fail("axis " + std::to_string(axis) + " is outside rank " + std::to_string(rank) + "; count from 0");
  }
  return static_cast<size_t>(axis);
}

const std::vector<int64_t>& NodeCheck::axes(const char* key, size_t rank) const {
  const auto& list = node.ints(key);
  unsigned seen = 0;
  for (int64_t a : list) {
    expect(a >= 0 && a < static_cast<int64_t>(rank), std::string(key) + " " + to_string(list) + " leaves rank " + std::to_string(rank));
    expect(!(seen & (1u << a)), std::string(key) + " " + to_string(list) + " names an axis twice");
    seen |= 1u << a;
  }
  return list;
}

const std::vector<int64_t>& NodeCheck::ints(const char* key, size_t size, int64_t least) const {
  const auto& list = node.ints(key);
  expect(list.size() == size, std::string(key) + " " + to_string(list) + " must have " + std::to_string(size) + " entries");
  for (int64_t v : list) {
    expect(v >= least, std::string(key) + " " + to_string(list) + " must not have entries below " + std::to_string(least));
  }
  return list;
}

namespace {

void check_aval(const Aval& aval, const std::string& what) {
  if (aval.shape.size() > static_cast<size_t>(kMaxRank)) {
    throw GraphRangeError(what + " has rank " + std::to_string(aval.shape.size()) + "; at most " + std::to_string(kMaxRank) +
                          " is possible");
  }
  // An empty dimension counts as one here: strides are products of the others.
  int64_t room = kMaxValueBytes / static_cast<int64_t>(size_of(aval.dtype));
  for (int64_t d : aval.shape) {
    if (d < 0) throw GraphRangeError(what + " has shape " + to_string(aval.shape) + "; dimensions must not be negative");
    room /= std::max<int64_t>(d, 1);
    if (room == 0) {
      throw GraphRangeError(what + " has shape " + to_string(aval.shape) + ", more than " + std::to_string(kMaxValueBytes) +
                            " bytes; make it smaller");
    }
  }
}

std::array<const Rules*, 4> on_cpu() { return {&elementwise_rules(), &layout_rules(), &reduction_rules(), &layer_rules()}; }

const Rule* find_rule(std::string_view op) {
  for (const Rules* rules : on_cpu()) {
    if (const auto found = rules->find(op); found != rules->end()) return &found->second;
  }
  const auto found = window_rules().find(op);
  return found == window_rules().end() ? nullptr : &found->second;
}

}  // namespace

std::vector<std::string> primitive_names() {
  std::vector<std::string> names;
  for (const Rules* rules : on_cpu()) {
    for (const auto& [name, rule] : *rules) names.emplace_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

void validate(const Graph& graph) {
  for (size_t v = 0; v < graph.values.size(); ++v) check_aval(graph.values[v], "value " + std::to_string(v));
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    const NodeCheck check(graph, node, i);
    const Rule* rule = find_rule(node.op);
    if (!rule) check.fail("is no primitive; docs/primitives.md lists them");
    if (node.outputs.empty()) check.fail("has no outputs; every primitive has at least one");
    for (ValueId v : node.inputs) {
      if (v >= 0 && v < node.outputs[0]) continue;
      throw GraphRangeError("node " + std::to_string(i) + " (" + node.op + "): reads value " + std::to_string(v) +
                            "; a node reads only values made before its own, 0 to " + std::to_string(node.outputs[0] - 1));
    }
    try {
      (*rule)(check);
    } catch (const GraphError& error) {
      // Missing parameters are found by Node, which does not know its place.
      const std::string what = error.what();
      if (what.starts_with("node ")) throw;
      check.fail(what);
    }
  }
  for (ValueId v : graph.outputs) {
    if (v < 0 || v >= static_cast<ValueId>(graph.values.size())) {
      throw GraphRangeError("the graph's output " + std::to_string(v) + " is no value; there are " + std::to_string(graph.values.size()));
    }
  }
  std::vector<bool> seen(static_cast<size_t>(graph.inputs));
  for (int32_t d : graph.donated) {
    if (d < 0 || d >= graph.inputs) {
      throw GraphRangeError("donated input " + std::to_string(d) + " does not exist; there are " + std::to_string(graph.inputs));
    }
    if (seen[static_cast<size_t>(d)]) throw GraphRangeError("input " + std::to_string(d) + " is donated twice; list it once");
    seen[static_cast<size_t>(d)] = true;
  }
}

}  // namespace flaxen
