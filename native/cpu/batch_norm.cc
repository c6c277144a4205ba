#include "cpu/batch_norm.h"

#include <algorithm>

#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kTaskElements = 16384;  // what is worth waking a thread for
constexpr int64_t kTaskColumns = 64;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace

BatchNorm::BatchNorm(int64_t rows, int64_t columns, float epsilon, bool fast_variance, Isa isa)
    : rows_(rows),
      columns_(columns),
      blocks_(ceil_div(rows, kBatchNormRows)),
      blocks_per_task_(ceil_div(kTaskElements, kBatchNormRows * std::max<int64_t>(columns, 1))),
      epsilon_(epsilon),
      fast_variance_(fast_variance),
      table_(&batch_norm_table(isa)) {}

size_t BatchNorm::forward_scratch_bytes() const { return static_cast<size_t>((blocks_ * 3 + 1) * columns_) * sizeof(float); }

size_t BatchNorm::grad_scratch_bytes() const { return static_cast<size_t>((blocks_ * 2 + 3) * columns_) * sizeof(float); }

template <typename Body>
void BatchNorm::parallel_rows(const Body& body) const {
  ThreadPool::shared().parallel(ceil_div(blocks_, blocks_per_task_), [&](int64_t task) {
    const int64_t first = task * blocks_per_task_ * kBatchNormRows;
    body(first, std::min(rows_ - first, blocks_per_task_ * kBatchNormRows));
  });
}

template <typename Body>
void BatchNorm::parallel_columns(const Body& body) const {
  const int64_t tasks_per_call = ceil_div(kTaskElements, kTaskColumns * std::max<int64_t>(blocks_, 1));
  const int64_t width = kTaskColumns * tasks_per_call;
  ThreadPool::shared().parallel(ceil_div(columns_, width),
                                [&](int64_t task) { body(task * width, std::min(columns_, (task + 1) * width)); });
}

void BatchNorm::forward(const float* x, const float* scale, const float* bias, float* y, float* mean, float* var, void* scratch,
                        bool relu) const {
  float* partial = static_cast<float*>(scratch);
  float* factor = partial + blocks_ * 3 * columns_;
  parallel_rows([&](int64_t first, int64_t rows) {
    for (int64_t i = first; i < first + rows; i += kBatchNormRows) {
      float* shift = partial + i / kBatchNormRows * 3 * columns_;
      table_->moments(x + i * columns_, columns_, std::min(kBatchNormRows, first + rows - i), columns_, shift, shift + columns_,
                      shift + 2 * columns_);
    }
  });
  parallel_columns([&](int64_t begin, int64_t end) {
    table_->finish_moments(partial, rows_, columns_, begin, end, scale, epsilon_, mean, var, factor);
  });
  parallel_rows([&](int64_t first, int64_t rows) {
    table_->normalize(x + first * columns_, y + first * columns_, rows, columns_, mean, factor, bias, relu);
  });
}

void BatchNorm::grad(const float* dy, const float* x, const float* scale, const float* mean, const float* var, float* dx, float* dscale,
                     float* dbias, void* scratch, const float* relu_bias) const {
  float* dy_mean = static_cast<float*>(scratch);
  float* factor = dy_mean + columns_;
  float* slope = factor + columns_;
  float* partial = slope + columns_;
  if (relu_bias) parallel_columns([&](int64_t begin, int64_t end) { table_->factors(var, scale, epsilon_, begin, end, factor); });
  parallel_rows([&](int64_t first, int64_t rows) {
    for (int64_t i = first; i < first + rows; i += kBatchNormRows) {
      float* s = partial + i / kBatchNormRows * 2 * columns_;
      table_->grad_sums(dy + i * columns_, x + i * columns_, std::min(kBatchNormRows, first + rows - i), columns_, mean, factor, relu_bias,
                        s, s + columns_);
    }
  });
  parallel_columns([&](int64_t begin, int64_t end) {
    table_->finish_grad(partial, rows_, columns_, begin, end, scale, var, epsilon_, fast_variance_, dscale, dbias, dy_mean, factor, slope);
  });
  parallel_rows([&](int64_t first, int64_t rows) {
    const int64_t at = first * columns_;
    table_->grad_x(dy + at, x + at, dx + at, rows, columns_, mean, dy_mean, factor, slope, relu_bias);
  });
}

bool prepare_batch_norm(const Graph& graph, const Node& node, Prepared& prepared) {
  const bool relu = node.op == "fused.batchNormRelu" || node.op == "fused.batchNormReluGrad";
  const bool grad = node.op == "batchNormGrad" || node.op == "fused.batchNormReluGrad";
  if (!relu && !grad && node.op != "batchNorm") return false;
  const Shape& shape = graph.aval(node.inputs[grad ? 1 : 0]).shape;
  const int64_t rows = count(Shape(shape.begin(), shape.end() - 1));
  const BatchNorm batch_norm(rows, shape.back(), static_cast<float>(node.number("epsilon")), node.flag("fastVariance"), chosen_isa());

  const double elements = static_cast<double>(rows) * static_cast<double>(shape.back());
  prepared.note = std::string("batch_norm ") + name_of(chosen_isa());
  if (grad) {
    prepared.scratch_bytes = batch_norm.grad_scratch_bytes();
    prepared.cost_ns = 100 + 0.5 * elements;
    prepared.in_place = {{0, 0}, {1, 0}};
    prepared.launch = [batch_norm, relu](const Buffers& b) {
      batch_norm.grad(b.input<float>(0), b.input<float>(1), b.input<float>(2), b.input<float>(3), b.input<float>(4), b.output<float>(0),
                      b.output<float>(1), b.output<float>(2), b.scratch, relu ? b.input<float>(5) : nullptr);
    };
  } else {
    prepared.scratch_bytes = batch_norm.forward_scratch_bytes();
    prepared.cost_ns = 100 + 0.4 * elements;
    prepared.in_place = {{0, 0}};
    prepared.launch = [batch_norm, relu](const Buffers& b) {
      batch_norm.forward(b.input<float>(0), b.input<float>(1), b.input<float>(2), b.output<float>(0), b.output<float>(1),
                         b.output<float>(2), b.scratch, relu);
    };
  }
  return true;
}

}  // namespace flaxen::cpu
