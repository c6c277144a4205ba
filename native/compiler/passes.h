// The passes that need no device. Each keeps the graph's meaning bit for bit (but for which NaN a fused sum passes on), and keeps nodes in
// execution order.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "compiler/graph.h"

namespace flaxen {

// The value of an elementwise primitive for scalar operands, as the backend's kernels compute it; nothing if it is not to be known before
// the run. `node` names the dtypes, its values are looked up in `graph`.
using Evaluate = std::function<std::optional<double>(const Graph& graph, const Node& node, const std::vector<double>& operands)>;

// Removes what does nothing (x * 1, a transpose back and forth), turns layout that moves nothing into views, computes constants. A loss's
// gradient whose cotangent is one constant takes it as a parameter: "fused.softmaxCrossEntropyGrad" with `dloss` and without that input.
void simplify(Graph& graph, const Evaluate& evaluate);

// Lets products read transposed operands where they lie.
void fold_transposes(Graph& graph);

// Computes the same thing once.
void merge_common_subexpressions(Graph& graph);

// Lets a batch norm between a transpose and its inverse, and its gradient, take arrays as they lie: for kernels that take the features
// along any axis, which is attached (FeatureAxis). Keeps the meaning but for the order of sums.
void fold_norm_transposes(Graph& graph);

// Lets a layer apply the relu that follows it: a dense layer becomes "fused.dense" (fused_dense.h), training batch norm
// "fused.batchNormRelu" with the inputs of batchNorm and relu(y) in the place of y; and its gradient mask the cotangent:
// "fused.batchNormReluGrad" with relu's cotangent in the place of dy and the bias as a sixth input.
void fuse_relu(Graph& graph);

// Fuses dense layers over many rows with the batch norms around them ("fused.dense", "fused.denseGrad", see fused_dense.h; what is left of
// a batch norm's gradient elsewhere is "fused.batchNormGradSums": its inputs, and its outputs but the first). Keeps the meaning but for the
// order of sums. `operands` is for the CPU's kernels, which make operands where they read them; without, layers of any size find sums on
// the way and no more: a batch norm's statistics, the bias's gradient.
void fuse_dense(Graph& graph, bool operands = true);

// Makes the elementwise programs whose results are all returned and read by no other node (an optimizer's updates of every leaf, running
// statistics, metrics) one "fused.elementwiseGroup" at the end (payload: ElementwiseGroup).
void group_updates(Graph& graph);

// Makes small elementwise programs that do not wait for one another one "fused.elementwiseGroup": for a backend whose steps cost more than
// such a program's work.
void group_programs(Graph& graph);

// Drops nodes whose outputs nobody reads.
void remove_dead_code(Graph& graph);

// Puts nodes that make much of little (constants, broadcasts) right in front of their first reader, so that their memory is short-lived.
void sink_cheap_nodes(Graph& graph);

}  // namespace flaxen
