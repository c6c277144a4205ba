// From the plain JS object of docs/primitives.md to a Graph.
#pragma once

#include <node_api.h>

#include "compiler/graph.h"

namespace flaxen::addon {

// Throws TypeError or RangeError at whatever is malformed. The result is still to be validated.
Graph decode_graph(napi_env env, napi_value graph);

}  // namespace flaxen::addon
