// The passes that need no device. Each keeps the graph's meaning bit for bit, and keeps nodes in execution order.
#pragma once

#include "compiler/graph.h"

namespace flaxen {

// Drops nodes whose outputs nobody reads.
void remove_dead_code(Graph& graph);

}  // namespace flaxen
