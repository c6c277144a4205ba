#include "cuda/host/kernel.h"

namespace flaxen::cuda {

namespace {

bool prepare_gradient(const Graph& graph, const Node& node, Prepared& prepared) {
  const bool one = node.op == "fused.softmaxCrossEntropyGrad";
  if (!one && node.op != "softmaxCrossEntropyGrad") return false;
  const int64_t classes = graph.aval(node.outputs[0]).shape.back(), rows = graph.aval(node.inputs.back()).count();
  const float constant = one ? static_cast<float>(node.number("dloss")) : 0.0f;
  const int logits = one ? 0 : 1;  // fused, the cotangent is no input
  prepared.in_place = {{logits, 0}};
  prepared.launch = [=](const Buffers& b) {
    return b.library.softmax_cross_entropy_grad(b.device, rows, classes, b.input<float>(logits), b.input<int32_t>(logits + 1),
                                                b.input<float>(logits + 2), one ? nullptr : b.input<float>(0), constant,
                                                b.output<float>(0));
  };
  return true;
}

}  // namespace

bool prepare_loss(const Library&, const Graph& graph, const Node& node, Prepared& prepared) {
  if (prepare_gradient(graph, node, prepared)) return true;
  if (node.op != "softmaxCrossEntropy") return false;
  const int64_t classes = graph.aval(node.inputs[0]).shape.back(), rows = graph.aval(node.outputs[0]).count();
  prepared.launch = [=](const Buffers& b) {
    return b.library.softmax_cross_entropy(b.device, rows, classes, b.input<float>(0), b.input<int32_t>(1), b.output<float>(0),
                                           b.output<float>(1));
  };
  return true;
}

}  // namespace flaxen::cuda
