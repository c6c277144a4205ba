// Layout and creation: each op is a set of strided copies.
#include <algorithm>
#include <memory>

#include "cpu/elementwise.h"
#include "cpu/kernel.h"
#include "cpu/layout_copy.h"

namespace flaxen::cpu {

namespace {

// One copy from an input to the output.
struct Part {
  int input;
  StridedCopy copy;
};

View dense(const Shape& shape) { return {dense_strides(shape), 0}; }

View transposed(const Shape& in, const std::vector<int64_t>& perm) {
  const auto strides = dense_strides(in);
  View view;
  for (int64_t p : perm) view.strides.push_back(strides[static_cast<size_t>(p)]);
  return view;
}

View broadcasted(const Shape& in, const std::vector<int64_t>& dims, size_t rank) {
  const auto strides = dense_strides(in);
  View view{std::vector<int64_t>(rank, 0), 0};
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] != 1) view.strides[static_cast<size_t>(dims[i])] = strides[i];
  }
  return view;
}

View reversed(const Shape& in, const std::vector<int64_t>& axes) {
  View view = dense(in);
  for (int64_t axis : axes) {
    const auto d = static_cast<size_t>(axis);
    view.offset += (in[d] - 1) * view.strides[d];
    view.strides[d] = -view.strides[d];
  }
  return view;
}

View sliced(const Shape& in, const std::vector<int64_t>& start, const std::vector<int64_t>& steps) {
  View view = dense(in);
  for (size_t d = 0; d < in.size(); ++d) {
    view.offset += start[d] * view.strides[d];
    view.strides[d] *= steps[d];
  }
  return view;
}

// Where the elements of a padded array go.
View padded(const Shape& out, const std::vector<int64_t>& low, const std::vector<int64_t>& interior) {
  View view = dense(out);
  for (size_t d = 0; d < out.size(); ++d) {
    view.offset += low[d] * view.strides[d];
    view.strides[d] *= interior[d] + 1;
  }
  return view;
}

View spread(const Shape& out) { return {std::vector<int64_t>(out.size(), 0), 0}; }

void prepare_parts(std::vector<Part> parts, Prepared& prepared) {
  for (const Part& part : parts) prepared.cost_ns += part.copy.cost_ns();
  const auto shared = std::make_shared<const std::vector<Part>>(std::move(parts));
  prepared.launch = [shared](const Buffers& buffers) {
    for (const Part& part : *shared) part.copy.run(buffers.out[0], buffers.in[part.input]);
  };
}

void prepare_full(const Node& node, const Aval& out, Prepared& prepared) {
  const uint32_t bits = constant_bits(node.number("value"), out.dtype);
  const auto copy = std::make_shared<const StridedCopy>(size_of(out.dtype), out.shape, dense(out.shape), spread(out.shape));
  prepared.cost_ns = copy->cost_ns();
  prepared.launch = [copy, bits](const Buffers& buffers) { copy->run(buffers.out[0], &bits); };
}

void prepare_iota(const Node& node, const Aval& out, Prepared& prepared) {
  ElementwiseProgram program;
  program.shape = out.shape;
  program.loads = {{ElementwiseProgram::kIota, out.dtype, std::vector<int64_t>(out.shape.size(), 0)}};
  program.loads[0].strides[static_cast<size_t>(node.number("axis"))] = 1;
  program.stores = {0};
  prepared = prepare_program(program, chosen_isa());
}

}  // namespace

bool prepare_layout(const Graph& graph, const Node& node, Prepared& prepared) {
  const Aval& out = graph.aval(node.outputs[0]);
  const size_t bytes = size_of(out.dtype);
  const Shape empty;
  const Shape& in = node.inputs.empty() ? empty : graph.aval(node.inputs[0]).shape;
  const auto from = [&](const View& view) { prepare_parts({{0, StridedCopy(bytes, out.shape, dense(out.shape), view)}}, prepared); };
  if (node.op == "reshape") {
    from(dense(out.shape));
    prepared.in_place = {{0, 0}};
  } else if (node.op == "transpose") {
    from(transposed(in, node.ints("perm")));
  } else if (node.op == "broadcast") {
    from(broadcasted(in, node.ints("dims"), out.shape.size()));
  } else if (node.op == "reverse") {
    from(reversed(in, node.ints("axes")));
  } else if (node.op == "slice") {
    from(sliced(in, node.ints("start"), node.ints("strides")));
  } else if (node.op == "pad") {
    const View target = padded(out.shape, node.ints("low"), node.ints("interior"));
    prepare_parts({{1, StridedCopy(bytes, out.shape, dense(out.shape), spread(out.shape))}, {0, StridedCopy(bytes, in, target, dense(in))}},
                  prepared);
  } else if (node.op == "concatenate") {
    const auto axis = static_cast<size_t>(node.number("axis"));
    std::vector<Part> parts;
    View target = dense(out.shape);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Shape& shape = graph.aval(node.inputs[i]).shape;
      parts.push_back({static_cast<int>(i), StridedCopy(bytes, shape, target, dense(shape))});
      target.offset += shape[axis] * target.strides[axis];
    }
    prepare_parts(std::move(parts), prepared);
  } else if (node.op == "full") {
    prepare_full(node, out, prepared);
  } else if (node.op == "iota") {
    prepare_iota(node, out, prepared);
  } else {
    return false;
  }
  return true;
}

}  // namespace flaxen::cpu
