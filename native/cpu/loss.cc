#include <algorithm>

#include "cpu/kernel.h"
#include "cpu/loss_kernels.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

bool prepare_loss(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "softmaxCrossEntropy") return false;
  constexpr int64_t kTaskElements = 16384;
  const int64_t classes = graph.aval(node.inputs[0]).shape.back();
  const int64_t rows = graph.aval(node.outputs[0]).count();
  const int64_t rows_per_task = std::max<int64_t>(16, kTaskElements / std::max<int64_t>(1, classes) / 16 * 16);
  const int64_t tasks = (rows + rows_per_task - 1) / rows_per_task;
  const auto kernel = loss_table(chosen_isa()).softmax_cross_entropy;
  prepared.launch = [=](const Buffers& buffers) {
    const auto task = [&](int64_t t) {
      const int64_t first = t * rows_per_task;
      kernel(buffers.output<float>(0) + first, buffers.output<float>(1) + first, buffers.input<float>(0) + first * classes,
             buffers.input<int32_t>(1) + first, std::min(rows_per_task, rows - first), classes);
    };
    if (tasks == 1) {
      task(0);
    } else if (tasks > 1) {
      ThreadPool::shared().parallel(tasks, task);
    }
  };
  prepared.cost_ns = 20 + static_cast<double>(rows) * (2 + 0.7 * static_cast<double>(classes));
  return true;
}

}  // namespace flaxen::cpu
