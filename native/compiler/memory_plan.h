// Where every value lives: in the program's inputs and outputs, or in an arena shared by lifetime.
#pragma once

#include <utility>
#include <vector>

#include "compiler/graph.h"

namespace flaxen {

// What the plan must know of a node's kernel (see cpu/kernel.h).
struct Footprint {
  size_t scratch_bytes = 0;
  std::vector<std::pair<int, int>> in_place;
};

// A view (reshape, bitcast) has its input's bytes and costs nothing.
bool is_view(const Node& node);

// For each value, the value that owns its memory: itself, or what it is a view of.
std::vector<ValueId> owners(const Graph& graph);

// Gives each output a memory of its own and returns, for each, the donated input whose memory that is, or -1. Outputs that cannot be
// written where they belong while the graph runs (an input handed back, a value returned twice, a donated input still to be read) become
// results of "copy" nodes, which are appended to the graph and, with an empty footprint, to `footprints`.
std::vector<int32_t> place_outputs(Graph& graph, std::vector<Footprint>& footprints);

struct Location {
  enum class Kind : uint8_t { nowhere, arena, input, output };
  Kind kind = Kind::nowhere;
  size_t at = 0;  // byte offset in the arena, or index of the input or output
};

struct MemoryPlan {
  std::vector<Location> values;  // by ValueId; values of zero bytes and values never made are nowhere
  std::vector<size_t> scratch;   // by node: byte offset in the arena
  size_t arena_bytes = 0;
};

// `graph` and `footprints` as place_outputs left them.
MemoryPlan plan_memory(const Graph& graph, const std::vector<Footprint>& footprints);

}  // namespace flaxen
