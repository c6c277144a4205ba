// The loops of batch normalisation over a block of rows, for one instruction set. Matrices are row-major and dense, [rows, columns].
#pragma once

#include <cstdint>

#include "cpu/isa_table.h"

namespace flaxen::cpu {

// Rows that share a shift and one set of float partial sums; what is more is added up in double.
constexpr int64_t kBatchNormRows = 128;

struct BatchNormTable {
  // For each column: shift, an element of it (0 if that is not finite), the sum of x - shift and the sum of (x - shift)^2.
  // A shift taken from the block itself bounds the cancellation in the variance however large the mean is:
  // (mean - shift)^2 <= rows * var.
  void (*moments)(const float* x, int64_t stride, int64_t rows, int64_t columns, float* shift, float* sum, float* square);

  // Adds up what `moments` found in the blocks of kBatchNormRows rows (the last has the rest of `rows`); block i's three results are at
  // partial + i * 3 * columns. Columns [begin, end). var is the biased variance, factor is rsqrt(max(var, 0) + epsilon) * scale.
  void (*finish_moments)(const float* partial, int64_t rows, int64_t columns, int64_t begin, int64_t end, const float* scale, float epsilon,
                         float* mean, float* var, float* factor);

  // y = (x - mean) * factor + bias, with relu 0 where that is <= 0. Strides are from row to row.
  void (*normalize)(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t columns, const float* mean,
                    const float* factor, const float* bias, bool relu);

  // Columns [begin, end) of the factor of `normalize`, from the variance.
  void (*factors)(const float* var, const float* scale, float epsilon, int64_t begin, int64_t end, float* factor);

  // For each column: the sums of dy and of dy * (x - mean). With a bias, dy counts as 0 where y <= 0; y is computed anew, bit for bit as
  // `normalize` did, which costs less than to read it. Without one, factor is not read.
  void (*grad_sums)(const float* dy, const float* x, int64_t rows, int64_t columns, const float* mean, const float* factor,
                    const float* bias, float* sum, float* product);

  // Adds up the results of grad_sums, block i's two at partial + i * 2 * columns, to the parameters' gradients.
  void (*finish_grad_sums)(const float* partial, int64_t rows, int64_t columns, int64_t begin, int64_t end, const float* var, float epsilon,
                           float* dscale, float* dbias);

  // What grad_x needs, from the parameters' gradients. With split_variance the part through the variance is halved where var is 0, and
  // dropped where it is negative.
  void (*grad_factors)(const float* dscale, const float* dbias, int64_t rows, int64_t begin, int64_t end, const float* scale,
                       const float* var, float epsilon, bool split_variance, float* dy_mean, float* factor, float* slope);

  // dx = (dy - dy_mean) * factor - (x - mean) * slope, dy as for grad_sums; dy and x have the same stride.
  void (*grad_x)(const float* dy, const float* x, int64_t stride, float* dx, int64_t dx_stride, int64_t rows, int64_t columns,
                 const float* mean, const float* dy_mean, const float* factor, const float* slope, const float* bias);

  // The sum of each column.
  void (*column_sums)(const float* x, int64_t stride, int64_t rows, int64_t columns, float* sum);

  // Adds up column_sums of `blocks` blocks, one after another, in double.
  void (*finish_column_sums)(const float* partial, int64_t blocks, int64_t columns, float* sum);
};

FLAXEN_ISA_TABLES(BatchNormTable, batch_norm_table)

}  // namespace flaxen::cpu
