// sort, and qr: what works on whole lines or matrices at once.
#include "cuda/host/axis.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

bool prepare_sort(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "sort") return false;
  const Axis axis = axis_of(graph.aval(node.inputs[0]).shape, node.number("axis"));
  const auto keys = static_cast<int>(node.number("numKeys"));
  std::vector<FlaxenCudaType> types;
  for (ValueId input : node.inputs) types.push_back(type_of(graph.aval(input).dtype));
  prepared.scratch_bytes = library.sort_scratch(axis.outer, axis.n, axis.inner);
  prepared.launch = [=](const Buffers& b) {
    return b.library.sort(b.device, static_cast<int>(types.size()), keys, types.data(), axis.outer, axis.n, axis.inner, b.in, b.out,
                          b.scratch);
  };
  return true;
}

bool prepare_linalg(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "qr") return false;
  const int64_t m = graph.aval(node.inputs[0]).shape[0], n = graph.aval(node.inputs[0]).shape[1];
  prepared.scratch_bytes = library.qr_scratch(m, n);
  prepared.launch = [=](const Buffers& b) {
    return b.library.qr(b.device, m, n, b.input<float>(0), b.output<float>(0), b.output<float>(1), b.scratch);
  };
  return true;
}

}  // namespace flaxen::cuda
