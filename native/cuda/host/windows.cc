// Convolution and pooling.
#include <algorithm>

#include "cuda/host/kernel.h"

namespace flaxen::cuda {

namespace {

// Windows of these extents over x [n, spatial..., features], of which y has a row each.
FlaxenCudaWindows windows_of(const Node& node, const Shape& x, const Shape& y, const std::vector<int64_t>& extents) {
  FlaxenCudaWindows w{};
  const auto set = [](int64_t(&to)[3], const std::vector<int64_t>* list, int64_t otherwise) {
    std::fill(to, to + 3, otherwise);
    if (list) std::copy(list->begin(), list->end(), to);
  };
  const Shape size(x.begin() + 1, x.end() - 1), windows(y.begin() + 1, y.end() - 1);
  set(w.size, &size, 1);
  set(w.windows, &windows, 1);
  set(w.window, &extents, 1);
  set(w.stride, &node.ints("strides"), 1);
  set(w.low, &node.ints("low"), 0);
  set(w.dilation, node.params.count("dilation") ? &node.ints("dilation") : nullptr, 1);
  return w;
}

FlaxenCudaConv conv_of(const Node& node, const Shape& x, const Shape& kernel, const Shape& y) {
  FlaxenCudaConv conv{};
  conv.windows = windows_of(node, x, y, std::vector<int64_t>(kernel.begin(), kernel.end() - 2));
  conv.n = x[0];
  conv.c = x.back();
  conv.out = kernel.back();
  conv.groups = static_cast<int64_t>(node.number("groups"));
  return conv;
}

FlaxenCudaPool pool_of(const Node& node, const Shape& x, const Shape& y) {
  return {windows_of(node, x, y, node.ints("window")), x[0], x.back()};
}

}  // namespace

bool prepare_windows(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  const auto in = [&](size_t i) -> const Shape& { return graph.aval(node.inputs[i]).shape; };
  const Shape& out = graph.aval(node.outputs[0]).shape;
  if (node.op == "conv") {
    const FlaxenCudaConv conv = conv_of(node, in(0), in(1), out);
    prepared.launch = [conv](const Buffers& b) {
      return b.library.conv(b.device, &conv, b.input<float>(0), b.input<float>(1), b.output<float>(0));
    };
  } else if (node.op == "convInputGrad") {
    const FlaxenCudaConv conv = conv_of(node, out, in(1), in(0));
    prepared.launch = [conv](const Buffers& b) {
      return b.library.conv_input_grad(b.device, &conv, b.input<float>(0), b.input<float>(1), b.output<float>(0));
    };
  } else if (node.op == "convKernelGrad") {
    const FlaxenCudaConv conv = conv_of(node, in(0), out, in(1));
    prepared.scratch_bytes = library.conv_kernel_grad_scratch(&conv);
    prepared.launch = [conv](const Buffers& b) {
      return b.library.conv_kernel_grad(b.device, &conv, b.input<float>(0), b.input<float>(1), b.output<float>(0), b.scratch);
    };
  } else if (node.op == "maxPool" || node.op == "sumPool") {
    const FlaxenCudaPool pool = pool_of(node, in(0), out);
    const auto run = node.op == "maxPool" ? library.max_pool : library.sum_pool;
    prepared.launch = [=](const Buffers& b) { return run(b.device, &pool, b.input<float>(0), b.output<float>(0)); };
  } else if (node.op == "maxPoolGrad" || node.op == "maxPoolGather") {
    const bool grad = node.op == "maxPoolGrad";
    const FlaxenCudaPool pool = pool_of(node, in(0), grad ? in(1) : out);
    const auto run = grad ? library.max_pool_grad : library.max_pool_gather;
    prepared.launch = [=](const Buffers& b) { return run(b.device, &pool, b.input<float>(0), b.input<float>(1), b.output<float>(0)); };
  } else if (node.op == "sumPoolGrad") {
    const FlaxenCudaPool pool = pool_of(node, out, in(0));
    prepared.launch = [pool](const Buffers& b) { return b.library.sum_pool_grad(b.device, &pool, b.input<float>(0), b.output<float>(0)); };
  } else {
    return false;
  }
  return true;
}

}  // namespace flaxen::cuda
