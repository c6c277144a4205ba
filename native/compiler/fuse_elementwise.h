// Fusion of elementwise runs into programs that pass over memory once.
#pragma once

#include "compiler/graph.h"

namespace flaxen {

// Replaces connected elementwise nodes of one shape, with the constants, indexes and broadcasts that they read, by "fused.elementwise"
// nodes (payload: ElementwiseProgram). No result changes by a bit. Nodes stay in execution order; what nobody reads any more is dropped.
void fuse_elementwise(Graph& graph);

}  // namespace flaxen
