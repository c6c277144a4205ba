// Constants, computed at compile time.
#pragma once

#include <optional>
#include <vector>

#include "compiler/graph.h"

namespace flaxen {

// Runs the backend's own kernel on scalars, so that a folded constant has the bits that a run would have made (see Evaluate in passes.h).
std::optional<double> evaluate_scalar(const Graph& graph, const Node& node, const std::vector<double>& operands);

}  // namespace flaxen
