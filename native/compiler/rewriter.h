// What a pass that walks the nodes in order keeps: which value stands for which, and who made it.
#pragma once

#include <vector>

#include "compiler/graph.h"

namespace flaxen {

class Rewriter {
 public:
  explicit Rewriter(Graph& graph) : graph_(graph), now_(graph.values.size()), maker_(graph.values.size(), nullptr) {
    for (size_t v = 0; v < now_.size(); ++v) now_[v] = static_cast<ValueId>(v);
  }

  // Calls visit(node) for every node, in order, with its inputs already replaced; then replaces the graph's outputs.
  template <typename Visit>
  void walk(const Visit& visit) {
    for (Node& node : graph_.nodes) {
      for (ValueId& v : node.inputs) v = now_[static_cast<size_t>(v)];
      visit(node);
      for (ValueId v : node.outputs) maker_[static_cast<size_t>(v)] = &node;
    }
    for (ValueId& v : graph_.outputs) v = now_[static_cast<size_t>(v)];
  }

  // Later readers of `old` read `other` instead; the node that made `old` is left to dead code removal.
  void replace(ValueId old, ValueId other) { now_[static_cast<size_t>(old)] = other; }

  // The node that made a value, or null for an input of the graph.
  const Node* maker(ValueId v) const { return maker_[static_cast<size_t>(v)]; }
  // The same, if it is of this op.
  const Node* maker(ValueId v, const char* op) const { return maker(v) && maker(v)->op == op ? maker(v) : nullptr; }

 private:
  Graph& graph_;
  std::vector<ValueId> now_;
  std::vector<const Node*> maker_;
};

}  // namespace flaxen
