// The layout half of simplification.
#pragma once

#include "compiler/rewriter.h"

namespace flaxen {

// Rewrites one node: layout of a constant is a constant, layout of layout is one step, and what moves no element is a reshape.
void simplify_layout(const Graph& graph, const Rewriter& rewriter, Node& node);

}  // namespace flaxen
