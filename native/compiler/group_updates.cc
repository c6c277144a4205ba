#include <algorithm>

#include "compiler/elementwise_program.h"
#include "compiler/passes.h"

namespace flaxen {

void group_updates(Graph& graph) {
  std::vector<bool> read(graph.values.size());
  for (const Node& node : graph.nodes) {
    for (ValueId v : node.inputs) read[static_cast<size_t>(v)] = true;
  }
  const auto final = [&](const Node& node) {
    return std::none_of(node.outputs.begin(), node.outputs.end(), [&](ValueId v) { return read[static_cast<size_t>(v)]; });
  };
  Node all;
  all.op = "fused.elementwiseGroup";
  auto group = std::make_shared<ElementwiseGroup>();
  std::vector<Node> kept;
  for (const Node& node : graph.nodes) {
    auto program = final(node) ? program_in(graph, node) : nullptr;
    if (!program) {
      kept.push_back(node);
      continue;
    }
    group->add(std::move(program), node, all);
  }
  if (group->members.size() < 2) return;
  all.fused = std::move(group);
  kept.push_back(std::move(all));
  graph.nodes = std::move(kept);
}

}  // namespace flaxen
