// Reductions over any axes, as a chain of reductions of the middle dimension of [outer, n, inner].
#include <algorithm>
#include <memory>

#include "cuda/host/axis.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

namespace {

// Neighbouring axes are reduced together, the innermost first.
std::vector<Axis> steps_of(const Shape& shape, const std::vector<int64_t>& axes) {
  struct Run {
    bool reduced;
    int64_t size;
  };
  std::vector<Run> runs;
  for (size_t d = 0; d < shape.size(); ++d) {
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end();
    if (!runs.empty() && runs.back().reduced == reduced) {
      runs.back().size *= shape[d];
    } else {
      runs.push_back({reduced, shape[d]});
    }
  }
  std::vector<Axis> steps;
  for (size_t r = runs.size(); r-- > 0;) {
    if (!runs[r].reduced) continue;
    Axis step{1, runs[r].size, 1};
    for (size_t i = 0; i < r; ++i) step.outer *= runs[i].size;
    for (size_t i = r + 1; i < runs.size(); ++i) step.inner *= runs[i].size;
    steps.push_back(step);
    runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(r));
  }
  if (steps.empty()) steps.push_back({count(shape), 1, 1});
  return steps;
}

size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }

bool prepare_arg(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "argmax" && node.op != "argmin") return false;
  const Aval& in = graph.aval(node.inputs[0]);
  const Axis a = axis_of(in.shape, node.number("axis"));
  const bool greatest = node.op == "argmax";
  const FlaxenCudaType type = type_of(in.dtype);
  prepared.launch = [=](const Buffers& b) {
    return b.library.arg(b.device, greatest, type, a.outer, a.n, a.inner, b.in[0], b.output<int32_t>(0));
  };
  return true;
}

bool prepare_cumsum(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "cumsum") return false;
  const Aval& in = graph.aval(node.inputs[0]);
  const Axis a = axis_of(in.shape, node.number("axis"));
  const bool reverse = node.flag("reverse");
  const FlaxenCudaType type = type_of(in.dtype);
  prepared.scratch_bytes = library.cumsum_scratch(a.outer, a.n, a.inner);
  prepared.in_place = {{0, 0}};
  prepared.launch = [=](const Buffers& b) {
    return b.library.cumsum(b.device, type, a.outer, a.n, a.inner, reverse, b.in[0], b.out[0], b.scratch);
  };
  return true;
}

}  // namespace

bool prepare_reduce(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  if (prepare_arg(graph, node, prepared) || prepare_cumsum(library, graph, node, prepared)) return true;
  FlaxenCudaReduction reduction;
  if (node.op == "reduceSum") {
    reduction = FLAXEN_CUDA_SUM;
  } else if (node.op == "reduceProd") {
    reduction = FLAXEN_CUDA_PROD;
  } else if (node.op == "reduceMax") {
    reduction = FLAXEN_CUDA_MAX;
  } else if (node.op == "reduceMin") {
    reduction = FLAXEN_CUDA_MIN;
  } else {
    return false;
  }
  const Aval& in = graph.aval(node.inputs[0]);
  const std::vector<Axis> steps = steps_of(in.shape, node.ints("axes"));
  // Scratch: each step's own, and results that are not the last, in two halves by turns.
  size_t own = 0, half = 0;
  for (size_t s = 0; s < steps.size(); ++s) {
    own = std::max(own, aligned(library.reduce_scratch(steps[s].outer, steps[s].n, steps[s].inner)));
    if (s + 1 < steps.size()) half = std::max(half, aligned(static_cast<size_t>(steps[s].outer * steps[s].inner) * size_of(in.dtype)));
  }
  prepared.scratch_bytes = own + 2 * half;
  const FlaxenCudaType type = type_of(in.dtype);
  prepared.launch = [=](const Buffers& b) {
    auto* results = static_cast<std::byte*>(b.scratch) + own;
    const void* from = b.in[0];
    for (size_t s = 0; s < steps.size(); ++s) {
      void* to = s + 1 == steps.size() ? b.out[0] : results + (s & 1) * half;
      if (const int error = b.library.reduce(b.device, reduction, type, steps[s].outer, steps[s].n, steps[s].inner, from, to, b.scratch))
        return error;
      from = to;
    }
    return 0;
  };
  return true;
}

}  // namespace flaxen::cuda
