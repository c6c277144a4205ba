#include "cpu/matrix_dot_general.h"

#include <algorithm>
#include <numeric>

#include "cpu/gemm.h"
#include "cpu/matrix_operand.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

std::vector<int64_t> permuted(const std::vector<int64_t>& list, const std::vector<size_t>& order) {
  std::vector<int64_t> result;
  for (size_t i : order) result.push_back(list[i]);
  return result;
}

// Everything that a run needs to know.
struct Plan {
  Matrices x, y;  // [batch][free, contract] of each
  int64_t batch = 1;
  int64_t m = 1, n = 1, k = 1;
  size_t y_copy_at = 0, gemm_at = 0, gemm_bytes = 0;  // places in scratch; x's copy comes first
  int64_t tasks = 1;                                  // the batch is cut into so many runs of products, which may go on side by side
  Gemm gemm;
};

// The contracting dimensions may be run through in any order; the one in which the fewer operands need a copy is taken.
void choose_matrices(const Graph& graph, const Node& node, Plan& plan) {
  const std::vector<int64_t>& lhs = node.ints("lhsContract");
  const std::vector<int64_t>& rhs = node.ints("rhsContract");
  int64_t fewest = -1;
  for (const auto* key : {&lhs, &rhs}) {
    std::vector<size_t> order(key->size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return (*key)[a] < (*key)[b]; });
    const Matrices x = as_matrices(make_operand(graph.aval(node.inputs[0]).shape, node.ints("lhsBatch"), permuted(lhs, order)));
    const Matrices y = as_matrices(make_operand(graph.aval(node.inputs[1]).shape, node.ints("rhsBatch"), permuted(rhs, order)));
    const int64_t copied = x.copy_elements + y.copy_elements;
    if (fewest < 0 || copied < fewest) {
      fewest = copied;
      plan.x = x;
      plan.y = y;
    }
  }
}

const void* matrices_data(const Matrices& matrices, const void* data, void* copy) {
  if (matrices.copied.empty()) return data;
  copy_dense(static_cast<const uint32_t*>(data), matrices.copied, static_cast<uint32_t*>(copy));
  return copy;
}

void run_float(const Plan& plan, const float* x, const float* y, float* out, char* scratch) {
  ThreadPool::shared().parallel(plan.tasks, [&](int64_t task) {
    char* own = scratch + plan.gemm_at + static_cast<size_t>(task) * plan.gemm_bytes;
    const int64_t end = (task + 1) * plan.batch / plan.tasks;
    for (int64_t b = task * plan.batch / plan.tasks; b < end; ++b) {
      plan.gemm.run(x + offset_of(plan.x.batch, b), y + offset_of(plan.y.batch, b), out + b * plan.m * plan.n, Epilogue{}, own);
    }
  });
}

// int32 and uint32 alike: their sums and products wrap to the same bits.
void run_integer(const Plan& plan, const uint32_t* x, const uint32_t* y, uint32_t* out) {
  ThreadPool::shared().parallel(plan.batch * plan.m, [&](int64_t task) {
    const int64_t b = task / plan.m;
    const uint32_t* row = x + offset_of(plan.x.batch, b) + task % plan.m * plan.x.rows.stride;
    const uint32_t* matrix = y + offset_of(plan.y.batch, b);
    uint32_t* target = out + task * plan.n;
    for (int64_t j = 0; j < plan.n; ++j) {
      const uint32_t* column = matrix + j * plan.y.rows.stride;
      uint32_t sum = 0;
      for (int64_t p = 0; p < plan.k; ++p) sum += row[p * plan.x.columns.stride] * column[p * plan.y.columns.stride];
      target[j] = sum;
    }
  });
}

}  // namespace

void prepare_dot_general(const Graph& graph, const Node& node, Prepared& prepared) {
  Plan plan;
  choose_matrices(graph, node, plan);
  for (int64_t i : node.ints("lhsBatch")) plan.batch *= graph.aval(node.inputs[0]).shape[static_cast<size_t>(i)];
  plan.m = plan.x.rows.size;
  plan.n = plan.y.rows.size;
  plan.k = plan.x.columns.size;
  plan.y_copy_at = aligned(static_cast<size_t>(plan.x.copy_elements) * 4);
  plan.gemm_at = plan.y_copy_at + aligned(static_cast<size_t>(plan.y.copy_elements) * 4);
  prepared.scratch_bytes = plan.gemm_at;

  const double multiplies = static_cast<double>(plan.batch) * static_cast<double>(plan.m) * static_cast<double>(plan.n * plan.k);
  if (graph.aval(node.inputs[0]).dtype != DType::f32) {
    prepared.cost_ns = 100 + multiplies;
    prepared.note = "integer loops";
    prepared.launch = [plan](const Buffers& buffers) {
      char* scratch = static_cast<char*>(buffers.scratch);
      const void* x = matrices_data(plan.x, buffers.in[0], scratch);
      const void* y = matrices_data(plan.y, buffers.in[1], scratch + plan.y_copy_at);
      run_integer(plan, static_cast<const uint32_t*>(x), static_cast<const uint32_t*>(y), buffers.output<uint32_t>(0));
    };
    return;
  }

  // Many small products share the threads among them, few large ones each use all.
  if (plan.batch > 1 && multiplies > 1e5 && multiplies / static_cast<double>(plan.batch) < 1e7)
    plan.tasks = std::min<int64_t>(plan.batch, 64);
  plan.gemm = Gemm({.m = plan.m,
                    .n = plan.n,
                    .k = plan.k,
                    .a_row = plan.x.rows.stride,
                    .a_col = plan.x.columns.stride,
                    .b_row = plan.y.columns.stride,
                    .b_col = plan.y.rows.stride,
                    .c_row = plan.n},
                   chosen_isa(), {.threaded = plan.tasks == 1});
  plan.gemm_bytes = aligned(plan.gemm.scratch_bytes());
  prepared.scratch_bytes += plan.gemm_bytes * static_cast<size_t>(plan.tasks);
  prepared.cost_ns = plan.gemm.cost_ns() * static_cast<double>(plan.batch);
  prepared.note = plan.gemm.note() + (plan.batch == 1 ? "" : " x" + std::to_string(plan.batch));
  prepared.launch = [plan = std::move(plan)](const Buffers& buffers) {
    char* scratch = static_cast<char*>(buffers.scratch);
    const void* x = matrices_data(plan.x, buffers.in[0], scratch);
    const void* y = matrices_data(plan.y, buffers.in[1], scratch + plan.y_copy_at);
    run_float(plan, static_cast<const float*>(x), static_cast<const float*>(y), buffers.output<float>(0), scratch);
  };
}

}  // namespace flaxen::cpu
