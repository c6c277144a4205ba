// Reductions over arbitrary axes, as a chain of steps [outer, n, inner] -> [outer, parts, inner].
#include <algorithm>
#include <memory>

#include "cpu/kernel.h"
#include "cpu/reduce_arg.h"
#include "cpu/reduce_kernels.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr double kTaskNs = 20000;
constexpr int64_t kPartElements = 32768;  // a long reduction is cut into parts of about this size
constexpr int64_t kColumns = 1024;        // of one unit of work

struct ReduceStep {
  int64_t outer, n, inner;
  int64_t part, parts;   // `n` is cut into `parts` pieces of `part`
  int64_t cols, pieces;  // `inner` into `pieces` pieces of `cols`
  int64_t units, units_per_task, tasks;
  double cost_ns;
};

ReduceStep make_step(int64_t outer, int64_t n, int64_t inner, int64_t part) {
  ReduceStep s{};
  s.outer = outer;
  s.n = n;
  s.inner = inner;
  s.part = part;
  s.parts = std::max<int64_t>(1, (n + part - 1) / part);
  s.cols = std::min(inner, kColumns);
  s.pieces = s.cols ? (inner + s.cols - 1) / s.cols : 0;
  s.units = outer * s.parts * s.pieces;
  const double unit_ns = 1 + 0.05 * static_cast<double>(std::min(part, n) * s.cols);
  s.cost_ns = unit_ns * static_cast<double>(s.units);
  s.units_per_task = std::max<int64_t>(1, static_cast<int64_t>(kTaskNs / unit_ns));
  s.tasks = (s.units + s.units_per_task - 1) / s.units_per_task;
  return s;
}

// The dimensions as alternating runs of kept and reduced ones.
struct Run {
  bool reduced;
  int64_t size;
};
std::vector<Run> runs_of(const Shape& shape, const std::vector<int64_t>& axes) {
  std::vector<Run> runs;
  for (size_t d = 0; d < shape.size(); ++d) {
    const bool reduced = std::find(axes.begin(), axes.end(), static_cast<int64_t>(d)) != axes.end();
    if (shape[d] == 1) continue;
    if (!runs.empty() && runs.back().reduced == reduced) {
      runs.back().size *= shape[d];
    } else {
      runs.push_back({reduced, shape[d]});
    }
  }
  return runs;
}

// The innermost reduced run first; each step shortens the list.
std::vector<ReduceStep> steps_of(std::vector<Run> runs) {
  std::vector<ReduceStep> steps;
  for (;;) {
    size_t r = runs.size();
    while (r > 0 && !runs[r - 1].reduced) --r;
    if (r == 0) break;
    --r;
    int64_t outer = 1, inner = 1;
    for (size_t i = 0; i < r; ++i) outer *= runs[i].size;
    for (size_t i = r + 1; i < runs.size(); ++i) inner *= runs[i].size;
    const int64_t n = runs[r].size;
    int64_t part = std::max<int64_t>(n, 1);
    if (outer < 16 && n * std::min(inner, kColumns) > 2 * kPartElements) {
      part = std::max<int64_t>(64, kPartElements / std::min(inner, kColumns));
    }
    steps.push_back(make_step(outer, n, inner, part));
    if (steps.back().parts > 1) {
      runs[r].size = steps.back().parts;
    } else {
      runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(r));
    }
  }
  if (steps.empty()) steps.push_back(make_step(1, 1, runs.empty() ? 1 : runs[0].size, 1));
  return steps;
}

class Reducer {
 public:
  Reducer(std::vector<ReduceStep> steps, ReduceKernels kernels, size_t element_bytes)
      : steps_(std::move(steps)), kernels_(kernels), element_bytes_(element_bytes) {
    for (size_t i = 0; i + 1 < steps_.size(); ++i) half_bytes_ = std::max(half_bytes_, result_bytes(steps_[i]));
  }

  size_t scratch_bytes() const { return steps_.size() > 2 ? 2 * half_bytes_ : steps_.size() == 2 ? half_bytes_ : 0; }
  double cost_ns() const {
    double ns = 15;
    for (const ReduceStep& step : steps_) ns += step.cost_ns;
    return ns;
  }

  void run(const Buffers& buffers) const {
    const char* from = buffers.input<char>(0);
    for (size_t i = 0; i < steps_.size(); ++i) {
      char* to = i + 1 == steps_.size() ? buffers.output<char>(0) : static_cast<char*>(buffers.scratch) + (i & 1) * half_bytes_;
      run_step(steps_[i], to, from);
      from = to;
    }
  }

 private:
  size_t result_bytes(const ReduceStep& s) const {
    return (static_cast<size_t>(s.outer * s.parts * s.inner) * element_bytes_ + 63) / 64 * 64;
  }

  void run_step(const ReduceStep& s, char* to, const char* from) const {
    const auto task = [&](int64_t t) { run_units(s, to, from, t * s.units_per_task, std::min(s.units, (t + 1) * s.units_per_task)); };
    if (s.tasks == 1) {
      task(0);
    } else if (s.tasks > 1) {
      ThreadPool::shared().parallel(s.tasks, task);
    }
  }

  void run_units(const ReduceStep& s, char* to, const char* from, int64_t first, int64_t last) const {
    const int64_t bytes = static_cast<int64_t>(element_bytes_);
    if (s.inner == 1 && s.parts == 1) {
      kernels_.rows(to + first * bytes, from + first * s.n * bytes, last - first, s.n, s.n);
      return;
    }
    for (int64_t u = first; u < last; ++u) {
      const int64_t piece = u % s.pieces, p = u / s.pieces % s.parts, o = u / s.pieces / s.parts;
      const int64_t row = p * s.part, rows = std::min(s.part, s.n - row), col = piece * s.cols;
      const char* x = from + ((o * s.n + row) * s.inner + col) * bytes;
      char* y = to + ((o * s.parts + p) * s.inner + col) * bytes;
      if (s.inner == 1) {
        kernels_.rows(y, x, 1, rows, rows);
      } else {
        kernels_.columns(y, x, rows, s.inner, std::min(s.cols, s.inner - col));
      }
    }
  }

  std::vector<ReduceStep> steps_;
  ReduceKernels kernels_;
  size_t element_bytes_;
  size_t half_bytes_ = 0;
};

bool reduction_named(const std::string& op, Reduction& reduction) {
  if (op == "reduceSum") {
    reduction = Reduction::sum;
  } else if (op == "reduceProd") {
    reduction = Reduction::prod;
  } else if (op == "reduceMax") {
    reduction = Reduction::max;
  } else if (op == "reduceMin") {
    reduction = Reduction::min;
  } else {
    return false;
  }
  return true;
}

}  // namespace

bool prepare_reduce(const Graph& graph, const Node& node, Prepared& prepared) {
  if (prepare_arg(graph, node, prepared) || prepare_cumsum(graph, node, prepared)) return true;
  Reduction reduction;
  if (!reduction_named(node.op, reduction)) return false;
  const Aval& in = graph.aval(node.inputs[0]);
  const ReduceKernels kernels = reduce_table(chosen_isa()).find(reduction, in.dtype);
  const auto reducer = std::make_shared<const Reducer>(steps_of(runs_of(in.shape, node.ints("axes"))), kernels, size_of(in.dtype));
  prepared.launch = [reducer](const Buffers& buffers) { reducer->run(buffers); };
  prepared.scratch_bytes = reducer->scratch_bytes();
  prepared.cost_ns = reducer->cost_ns();
  return true;
}

}  // namespace flaxen::cpu
