#include "compiler/pipeline.h"

#include "compiler/fuse_elementwise.h"

namespace flaxen {

void optimize(Graph& graph, const Evaluate& evaluate) {
  simplify(graph, evaluate);
  fold_transposes(graph);
  merge_common_subexpressions(graph);
  remove_dead_code(graph);
  // Fusions of layers come here, before the elementwise pass takes their activations.
  fuse_elementwise(graph);
  sink_cheap_nodes(graph);
}

}  // namespace flaxen
