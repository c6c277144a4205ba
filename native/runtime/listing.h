// Compiled graphs as people read them, whatever the device.
#pragma once

#include <string>
#include <vector>

#include "compiler/memory_plan.h"

namespace flaxen {

struct Listing {
  const Graph& graph;
  const MemoryPlan& plan;
  const std::vector<int32_t>& aliases;
  std::vector<std::string> notes;  // by node, what was chosen for it
};

// As "dense float32[64, 128] float32[128, 10] -> float32[64, 10]; 16 rows a task".
std::string step_text(const Graph& graph, const Node& node, const std::string& note);

// The head line, then inputs, nodes and results; `head` is what follows the number of steps.
std::string listing_text(const Listing& listing, const std::string& head);

}  // namespace flaxen
