// The passes that rewrite a graph before it is lowered to kernels.
#pragma once

#include "compiler/graph.h"
#include "compiler/passes.h"

namespace flaxen {

// Runs every pass, in the order that pipeline.cc lists; fold_norm_transposes where the kernels take features along any axis.
void optimize(Graph& graph, const Evaluate& evaluate, bool any_feature_axis = false);

}  // namespace flaxen
