// take, takeAlong, scatterAdd, scatterAddAlong.
#include "cuda/host/axis.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

bool prepare_gather(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  const bool along = node.op == "takeAlong" || node.op == "scatterAddAlong";
  const bool takes = node.op == "take" || node.op == "takeAlong";
  if (!takes && !along && node.op != "scatterAdd") return false;
  const Aval& x = graph.aval(node.inputs[0]);
  const Aval& indices = graph.aval(node.inputs[1]);
  const Axis axis = axis_of(x.shape, node.number("axis"));
  FlaxenCudaGather gather{};
  gather.type = type_of(x.dtype);
  gather.index_type = type_of(indices.dtype);
  gather.outer = axis.outer;
  gather.n = axis.n;
  gather.inner = axis.inner;
  gather.count = along ? indices.shape[static_cast<size_t>(node.number("axis"))] : indices.count();
  gather.along = along;
  gather.clip = takes && node.text("mode") == "clip";
  if (takes) {
    prepared.launch = [gather](const Buffers& b) { return b.library.take(b.device, &gather, b.in[0], b.in[1], b.out[0]); };
  } else {
    prepared.scratch_bytes = library.scatter_add_scratch(&gather);
    prepared.in_place = {{0, 0}};
    prepared.launch = [gather](const Buffers& b) {
      return b.library.scatter_add(b.device, &gather, b.in[0], b.in[1], b.in[2], b.out[0], b.scratch);
    };
  }
  return true;
}

}  // namespace flaxen::cuda
