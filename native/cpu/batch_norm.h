// Training batch normalisation over the rows of a matrix, relu of it, and the gradients.
#pragma once

#include <cstddef>
#include <cstdint>

#include "cpu/batch_norm_kernels.h"

namespace flaxen::cpu {

class BatchNorm {
 public:
  BatchNorm(int64_t rows, int64_t columns, float epsilon, bool fast_variance, Isa isa);

  size_t forward_scratch_bytes() const;
  size_t grad_scratch_bytes() const;

  void forward(const float* x, const float* scale, const float* bias, float* y, float* mean, float* var, void* scratch,
               bool relu = false) const;
  // With the bias of the forward pass, dy is the cotangent of relu(y) instead of y.
  void grad(const float* dy, const float* x, const float* scale, const float* mean, const float* var, float* dx, float* dscale,
            float* dbias, void* scratch, const float* relu_bias = nullptr) const;
  // The first half of it.
  void grad_sums(const float* dy, const float* x, const float* scale, const float* mean, const float* var, float* dscale, float* dbias,
                 void* scratch, const float* relu_bias) const;

  // The steps of these, for products that take some of them over. `partial` holds what block after block of kBatchNormRows rows was found
  // to have; `row` is the first of a block.
  int64_t moments_size() const { return blocks_ * 3 * columns_; }
  int64_t grad_sums_size() const { return blocks_ * 2 * columns_; }
  void block_moments(const float* x, int64_t row, int64_t rows, int64_t column, int64_t columns, float* partial) const;
  void finish_moments(const float* partial, const float* scale, float* mean, float* var, float* factor) const;
  void normalize(const float* x, const float* mean, const float* factor, const float* bias, bool relu, float* y) const;
  void block_grad_sums(const float* dy, const float* x, int64_t row, int64_t rows, const float* mean, const float* factor,
                       const float* relu_bias, float* partial) const;
  void finish_grad_sums(const float* partial, const float* var, float* dscale, float* dbias) const;

 private:
  // Calls body(first row, rows) for each run of whole blocks of rows, many side by side.
  template <typename Body>
  void parallel_rows(const Body& body) const;
  // Calls body(begin, end) for ranges of columns.
  template <typename Body>
  void parallel_columns(const Body& body) const;

  int64_t rows_, columns_, blocks_, blocks_per_task_;
  float epsilon_;
  bool fast_variance_;
  const BatchNormTable* table_;
};

// A batch norm's output, made anew from its input: with the factor of BatchNormTable::normalize.
struct NormalizedRows {
  const BatchNormTable* table;
  const float* x;
  int64_t stride;
  const float* mean;
  const float* factor;
  const float* bias;
  bool relu;

  void make(int64_t row, int64_t column, int64_t rows, int64_t columns, float* to, int64_t to_stride) const {
    table->normalize(x + row * stride + column, stride, to, to_stride, rows, columns, mean + column, factor + column, bias + column, relu);
  }
};

}  // namespace flaxen::cpu
