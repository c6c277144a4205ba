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

size_t BatchNorm::forward_scratch_bytes() const { return static_cast<size_t>(moments_size() + columns_) * sizeof(float); }

size_t BatchNorm::grad_scratch_bytes() const { return static_cast<size_t>(grad_sums_size() + 3 * columns_) * sizeof(float); }

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

void BatchNorm::block_moments(const float* x, int64_t row, int64_t rows, int64_t column, int64_t columns, float* partial) const {
  float* shift = partial + row / kBatchNormRows * 3 * columns_ + column;
  table_->moments(x + row * columns_ + column, columns_, rows, columns, shift, shift + columns_, shift + 2 * columns_);
}

void BatchNorm::finish_moments(const float* partial, const float* scale, float* mean, float* var, float* factor) const {
  parallel_columns([&](int64_t begin, int64_t end) {
    table_->finish_moments(partial, rows_, columns_, begin, end, scale, epsilon_, mean, var, factor);
  });
}

void BatchNorm::normalize(const float* x, const float* mean, const float* factor, const float* bias, bool relu, float* y) const {
  parallel_rows([&](int64_t first, int64_t rows) {
    table_->normalize(x + first * columns_, columns_, y + first * columns_, columns_, rows, columns_, mean, factor, bias, relu);
  });
}

void BatchNorm::forward(const float* x, const float* scale, const float* bias, float* y, float* mean, float* var, void* scratch,
                        bool relu) const {
  float* partial = static_cast<float*>(scratch);
  float* factor = partial + moments_size();
  parallel_rows([&](int64_t first, int64_t rows) {
    for (int64_t i = first; i < first + rows; i += kBatchNormRows) {
      block_moments(x, i, std::min(kBatchNormRows, first + rows - i), 0, columns_, partial);
    }
  });
  finish_moments(partial, scale, mean, var, factor);
  normalize(x, mean, factor, bias, relu, y);
}

void BatchNorm::block_grad_sums(const float* dy, const float* x, int64_t row, int64_t rows, const float* mean, const float* factor,
                                const float* relu_bias, float* partial) const {
  float* sum = partial + row / kBatchNormRows * 2 * columns_;
  table_->grad_sums(dy + row * columns_, x + row * columns_, rows, columns_, mean, factor, relu_bias, sum, sum + columns_);
}

void BatchNorm::finish_grad_sums(const float* partial, const float* var, float* dscale, float* dbias) const {
  parallel_columns(
      [&](int64_t begin, int64_t end) { table_->finish_grad_sums(partial, rows_, columns_, begin, end, var, epsilon_, dscale, dbias); });
}

void BatchNorm::grad_sums(const float* dy, const float* x, const float* scale, const float* mean, const float* var, float* dscale,
                          float* dbias, void* scratch, const float* relu_bias) const {
  float* factor = static_cast<float*>(scratch);
  float* partial = factor + columns_;
  if (relu_bias) table_->factors(var, scale, epsilon_, 0, columns_, factor);
  parallel_rows([&](int64_t first, int64_t rows) {
    for (int64_t i = first; i < first + rows; i += kBatchNormRows) {
      block_grad_sums(dy, x, i, std::min(kBatchNormRows, first + rows - i), mean, factor, relu_bias, partial);
    }
  });
  finish_grad_sums(partial, var, dscale, dbias);
}

void BatchNorm::grad(const float* dy, const float* x, const float* scale, const float* mean, const float* var, float* dx, float* dscale,
                     float* dbias, void* scratch, const float* relu_bias) const {
  grad_sums(dy, x, scale, mean, var, dscale, dbias, scratch, relu_bias);
  float* dy_mean = static_cast<float*>(scratch);
  float* factor = dy_mean + columns_;
  float* slope = factor + columns_;
  parallel_columns([&](int64_t begin, int64_t end) {
    table_->grad_factors(dscale, dbias, rows_, begin, end, scale, var, epsilon_, fast_variance_, dy_mean, factor, slope);
  });
  parallel_rows([&](int64_t first, int64_t rows) {
    const int64_t at = first * columns_;
    table_->grad_x(dy + at, x + at, columns_, dx + at, columns_, rows, columns_, mean, dy_mean, factor, slope, relu_bias);
  });
}

bool prepare_batch_norm(const Graph& graph, const Node& node, Prepared& prepared) {
  const bool relu = node.op == "fused.batchNormRelu" || node.op == "fused.batchNormReluGrad";
  const bool grad = node.op == "batchNormGrad" || node.op == "fused.batchNormReluGrad";
  const bool sums = node.op == "fused.batchNormGradSums";
  if (!relu && !grad && !sums && node.op != "batchNorm") return false;
  const Shape& shape = graph.aval(node.inputs[0]).shape;
  const int64_t rows = count(Shape(shape.begin(), shape.end() - 1));
  const BatchNorm batch_norm(rows, shape.back(), static_cast<float>(node.number("epsilon")), node.flag("fastVariance"), chosen_isa());

  const double elements = static_cast<double>(rows) * static_cast<double>(shape.back());
  prepared.note = std::string("batch_norm ") + name_of(chosen_isa());
  if (sums) {
    prepared.scratch_bytes = batch_norm.grad_scratch_bytes();
    prepared.cost_ns = 100 + 0.2 * elements;
    prepared.launch = [batch_norm, masked = node.flag("relu")](const Buffers& b) {
      batch_norm.grad_sums(b.input<float>(0), b.input<float>(1), b.input<float>(2), b.input<float>(3), b.input<float>(4),
                           b.output<float>(0), b.output<float>(1), b.scratch, masked ? b.input<float>(5) : nullptr);
    };
  } else if (grad) {
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
