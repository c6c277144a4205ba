#include <algorithm>
#include <vector>

#include "compiler/feature_axis.h"
#include "compiler/passes.h"
#include "compiler/rewriter.h"

namespace flaxen {

namespace {

class NormTransposes {
 public:
  explicit NormTransposes(Graph& graph) : graph_(graph), rewriter_(graph), readers_(graph.values.size()), returned_(graph.values.size()) {}

  void run() {
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      for (ValueId v : graph_.nodes[n].inputs) readers_[at(v)].push_back(n);
    }
    for (ValueId v : graph_.outputs) returned_[at(v)] = true;
    rewriter_.walk([&](Node& node) {
      if (node.op == "batchNorm") fold(node, 1);
      if (node.op == "batchNormGrad") fold(node, 2);
    });
    remove_dead_code(graph_);
  }

 private:
  static size_t at(ValueId v) { return static_cast<size_t>(v); }

  static bool undoes(const Node& node, const std::vector<int64_t>& perm) {
    if (node.op != "transpose") return false;
    const std::vector<int64_t>& back = node.ints("perm");
    for (size_t d = 0; d < back.size(); ++d) {
      if (perm[static_cast<size_t>(back[d])] != static_cast<int64_t>(d)) return false;
    }
    return true;
  }

  // The first `arrays` inputs and the first output are arrays of features, all to lie the same way.
  void fold(Node& node, size_t arrays) {
    const Node* first = rewriter_.maker(node.inputs[0], "transpose");
    if (!first) return;
    const std::vector<int64_t>& perm = first->ints("perm");
    std::vector<ValueId> apart;
    for (size_t i = 0; i < arrays; ++i) {
      const Node* transpose = rewriter_.maker(node.inputs[i], "transpose");
      if (!transpose || transpose->ints("perm") != perm) return;
      apart.push_back(transpose->inputs[0]);
    }
    const ValueId y = node.outputs[0];
    const std::vector<size_t>& readers = readers_[at(y)];
    if (returned_[at(y)] || !std::all_of(readers.begin(), readers.end(), [&](size_t n) { return undoes(graph_.nodes[n], perm); })) return;
    std::copy(apart.begin(), apart.end(), node.inputs.begin());
    node.fused = std::make_shared<FeatureAxis>(perm.back());
    graph_.values[at(y)].shape = graph_.aval(apart[0]).shape;
    for (size_t n : readers) rewriter_.replace(graph_.nodes[n].outputs[0], y);
  }

  Graph& graph_;
  Rewriter rewriter_;
  std::vector<std::vector<size_t>> readers_;  // by value: the nodes
  std::vector<bool> returned_;                // by value
};

}  // namespace

void fold_norm_transposes(Graph& graph) { NormTransposes(graph).run(); }

}  // namespace flaxen
