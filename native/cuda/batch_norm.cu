// Training batch normalisation over the rows of a matrix, with relu; also with given statistics.
//
// Three launches, or two where blocks are few, as the last then joins for itself. moments: per block of 256 rows and column, the first
// row's value as a shift, and the sum and the sum of squares of what remains: one pass over x that keeps small variances on large means.
// finish: joins the blocks in double (2 x 3 x rows / 256 numbers a column). normalize: y = (x - mean) * factor + bias, then relu. Moves 12
// bytes an element (x twice, y once) for about 6 operations: bound by memory. Where the dense layer before hands over moments from its
// epilogue, the first pass falls away: 8 bytes. A thread owns 1 or 4 columns (16-byte accesses), neighbours own neighbours; 8 rows are in
// flight a block, a loop over rows inside, so that the sums over rows stay in registers; shared memory is for the sums over the block's
// rows, and normalize needs none.
// By ptxas 28 to 99 registers, 0 to 8192 bytes of shared memory.
#include "cuda/batch_norm.cuh"

namespace flaxen::cuda {

constexpr int64_t kNormalizedRows = 64;

template <int V>
__global__ void __launch_bounds__(256)
    batch_norm_moments(const float* __restrict__ x, float* __restrict__ moments, int64_t rows, int64_t columns) {
  const Strip<V> strip;
  const bool inside = strip.column < columns;
  const int64_t first = int64_t{blockIdx.x} * kMomentRows;
  const int64_t last = first + kMomentRows < rows ? first + kMomentRows : rows;
  Columns<V> shift = Columns<V>::zero(), sum = shift, square = shift;
  if (inside) {
    shift = Columns<V>::load(x + first * columns + strip.column);
#pragma unroll
    for (int i = 0; i < V; ++i) shift.v[i] = shift.v[i] - shift.v[i] == 0.0f ? shift.v[i] : 0.0f;  // not an infinity or NaN
#pragma unroll 4
    for (int64_t r = first + strip.row; r < last; r += kStripRows) {
      const Columns<V> value = Columns<V>::load(x + r * columns + strip.column);
#pragma unroll
      for (int i = 0; i < V; ++i) {
        const float d = value.v[i] - shift.v[i];
        sum.v[i] += d;
        square.v[i] = fmaf(d, d, square.v[i]);
      }
    }
  }
  sum_rows(strip, sum, square);
  if (!inside || strip.row != 0) return;
  float* to = moments + int64_t{blockIdx.x} * 3 * columns + strip.column;
  shift.store(to);
  sum.store(to + columns);
  square.store(to + 2 * columns);
}

__global__ void __launch_bounds__(256) batch_norm_finish(const float* __restrict__ moments, float* __restrict__ mean,
                                                         float* __restrict__ var, int64_t rows, int64_t rows_per_block, int64_t columns) {
  const Strip<1> strip;
  const bool inside = strip.column < columns;
  const int64_t blocks = ceil_div(rows, rows_per_block);
  const float* from = moments + (inside ? strip.column : 0);
  const auto rows_of = [&](int64_t block) {
    return static_cast<double>(block == blocks - 1 ? rows - block * rows_per_block : rows_per_block);
  };
  // The mean as an offset from the first block's shift, which keeps a constant column's exact.
  const double origin = blocks > 0 ? static_cast<double>(from[0]) : 0.0;
  double offset = 0;
  for (int64_t b = strip.row; b < blocks; b += kStripRows) {
    const double shift = static_cast<double>(from[b * 3 * columns]), sum = static_cast<double>(from[(b * 3 + 1) * columns]);
    offset += rows_of(b) * (shift - origin) + sum;
  }
  const double centre = origin + sum_rows(strip, offset) / static_cast<double>(rows);
  // The squares about the common mean, from those about each block's shift.
  double spread = 0;
  for (int64_t b = strip.row; b < blocks; b += kStripRows) {
    const double d = centre - static_cast<double>(from[b * 3 * columns]);
    const double sum = static_cast<double>(from[(b * 3 + 1) * columns]), square = static_cast<double>(from[(b * 3 + 2) * columns]);
    spread += square + d * (rows_of(b) * d - 2 * sum);
  }
  spread = sum_rows(strip, spread);
  if (!inside || strip.row != 0) return;
  mean[strip.column] = static_cast<float>(centre);
  var[strip.column] = static_cast<float>(spread / static_cast<double>(rows));
}

// The same by one thread, for few blocks; the order of the sums, and so the bits, are those above.
struct JoinedMoments {
  float mean, var;

  FLAXEN_DEVICE JoinedMoments(const float* from, int64_t rows, int64_t rows_per_block, int64_t columns) {
    const int64_t blocks = ceil_div(rows, rows_per_block);
    const double origin = static_cast<double>(from[0]);
    const auto rows_of = [&](int64_t b) { return static_cast<double>(b == blocks - 1 ? rows - b * rows_per_block : rows_per_block); };
    double offset = 0, spread = 0;
    for (int64_t b = 0; b < blocks; ++b) {
      const double shift = static_cast<double>(from[b * 3 * columns]), sum = static_cast<double>(from[(b * 3 + 1) * columns]);
      offset += rows_of(b) * (shift - origin) + sum;
    }
    const double centre = origin + offset / static_cast<double>(rows);
    for (int64_t b = 0; b < blocks; ++b) {
      const double d = centre - static_cast<double>(from[b * 3 * columns]);
      const double sum = static_cast<double>(from[(b * 3 + 1) * columns]), square = static_cast<double>(from[(b * 3 + 2) * columns]);
      spread += square + d * (rows_of(b) * d - 2 * sum);
    }
    mean = static_cast<float>(centre);
    var = static_cast<float>(spread / static_cast<double>(rows));
  }
};

int finish_moments(const FlaxenCudaDevice& device, const float* moments, int64_t rows, int64_t rows_per_block, int64_t columns, float* mean,
                   float* var) {
  return launch(device, strip_grid(1, 1, columns, 1), batch_norm_finish, moments, mean, var, rows, rows_per_block, columns);
}

// Where it `joins`, mean and var are made of moments, and written by the first block of rows.
template <int V, bool joins>
__global__ void __launch_bounds__(256)
    batch_norm_normalize(const float* x, float* y, const float* __restrict__ moments, int64_t rows_per_block, float* mean, float* var,
                         const float* __restrict__ scale, const float* __restrict__ bias, float epsilon, bool relu, int64_t rows,
                         int64_t columns) {
  const Strip<V> strip;
  if (strip.column >= columns) return;
  float m[V], f[V], b[V];
#pragma unroll
  for (int i = 0; i < V; ++i) {
    const int64_t j = strip.column + i;
    float deviation;
    if constexpr (joins) {
      const JoinedMoments of(moments + j, rows, rows_per_block, columns);
      m[i] = of.mean;
      deviation = inverse_deviation(of.var, epsilon);
      if (blockIdx.x == 0 && strip.row == 0) {
        mean[j] = of.mean;
        var[j] = of.var;
      }
    } else {
      m[i] = mean[j];
      deviation = inverse_deviation(var[j], epsilon);
    }
    f[i] = deviation * scale[j];
    b[i] = bias[j];
  }
  const int64_t first = int64_t{blockIdx.x} * kNormalizedRows;
  const int64_t last = first + kNormalizedRows < rows ? first + kNormalizedRows : rows;
#pragma unroll 4
  for (int64_t r = first + strip.row; r < last; r += kStripRows) {
    Columns<V> value = Columns<V>::load(x + r * columns + strip.column);
#pragma unroll
    for (int i = 0; i < V; ++i) {
      value.v[i] = fmaf(value.v[i] - m[i], f[i], b[i]);
      if (relu && value.v[i] <= 0.0f) value.v[i] = 0.0f;
    }
    value.store(y + r * columns + strip.column);
  }
}

namespace {

// With moments, mean and var are results.
int normalize(const FlaxenCudaDevice& device, int64_t rows, int64_t columns, const float* x, const float* moments, int64_t rows_per_block,
              float* mean, float* var, const float* scale, const float* bias, float epsilon, bool relu, float* y) {
  if (rows * columns == 0) return 0;
  const bool wide = wide_columns(columns, x, y);
  const auto kernel = moments ? (wide ? batch_norm_normalize<4, true> : batch_norm_normalize<1, true>)
                              : (wide ? batch_norm_normalize<4, false> : batch_norm_normalize<1, false>);
  return launch(device, strip_grid(rows, kNormalizedRows, columns, wide ? 4 : 1), kernel, x, y, moments, rows_per_block, mean, var, scale,
                bias, epsilon, relu, rows, columns);
}

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" size_t flaxen_cuda_batch_norm_scratch(int64_t rows, int64_t columns) {
  return static_cast<size_t>(ceil_div(rows, kMomentRows) * 3 * columns) * sizeof(float);
}

extern "C" int flaxen_cuda_batch_norm_from_moments(const FlaxenCudaDevice* device, int64_t rows, int64_t columns, const float* moments,
                                                   int64_t rows_per_block, const float* x, const float* scale, const float* bias,
                                                   float epsilon, int relu, float* y, float* mean, float* var) {
  if (const int error = check_matrix(rows, columns)) return error;
  if (rows_per_block <= 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (columns == 0) return 0;
  const bool joins = rows > 0 && ceil_div(rows, rows_per_block) <= kFewBlocks;
  if (!joins) {
    if (const int error = finish_moments(*device, moments, rows, rows_per_block, columns, mean, var)) return error;
  }
  return normalize(*device, rows, columns, x, joins ? moments : nullptr, rows_per_block, mean, var, scale, bias, epsilon, relu != 0, y);
}

extern "C" int flaxen_cuda_batch_norm(const FlaxenCudaDevice* device, int64_t rows, int64_t columns, const float* x, const float* scale,
                                      const float* bias, float epsilon, int relu, float* y, float* mean, float* var, void* scratch) {
  if (const int error = check_matrix(rows, columns)) return error;
  float* moments = static_cast<float*>(scratch);
  if (rows * columns > 0) {
    const bool wide = wide_columns(columns, x, moments);
    const Shape shape = strip_grid(rows, kMomentRows, columns, wide ? 4 : 1);
    const int error = launch(*device, shape, wide ? batch_norm_moments<4> : batch_norm_moments<1>, x, moments, rows, columns);
    if (error) return error;
  }
  return flaxen_cuda_batch_norm_from_moments(device, rows, columns, moments, kMomentRows, x, scale, bias, epsilon, relu, y, mean, var);
}

extern "C" int flaxen_cuda_batch_norm_inference(const FlaxenCudaDevice* device, int64_t rows, int64_t columns, const float* x,
                                                const float* mean, const float* var, const float* scale, const float* bias, float epsilon,
                                                int relu, float* y) {
  if (const int error = check_matrix(rows, columns)) return error;
  // Without moments they are only read.
  return normalize(*device, rows, columns, x, nullptr, 0, const_cast<float*>(mean), const_cast<float*>(var), scale, bias, epsilon,
                   relu != 0, y);
}
