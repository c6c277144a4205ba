#include "compiler/simplify_layout.h"

#include <algorithm>

namespace flaxen {

namespace {

bool one_of(const std::string& op, std::initializer_list<const char*> ops) {
  return std::any_of(ops.begin(), ops.end(), [&](const char* o) { return op == o; });
}

// Whether the dimensions longer than 1 come in the same order.
bool keeps_order(const Shape& from, const std::vector<int64_t>& perm) {
  int64_t last = -1;
  for (int64_t p : perm) {
    if (from[static_cast<size_t>(p)] == 1) continue;
    if (p < last) return false;
    last = p;
  }
  return true;
}

bool moves_nothing(const Graph& graph, const Node& node) {
  const Aval &from = graph.aval(node.inputs[0]), &to = graph.aval(node.outputs[0]);
  if (from.shape == to.shape || from.count() != to.count()) return false;
  if (node.op == "transpose") return keeps_order(from.shape, node.ints("perm"));
  return one_of(node.op, {"broadcast", "reduceSum", "reduceProd", "reduceMax", "reduceMin"}) && from.count() > 0;
}

// perm or dims of a node applied to those of the node that made its input.
std::vector<int64_t> transposed(const std::vector<int64_t>& inner, const std::vector<int64_t>& outer) {
  std::vector<int64_t> result;
  for (int64_t p : outer) result.push_back(inner[static_cast<size_t>(p)]);
  return result;
}

std::vector<int64_t> broadcast_again(const std::vector<int64_t>& inner, const std::vector<int64_t>& outer) {
  std::vector<int64_t> result;
  for (int64_t d : inner) result.push_back(outer[static_cast<size_t>(d)]);
  return result;
}

}  // namespace

void simplify_layout(const Graph& graph, const Rewriter& rewriter, Node& node) {
  if (!one_of(node.op, {"reshape", "transpose", "broadcast", "reverse", "slice", "reduceSum", "reduceProd", "reduceMax", "reduceMin"}))
    return;
  const bool reduces = node.op.starts_with("reduce");
  if (const Node* full = rewriter.maker(node.inputs[0], "full"); full && !reduces) {
    node.op = "full";
    node.inputs.clear();
    node.params = full->params;
    return;
  }
  if (const Node* inner = rewriter.maker(node.inputs[0], node.op.c_str())) {
    if (node.op == "reshape") node.inputs = inner->inputs;
    if (node.op == "transpose") {
      node.params["perm"] = transposed(inner->ints("perm"), node.ints("perm"));
      node.inputs = inner->inputs;
    }
    if (node.op == "broadcast") {
      node.params["dims"] = broadcast_again(inner->ints("dims"), node.ints("dims"));
      node.inputs = inner->inputs;
    }
  }
  if (moves_nothing(graph, node)) {
    node.op = "reshape";
    node.params.clear();
    if (const Node* inner = rewriter.maker(node.inputs[0], "reshape")) node.inputs = inner->inputs;
  }
}

}  // namespace flaxen
