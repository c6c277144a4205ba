// The registry: asks each kernel family in turn.
#include "compiler/memory_plan.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

namespace {

using Family = bool (*)(const Library&, const Graph&, const Node&, Prepared&);

constexpr Family kFamilies[] = {prepare_elementwise, prepare_matrix, prepare_batch_norm, prepare_reduce, prepare_layout, prepare_gather,
                                prepare_loss,        prepare_random, prepare_sort,       prepare_linalg, prepare_windows};

bool prepare_any(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  for (Family family : kFamilies) {
    if (family(library, graph, node, prepared)) return true;
  }
  return false;
}

}  // namespace

bool has_kernel(const Library& library, const Graph& graph, const Node& node) {
  Prepared prepared;
  return is_view(node) || prepare_any(library, graph, node, prepared);
}

Prepared prepare(const Library& library, const Graph& graph, const Node& node) {
  Prepared prepared;
  if (prepare_any(library, graph, node, prepared)) return prepared;
  throw GraphError("the CUDA backend has no kernel for '" + node.op + "'; docs/primitives.md lists the primitives");
}

}  // namespace flaxen::cuda
