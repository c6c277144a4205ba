#include <algorithm>

#include "compiler/elementwise_program.h"
#include "compiler/passes.h"

namespace flaxen {

namespace {

std::shared_ptr<const ElementwiseProgram> program_in(const Graph& graph, const Node& node) {
  if (node.op == "fused.elementwise") return std::static_pointer_cast<const ElementwiseProgram>(node.fused);
  auto program = program_of(graph, node);
  return program ? std::make_shared<const ElementwiseProgram>(std::move(*program)) : nullptr;
}

}  // namespace

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
    const auto program = final(node) ? program_in(graph, node) : nullptr;
    if (!program) {
      kept.push_back(node);
      continue;
    }
    group->members.push_back({program, static_cast<int>(all.inputs.size()), static_cast<int>(all.outputs.size())});
    all.inputs.insert(all.inputs.end(), node.inputs.begin(), node.inputs.end());
    all.outputs.insert(all.outputs.end(), node.outputs.begin(), node.outputs.end());
  }
  if (group->members.size() < 2) return;
  all.fused = std::move(group);
  kept.push_back(std::move(all));
  graph.nodes = std::move(kept);
}

}  // namespace flaxen
