// The registry: asks each kernel family in turn.
#include "cpu/kernel.h"

namespace flaxen::cpu {

namespace {

using Family = bool (*)(const Graph&, const Node&, Prepared&);

constexpr Family kFamilies[] = {prepare_elementwise, prepare_matrix, prepare_batch_norm, prepare_reduce, prepare_layout,
                                prepare_gather,      prepare_loss,   prepare_random,     prepare_sort,   prepare_linalg};

}  // namespace

Prepared prepare(const Graph& graph, const Node& node) {
  Prepared prepared;
  for (Family family : kFamilies) {
    if (family(graph, node, prepared)) return prepared;
  }
  throw GraphError("the CPU backend has no kernel for '" + node.op + "'; docs/primitives.md lists the primitives");
}

}  // namespace flaxen::cpu
