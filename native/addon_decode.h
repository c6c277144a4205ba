// From the plain JS object of docs/primitives.md to a Graph.
#pragma once

#include <napi.h>

#include "compiler/graph.h"

namespace flaxen::addon {

// Throws GraphError or GraphRangeError at whatever is malformed. The result is still to be validated.
Graph decode_graph(Napi::Value graph);

}  // namespace flaxen::addon
