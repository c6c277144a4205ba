#include "compiler/pipeline.h"

#include "compiler/fuse_elementwise.h"

namespace flaxen {

void optimize(Graph& graph, const Evaluate& evaluate) {
  simplify(graph, evaluate);
  fold_transposes(graph);
  merge_common_subexpressions(graph);
  remove_dead_code(graph);
  fuse_batch_norm(graph);  // before the elementwise pass takes its activation
  fuse_elementwise(graph);
  group_updates(graph);
  sink_cheap_nodes(graph);
}

}  // namespace flaxen
