// Layout: each op is a set of strided copies. full and iota are elementwise programs.
#include <memory>

#include "compiler/elementwise_program.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

int StridedCopy::launch(const Buffers& buffers, void* target, const void* source) const {
  const auto bytes = static_cast<std::ptrdiff_t>(element_bytes);
  return buffers.library.copy(buffers.device, static_cast<int>(element_bytes), static_cast<int>(shape.size()), shape.data(),
                              static_cast<std::byte*>(target) + to.offset * bytes, to.strides.data(),
                              static_cast<const std::byte*>(source) + from.offset * bytes, from.strides.data());
}

namespace {

// One copy from an input to the output.
struct Part {
  int input;
  StridedCopy copy;
};

View dense(const Shape& shape) { return {dense_strides(shape), 0}; }

// What the output's index reads of the input, for the ops that read each element from one place.
bool source_of(const Node& node, const Shape& in, const Shape& out, View& view) {
  if (node.op == "reshape") {
    view = dense(out);
  } else if (node.op == "transpose") {
    const auto strides = dense_strides(in);
    for (int64_t p : node.ints("perm")) view.strides.push_back(strides[static_cast<size_t>(p)]);
  } else if (node.op == "broadcast") {
    const auto strides = dense_strides(in);
    view.strides.assign(out.size(), 0);
    for (size_t i = 0; i < in.size(); ++i) {
      if (in[i] != 1) view.strides[static_cast<size_t>(node.ints("dims")[i])] = strides[i];
    }
  } else if (node.op == "reverse") {
    view = dense(in);
    for (int64_t axis : node.ints("axes")) {
      const auto d = static_cast<size_t>(axis);
      view.offset += (in[d] - 1) * view.strides[d];
      view.strides[d] = -view.strides[d];
    }
  } else if (node.op == "slice") {
    view = dense(in);
    for (size_t d = 0; d < in.size(); ++d) {
      view.offset += node.ints("start")[d] * view.strides[d];
      view.strides[d] *= node.ints("strides")[d];
    }
  } else {
    return false;
  }
  return true;
}

std::vector<Part> pad_parts(const Node& node, size_t bytes, const Shape& in, const Shape& out) {
  View target = dense(out);
  for (size_t d = 0; d < in.size(); ++d) {
    target.offset += node.ints("low")[d] * target.strides[d];
    target.strides[d] *= node.ints("interior")[d] + 1;
  }
  const View spread{std::vector<int64_t>(out.size(), 0), 0};
  return {{1, {bytes, out, dense(out), spread}}, {0, {bytes, in, target, dense(in)}}};
}

std::vector<Part> concatenate_parts(const Graph& graph, const Node& node, size_t bytes, const Shape& out) {
  const auto axis = static_cast<size_t>(node.number("axis"));
  std::vector<Part> parts;
  View target = dense(out);
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const Shape& shape = graph.aval(node.inputs[i]).shape;
    parts.push_back({static_cast<int>(i), {bytes, shape, target, dense(shape)}});
    target.offset += shape[axis] * target.strides[axis];
  }
  return parts;
}

}  // namespace

bool prepare_layout(const Library&, const Graph& graph, const Node& node, Prepared& prepared) {
  const Aval& out = graph.aval(node.outputs[0]);
  const size_t bytes = size_of(out.dtype);
  const Shape empty;
  const Shape& in = node.inputs.empty() ? empty : graph.aval(node.inputs[0]).shape;
  std::vector<Part> parts;
  View view;
  if (source_of(node, in, out.shape, view)) {
    parts = {{0, {bytes, out.shape, dense(out.shape), view}}};
  } else if (node.op == "pad") {
    parts = pad_parts(node, bytes, in, out.shape);
  } else if (node.op == "concatenate") {
    parts = concatenate_parts(graph, node, bytes, out.shape);
  } else {
    return false;
  }
  const auto shared = std::make_shared<const std::vector<Part>>(std::move(parts));
  prepared.launch = [shared](const Buffers& buffers) {
    for (const Part& part : *shared) {
      if (const int error = part.copy.launch(buffers, buffers.out[0], buffers.in[part.input])) return error;
    }
    return 0;
  };
  return true;
}

}  // namespace flaxen::cuda
