#include <algorithm>

#include "compiler/passes.h"

namespace flaxen {

void remove_dead_code(Graph& graph) {
  std::vector<bool> used(graph.values.size());
  const auto use = [&](const std::vector<ValueId>& values) {
    for (ValueId v : values) used[static_cast<size_t>(v)] = true;
  };
  use(graph.outputs);
  std::vector<Node> kept;
  for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
    if (std::none_of(node->outputs.begin(), node->outputs.end(), [&](ValueId v) { return used[static_cast<size_t>(v)]; })) continue;
    use(node->inputs);
    kept.push_back(std::move(*node));
  }
  std::reverse(kept.begin(), kept.end());
  graph.nodes = std::move(kept);
}

}  // namespace flaxen
