// Training batch norm and its gradient, with relu or not: over the rows of a matrix, or along the axis that fold_norm_transposes found.
#include "compiler/feature_axis.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

namespace {

FlaxenCudaFeatures features_along(const Shape& shape, int64_t axis) {
  FlaxenCudaFeatures view{};
  int64_t stride = count(shape);
  for (size_t d = 0; d < shape.size(); ++d) {
    stride = shape[d] > 0 ? stride / shape[d] : 0;
    if (static_cast<int64_t>(d) == axis) {
      view.features = shape[d];
      view.feature_stride = stride;
    } else {
      view.size[view.rank] = shape[d];
      view.stride[view.rank++] = stride;
    }
  }
  return view;
}

void prepare_forward(const Library& library, const Graph& graph, const Node& node, bool relu, Prepared& prepared) {
  const Shape& shape = graph.aval(node.inputs[0]).shape;
  const int64_t columns = graph.aval(node.inputs[1]).count(), rows = columns > 0 ? count(shape) / columns : 0;
  const auto epsilon = static_cast<float>(node.number("epsilon"));
  prepared.scratch_bytes = library.batch_norm_scratch(rows, columns);
  prepared.in_place = {{0, 0}};
  if (node.fused) {
    const FlaxenCudaFeatures view = features_along(shape, static_cast<const FeatureAxis&>(*node.fused).axis);
    prepared.launch = [=](const Buffers& b) {
      return b.library.batch_norm_strided(b.device, &view, b.input<float>(0), b.input<float>(1), b.input<float>(2), epsilon, relu,
                                          b.output<float>(0), b.output<float>(1), b.output<float>(2), b.scratch);
    };
    return;
  }
  prepared.launch = [=](const Buffers& b) {
    return b.library.batch_norm(b.device, rows, columns, b.input<float>(0), b.input<float>(1), b.input<float>(2), epsilon, relu,
                                b.output<float>(0), b.output<float>(1), b.output<float>(2), b.scratch);
  };
}

void prepare_gradient(const Library& library, const Graph& graph, const Node& node, bool relu, Prepared& prepared) {
  const Shape& shape = graph.aval(node.inputs[1]).shape;
  const int64_t columns = graph.aval(node.inputs[2]).count(), rows = columns > 0 ? count(shape) / columns : 0;
  const auto epsilon = static_cast<float>(node.number("epsilon"));
  const bool fast_variance = node.flag("fastVariance");
  prepared.scratch_bytes = library.batch_norm_grad_scratch(rows, columns);
  prepared.in_place = {{0, 0}, {1, 0}};
  if (node.fused) {
    const FlaxenCudaFeatures view = features_along(shape, static_cast<const FeatureAxis&>(*node.fused).axis);
    prepared.launch = [=](const Buffers& b) {
      return b.library.batch_norm_grad_strided(b.device, &view, b.input<float>(0), b.input<float>(1), b.input<float>(2), b.input<float>(3),
                                               b.input<float>(4), relu ? b.input<float>(5) : nullptr, epsilon, fast_variance,
                                               b.output<float>(0), b.output<float>(1), b.output<float>(2), b.scratch);
    };
    return;
  }
  prepared.launch = [=](const Buffers& b) {
    return b.library.batch_norm_grad(b.device, rows, columns, b.input<float>(0), b.input<float>(1), b.input<float>(2), b.input<float>(3),
                                     b.input<float>(4), relu ? b.input<float>(5) : nullptr, epsilon, fast_variance, b.output<float>(0),
                                     b.output<float>(1), b.output<float>(2), b.scratch);
  };
}

}  // namespace

bool prepare_batch_norm(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op == "batchNorm" || node.op == "fused.batchNormRelu") {
    prepare_forward(library, graph, node, node.op != "batchNorm", prepared);
  } else if (node.op == "batchNormGrad" || node.op == "fused.batchNormReluGrad") {
    prepare_gradient(library, graph, node, node.op != "batchNormGrad", prepared);
  } else {
    return false;
  }
  return true;
}

}  // namespace flaxen::cuda
