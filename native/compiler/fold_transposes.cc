#include <algorithm>

#include "compiler/passes.h"
#include "compiler/rewriter.h"

namespace flaxen {

namespace {

// Axes of the transposed operand, named in the operand itself.
std::vector<int64_t> through(const std::vector<int64_t>& perm, const std::vector<int64_t>& axes) {
  std::vector<int64_t> result;
  for (int64_t a : axes) result.push_back(perm[static_cast<size_t>(a)]);
  return result;
}

// The free axes of an operand appear in the product in their own order, so a transpose must not change that.
bool free_axes_keep_order(const std::vector<int64_t>& perm, const std::vector<int64_t>& contract, const std::vector<int64_t>& batch) {
  int64_t last = -1;
  for (int64_t axis = 0; axis < static_cast<int64_t>(perm.size()); ++axis) {
    if (std::find(contract.begin(), contract.end(), axis) != contract.end()) continue;
    if (std::find(batch.begin(), batch.end(), axis) != batch.end()) continue;
    const int64_t from = perm[static_cast<size_t>(axis)];
    if (from < last) return false;
    last = from;
  }
  return true;
}

}  // namespace

void fold_transposes(Graph& graph) {
  Rewriter rewriter(graph);
  rewriter.walk([&](Node& node) {
    if (node.op != "dotGeneral") return;
    const std::pair<const char*, const char*> sides[] = {{"lhsContract", "lhsBatch"}, {"rhsContract", "rhsBatch"}};
    for (size_t i = 0; i < 2; ++i) {
      const Node* transpose = rewriter.maker(node.inputs[i], "transpose");
      if (!transpose) continue;
      const auto& [contract, batch] = sides[i];
      const auto& perm = transpose->ints("perm");
      if (!free_axes_keep_order(perm, node.ints(contract), node.ints(batch))) continue;
      node.params[contract] = through(perm, node.ints(contract));
      node.params[batch] = through(perm, node.ints(batch));
      node.inputs[i] = transpose->inputs[0];
    }
  });
}

}  // namespace flaxen
