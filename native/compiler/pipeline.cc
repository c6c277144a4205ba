#include "compiler/pipeline.h"

#include "compiler/passes.h"

namespace flaxen {

namespace {

using Pass = void (*)(Graph&);

constexpr Pass kPasses[] = {
    remove_dead_code,
};

}  // namespace

void optimize(Graph& graph) {
  for (Pass pass : kPasses) pass(graph);
}

}  // namespace flaxen
