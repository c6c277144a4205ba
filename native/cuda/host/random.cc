#include "cuda/host/kernel.h"

namespace flaxen::cuda {

bool prepare_random(const Library&, const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "threefry2x32") return false;
  const int64_t n = graph.aval(node.outputs[0]).count();
  prepared.in_place = {{1, 0}, {2, 1}, {1, 1}, {2, 0}};
  prepared.launch = [n](const Buffers& b) {
    return b.library.threefry2x32(b.device, n, b.input<uint32_t>(0), b.input<uint32_t>(1), b.input<uint32_t>(2), b.output<uint32_t>(0),
                                  b.output<uint32_t>(1));
  };
  return true;
}

}  // namespace flaxen::cuda
