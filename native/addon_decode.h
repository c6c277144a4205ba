// What JS passes: the plain object of docs/primitives.md as a Graph, and promises of the caller.
#pragma once

#include <napi.h>

#include "compiler/graph.h"

namespace flaxen::addon {

// Throws GraphError or GraphRangeError at whatever is malformed. The result is still to be validated.
Graph decode_graph(Napi::Value graph);

// Whether a promise was given, such as that of `kept`: anything but `true` is none.
inline bool is_true(Napi::Value value) { return value.IsBoolean() && value.As<Napi::Boolean>().Value(); }

}  // namespace flaxen::addon
