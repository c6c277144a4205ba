#include "cuda/host/kernel.h"

namespace flaxen::cuda {

bool prepare_batch_norm(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  const bool relu = node.op == "fused.batchNormRelu" || node.op == "fused.batchNormReluGrad";
  const bool grad = node.op == "batchNormGrad" || node.op == "fused.batchNormReluGrad";
  if (!relu && !grad && node.op != "batchNorm") return false;
  const Shape& shape = graph.aval(node.inputs[grad ? 1 : 0]).shape;
  const int64_t columns = shape.back(), rows = count(Shape(shape.begin(), shape.end() - 1));
  const auto epsilon = static_cast<float>(node.number("epsilon"));
  const bool fast_variance = node.flag("fastVariance");
  if (grad) {
    prepared.scratch_bytes = library.batch_norm_grad_scratch(rows, columns);
    prepared.in_place = {{0, 0}, {1, 0}};
    prepared.launch = [=](const Buffers& b) {
      return b.library.batch_norm_grad(b.device, rows, columns, b.input<float>(0), b.input<float>(1), b.input<float>(2), b.input<float>(3),
                                       b.input<float>(4), relu ? b.input<float>(5) : nullptr, epsilon, fast_variance, b.output<float>(0),
                                       b.output<float>(1), b.output<float>(2), b.scratch);
    };
  } else {
    prepared.scratch_bytes = library.batch_norm_scratch(rows, columns);
    prepared.in_place = {{0, 0}};
    prepared.launch = [=](const Buffers& b) {
      return b.library.batch_norm(b.device, rows, columns, b.input<float>(0), b.input<float>(1), b.input<float>(2), epsilon, relu,
                                  b.output<float>(0), b.output<float>(1), b.output<float>(2), b.scratch);
    };
  }
  return true;
}

}  // namespace flaxen::cuda
