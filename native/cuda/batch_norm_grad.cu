// The gradients of training batch normalisation, through relu where the bias of the forward pass is given.
//
// With d the cotangent (masked by relu), n the rows and c = x - mean, a column has dbias = sum d, dscale = sum d c / deviation, and
// dx = factor (d - mean(d)) - slope c, where slope is mean(d c) factor / deviation^2.
// Three launches, or two, as forward: sums over blocks of 256 rows, their joining in double, then dx. relu's mask is found anew from x, so
// that neither y nor a mask is stored. Moves 20 bytes an element (dy and x twice, dx once) for about 15 operations: bound by memory. Tiling
// as in batch_norm.cu.
// By ptxas 26 to 79 registers, 0 to 8192 bytes of shared memory.
#include "cuda/batch_norm.cuh"

namespace flaxen::cuda {

constexpr int64_t kWrittenRows = 64;

template <int V>
__global__ void __launch_bounds__(256)
    batch_norm_grad_sums(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ mean,
                         const float* __restrict__ var, const float* __restrict__ scale, const float* __restrict__ relu_bias, float epsilon,
                         float* __restrict__ sums, int64_t rows, int64_t columns) {
  const Strip<V> strip;
  const bool inside = strip.column < columns;
  const int64_t first = int64_t{blockIdx.x} * kSummedRows;
  const int64_t last = first + kSummedRows < rows ? first + kSummedRows : rows;
  Columns<V> sum = Columns<V>::zero(), product = sum;
  if (inside) {
    float m[V], f[V], b[V];
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const GradColumn column(mean, var, scale, relu_bias, epsilon, strip.column + i);
      m[i] = column.mean;
      f[i] = column.factor;
      b[i] = column.bias;
    }
#pragma unroll 2
    for (int64_t r = first + strip.row; r < last; r += kStripRows) {
      const Columns<V> cotangent = Columns<V>::load(dy + r * columns + strip.column);
      const Columns<V> value = Columns<V>::load(x + r * columns + strip.column);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        const float centred = value.v[i] - m[i];
        const float d = relu_bias && fmaf(centred, f[i], b[i]) <= 0.0f ? 0.0f : cotangent.v[i];
        sum.v[i] += d;
        product.v[i] = fmaf(d, centred, product.v[i]);
      }
    }
  }
  sum_rows(strip, sum, product);
  if (!inside || strip.row != 0) return;
  float* to = sums + int64_t{blockIdx.x} * 2 * columns + strip.column;
  sum.store(to);
  product.store(to + columns);
}

// What the gradients of a column are made of, from the sums over all rows.
struct ColumnGrad {
  float dbias, dscale, dy_mean, slope;

  FLAXEN_DEVICE ColumnGrad(double sum, double product, int64_t rows, float var, float scale, float epsilon, bool split_variance) {
    const float inverse = inverse_deviation(var, epsilon);
    // max(var, 0) hands on no gradient below 0 and half of it at 0.
    const float part = !split_variance || var > 0.0f || var != var ? 1.0f : var == 0.0f ? 0.5f : 0.0f;
    const double n = static_cast<double>(rows);
    dbias = static_cast<float>(sum);
    dscale = static_cast<float>(product) * inverse;
    dy_mean = static_cast<float>(sum / n);
    slope = static_cast<float>(product / n) * inverse * inverse * (inverse * scale) * part;
  }
};

__global__ void __launch_bounds__(256)
    batch_norm_grad_finish(const float* __restrict__ sums, const float* __restrict__ var, const float* __restrict__ scale, float epsilon,
                           bool split_variance, int64_t rows, int64_t columns, float* __restrict__ dscale, float* __restrict__ dbias,
                           float* __restrict__ dy_mean, float* __restrict__ slope) {
  const Strip<1> strip;
  const bool inside = strip.column < columns;
  const int64_t blocks = ceil_div(rows, kSummedRows), j = inside ? strip.column : 0;
  double sum = 0, product = 0;
  for (int64_t b = strip.row; b < blocks; b += kStripRows) {
    sum += static_cast<double>(sums[b * 2 * columns + j]);
    product += static_cast<double>(sums[(b * 2 + 1) * columns + j]);
  }
  sum = sum_rows(strip, sum);
  product = sum_rows(strip, product);
  if (!inside || strip.row != 0) return;
  const ColumnGrad grad(sum, product, rows, var[j], scale[j], epsilon, split_variance);
  dbias[j] = grad.dbias;
  dscale[j] = grad.dscale;
  dy_mean[j] = grad.dy_mean;
  slope[j] = grad.slope;
}

int finish_grad_sums(const FlaxenCudaDevice& device, int64_t rows, int64_t columns, const float* var, const float* scale, float epsilon,
                     bool split_variance, const GradScratch& scratch, float* dscale, float* dbias) {
  return launch(device, strip_grid(1, 1, columns, 1), batch_norm_grad_finish, scratch.sums, var, scale, epsilon, split_variance, rows,
                columns, dscale, dbias, scratch.dy_mean, scratch.slope);
}

// What is known of all rows: made by batch_norm_grad_finish; or, where the kernel `joins`, the sums of few blocks, of which each thread
// makes it for its columns, and the first block of rows the results.
struct GradTotals {
  const float *dy_mean, *slope, *sums;
  float *dscale, *dbias;
  bool split_variance;
};

template <int V, bool joins>
__global__ void __launch_bounds__(256)
    batch_norm_grad_x(const float* dy, const float* x, float* dx, const float* __restrict__ mean, const float* __restrict__ var,
                      const float* __restrict__ scale, const float* __restrict__ relu_bias, float epsilon, const GradTotals totals,
                      int64_t rows, int64_t columns) {
  const Strip<V> strip;
  if (strip.column >= columns) return;
  float m[V], f[V], b[V], d[V], s[V];
#pragma unroll
  for (int i = 0; i < V; ++i) {
    const GradColumn column(mean, var, scale, relu_bias, epsilon, strip.column + i);
    m[i] = column.mean;
    f[i] = column.factor;
    b[i] = column.bias;
    const int64_t j = strip.column + i;
    if constexpr (joins) {
      double sum = 0, product = 0;
      for (int64_t block = 0; block * kSummedRows < rows; ++block) {
        sum += static_cast<double>(totals.sums[block * 2 * columns + j]);
        product += static_cast<double>(totals.sums[(block * 2 + 1) * columns + j]);
      }
      const ColumnGrad grad(sum, product, rows, var[j], scale[j], epsilon, totals.split_variance);
      d[i] = grad.dy_mean;
      s[i] = grad.slope;
      if (blockIdx.x == 0 && strip.row == 0) {
        totals.dscale[j] = grad.dscale;
        totals.dbias[j] = grad.dbias;
      }
    } else {
      d[i] = totals.dy_mean[j];
      s[i] = totals.slope[j];
    }
  }
  const int64_t first = int64_t{blockIdx.x} * kWrittenRows;
  const int64_t last = first + kWrittenRows < rows ? first + kWrittenRows : rows;
#pragma unroll 2
  for (int64_t r = first + strip.row; r < last; r += kStripRows) {
    const int64_t at = r * columns + strip.column;
    Columns<V> cotangent = Columns<V>::load(dy + at);
    const Columns<V> value = Columns<V>::load(x + at);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      const float centred = value.v[i] - m[i];
      if (relu_bias && fmaf(centred, f[i], b[i]) <= 0.0f) cotangent.v[i] = 0.0f;
      cotangent.v[i] = fmaf(-centred, s[i], (cotangent.v[i] - d[i]) * f[i]);
    }
    cotangent.store(dx + at);
  }
}

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" size_t flaxen_cuda_batch_norm_grad_scratch(int64_t rows, int64_t columns) {
  return static_cast<size_t>((ceil_div(rows, kSummedRows) * 2 + 2) * columns) * sizeof(float);
}

extern "C" int flaxen_cuda_batch_norm_grad(const FlaxenCudaDevice* device, int64_t rows, int64_t columns, const float* dy, const float* x,
                                           const float* scale, const float* mean, const float* var, const float* relu_bias, float epsilon,
                                           int fast_variance, float* dx, float* dscale, float* dbias, void* scratch) {
  if (const int error = check_matrix(rows, columns)) return error;
  if (columns == 0) return 0;
  const GradScratch parts(scratch, rows, columns);
  if (rows > 0) {
    const bool wide = wide_columns(columns, dy, x, parts.sums);
    const Shape shape = strip_grid(rows, kSummedRows, columns, wide ? 4 : 1);
    const int error = launch(*device, shape, wide ? batch_norm_grad_sums<4> : batch_norm_grad_sums<1>, dy, x, mean, var, scale, relu_bias,
                             epsilon, parts.sums, rows, columns);
    if (error) return error;
  }
  const bool joins = rows > 0 && ceil_div(rows, kSummedRows) <= kFewBlocks, split_variance = fast_variance != 0;
  if (!joins) {
    const int error = finish_grad_sums(*device, rows, columns, var, scale, epsilon, split_variance, parts, dscale, dbias);
    if (error || rows == 0) return error;
  }
  const bool wide = wide_columns(columns, dy, x, dx);
  const auto kernel = joins ? (wide ? batch_norm_grad_x<4, true> : batch_norm_grad_x<1, true>)
                            : (wide ? batch_norm_grad_x<4, false> : batch_norm_grad_x<1, false>);
  const GradTotals totals{parts.dy_mean, parts.slope, parts.sums, dscale, dbias, split_variance};
  return launch(*device, strip_grid(rows, kWrittenRows, columns, wide ? 4 : 1), kernel, dy, x, dx, mean, var, scale, relu_bias, epsilon,
                totals, rows, columns);
}
