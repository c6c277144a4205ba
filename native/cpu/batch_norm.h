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

}  // namespace flaxen::cpu
