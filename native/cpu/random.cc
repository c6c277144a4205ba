#include <algorithm>

#include "cpu/kernel.h"
#include "cpu/random_kernels.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

bool prepare_random(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "threefry2x32") return false;
  constexpr int64_t kTaskElements = 16384;
  const int64_t n = graph.aval(node.outputs[0]).count();
  const int64_t tasks = (n + kTaskElements - 1) / kTaskElements;
  const auto kernel = random_table(chosen_isa()).threefry2x32;
  prepared.launch = [=](const Buffers& buffers) {
    const auto task = [&](int64_t t) {
      const int64_t first = t * kTaskElements;
      kernel(buffers.output<uint32_t>(0) + first, buffers.output<uint32_t>(1) + first, buffers.input<uint32_t>(0),
             buffers.input<uint32_t>(1) + first, buffers.input<uint32_t>(2) + first, std::min(kTaskElements, n - first));
    };
    if (tasks == 1) {
      task(0);
    } else if (tasks > 1) {
      ThreadPool::shared().parallel(tasks, task);
    }
  };
  prepared.cost_ns = 12 + 0.7 * static_cast<double>(n);
  prepared.in_place = {{1, 0}, {2, 1}, {1, 1}, {2, 0}};
  return true;
}

}  // namespace flaxen::cpu
