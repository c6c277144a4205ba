#include <utility>

#include "compiler/passes.h"

namespace flaxen {

void sink_cheap_nodes(Graph& graph) {
  std::vector<Node*> waiting(graph.values.size(), nullptr);  // by value: the cheap node that has still to make it
  std::vector<Node> order;
  order.reserve(graph.nodes.size());
  const auto make = [&](ValueId v, const auto& self) -> void {
    Node* node = std::exchange(waiting[static_cast<size_t>(v)], nullptr);
    if (!node) return;
    for (ValueId input : node->inputs) self(input, self);
    order.push_back(std::move(*node));
  };
  for (Node& node : graph.nodes) {
    if (node.op == "full" || node.op == "iota" || node.op == "broadcast") {
      waiting[static_cast<size_t>(node.outputs[0])] = &node;
      continue;
    }
    for (ValueId v : node.inputs) make(v, make);
    order.push_back(std::move(node));
  }
  for (ValueId v : graph.outputs) make(v, make);
  graph.nodes = std::move(order);
}

}  // namespace flaxen
