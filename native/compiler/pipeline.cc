#include "compiler/pipeline.h"

#include "compiler/fuse_elementwise.h"

namespace flaxen {

void optimize(Graph& graph, const Evaluate& evaluate, bool any_feature_axis) {
  simplify(graph, evaluate);
  fold_transposes(graph);
  merge_common_subexpressions(graph);
  remove_dead_code(graph);
  if (any_feature_axis) fold_norm_transposes(graph);
  fuse_relu(graph);  // before the elementwise pass takes it
  fuse_elementwise(graph);
  group_updates(graph);
  sink_cheap_nodes(graph);
}

}  // namespace flaxen
