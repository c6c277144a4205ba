#include <algorithm>

#include "cpu/kernel.h"
#include "cpu/loss_kernels.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

// Rows of logits in tasks of about kTaskElements.
struct Rows {
  static constexpr int64_t kTaskElements = 16384;
  int64_t rows, classes;
  int64_t per_task = std::max<int64_t>(16, kTaskElements / std::max<int64_t>(1, classes) / 16 * 16);

  // Calls task(first row, rows).
  template <typename Task>
  void run(const Task& task) const {
    const int64_t tasks = (rows + per_task - 1) / per_task;
    const auto numbered = [&](int64_t t) { task(t * per_task, std::min(per_task, rows - t * per_task)); };
    if (tasks == 1) {
      numbered(0);
    } else if (tasks > 1) {
      ThreadPool::shared().parallel(tasks, numbered);
    }
  }
  double cost_ns(double of_class) const { return 20 + static_cast<double>(rows) * (2 + of_class * static_cast<double>(classes)); }
};

void prepare_gradient(const Graph& graph, const Node& node, Prepared& prepared) {
  // Fused, the cotangent is one constant, and no input.
  const bool one = node.op == "fused.softmaxCrossEntropyGrad";
  const int first_input = one ? 0 : 1;
  const float constant = one ? static_cast<float>(node.number("dloss")) : 0.0f;
  const Aval& logits = graph.aval(node.outputs[0]);
  const int64_t classes = logits.shape.back();
  const Rows rows{graph.aval(node.inputs.back()).count(), classes};
  const auto kernel = loss_table(chosen_isa()).softmax_cross_entropy_grad;
  prepared.in_place = {{first_input, 0}};
  prepared.launch = [=](const Buffers& b) {
    rows.run([&](int64_t first, int64_t count) {
      const int64_t at = first * classes;
      kernel(b.output<float>(0) + at, one ? &constant : b.input<float>(0) + first, one, b.input<float>(first_input) + at,
             b.input<int32_t>(first_input + 1) + first, b.input<float>(first_input + 2) + first, count, classes);
    });
  };
  prepared.cost_ns = rows.cost_ns(0.8);
}

}  // namespace

bool prepare_loss(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op == "softmaxCrossEntropyGrad" || node.op == "fused.softmaxCrossEntropyGrad") {
    prepare_gradient(graph, node, prepared);
    return true;
  }
  if (node.op != "softmaxCrossEntropy") return false;
  const int64_t classes = graph.aval(node.inputs[0]).shape.back();
  const Rows rows{graph.aval(node.outputs[0]).count(), classes};
  const auto kernel = loss_table(chosen_isa()).softmax_cross_entropy;
  prepared.launch = [=](const Buffers& b) {
    rows.run([&](int64_t first, int64_t count) {
      kernel(b.output<float>(0) + first, b.output<float>(1) + first, b.input<float>(0) + first * classes, b.input<int32_t>(1) + first,
             count, classes);
    });
  };
  prepared.cost_ns = rows.cost_ns(0.7);
  return true;
}

}  // namespace flaxen::cpu
