// What the kernels of batch normalisation share: a block of 32 lanes by 8 rows walks down a strip of 32 * V columns.
#pragma once

#include "cuda/launch.cuh"
#include "cuda/port.cuh"

namespace flaxen::cuda {

constexpr int kStripLanes = 32, kStripRows = 8;

// V consecutive columns: one 16-byte access where V is 4.
template <int V>
struct Columns {
  float v[V];

  static FLAXEN_DEVICE Columns load(const float* p) {
    Columns c;
    if constexpr (V == 4) {
      const float4 x = *reinterpret_cast<const float4*>(p);
      c.v[0] = x.x;
      c.v[1] = x.y;
      c.v[2] = x.z;
      c.v[3] = x.w;
    } else {
      c.v[0] = *p;
    }
    return c;
  }
  FLAXEN_DEVICE void store(float* p) const {
    if constexpr (V == 4) {
      *reinterpret_cast<float4*>(p) = make_float4(v[0], v[1], v[2], v[3]);
    } else {
      *p = v[0];
    }
  }
  static FLAXEN_DEVICE Columns zero() {
    Columns c;
#pragma unroll
    for (int i = 0; i < V; ++i) c.v[i] = 0;
    return c;
  }
};

// The place of a thread: its first column, and its row within the block.
template <int V>
struct Strip {
  int lane = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
  int64_t column = (int64_t{blockIdx.y} * kStripLanes + lane) * V;
};

// The sums over the block's 8 rows, of each column, in row 0's threads; in order of the rows.
template <int V>
FLAXEN_DEVICE void sum_rows(const Strip<V>& strip, Columns<V>& a, Columns<V>& b) {
  FLAXEN_SHARED(float, sums, [2][kStripRows][kStripLanes * V]);
#pragma unroll
  for (int i = 0; i < V; ++i) {
    sums[0][strip.row][i * kStripLanes + strip.lane] = a.v[i];
    sums[1][strip.row][i * kStripLanes + strip.lane] = b.v[i];
  }
  __syncthreads();
  if (strip.row != 0) return;
#pragma unroll
  for (int i = 0; i < V; ++i) {
    for (int r = 1; r < kStripRows; ++r) {
      a.v[i] += sums[0][r][i * kStripLanes + strip.lane];
      b.v[i] += sums[1][r][i * kStripLanes + strip.lane];
    }
  }
}

// Likewise of one double a thread (V = 1), for all rows' threads to read.
FLAXEN_DEVICE double sum_rows(const Strip<1>& strip, double x) {
  FLAXEN_SHARED(double, sums, [kStripRows][kStripLanes]);
  __syncthreads();  // an earlier call's sums may still be read
  sums[strip.row][strip.lane] = x;
  __syncthreads();
  double total = 0;
  for (int r = 0; r < kStripRows; ++r) total += sums[r][strip.lane];
  return total;
}

// 1 / sqrt(max(var, 0) + epsilon)
FLAXEN_DEVICE float inverse_deviation(float var, float epsilon) { return 1.0f / sqrtf((var < 0.0f ? 0.0f : var) + epsilon); }

// What a column's threads know of it. relu kept (x - mean) * factor + bias where that is not <= 0.
struct GradColumn {
  float mean, factor, bias;

  FLAXEN_DEVICE GradColumn(const float* mean_, const float* var, const float* scale, const float* relu_bias, float epsilon, int64_t j)
      : mean(mean_[j]), factor(inverse_deviation(var[j], epsilon) * scale[j]), bias(relu_bias ? relu_bias[j] : 0.0f) {}
};

inline bool wide_columns(int64_t columns, const void* a, const void* b, const void* c = nullptr) {
  const auto aligned = [](const void* p) { return (reinterpret_cast<uintptr_t>(p) & 15) == 0; };
  return columns % 4 == 0 && aligned(a) && aligned(b) && aligned(c);
}

// Blocks of `rows_per_block` rows by strips of columns; a strip's number is in y, where 65,535 are enough.
inline Shape strip_grid(int64_t rows, int64_t rows_per_block, int64_t columns, int v) {
  return {dim3(static_cast<unsigned>(ceil_div(rows, rows_per_block)), static_cast<unsigned>(ceil_div(columns, int64_t{kStripLanes} * v))),
          dim3(kStripLanes, kStripRows)};
}

constexpr int64_t kMostColumns = int64_t{65535} * kStripLanes;

inline int check_matrix(int64_t rows, int64_t columns) {
  if (rows < 0 || columns < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (rows >= kMostElements || columns > kMostColumns || (columns > 0 && rows >= kMostElements / columns)) return FLAXEN_CUDA_TOO_LARGE;
  return 0;
}

// Rows of a block that finds moments, or the gradient's sums: the launches that join the blocks need to know.
constexpr int64_t kMomentRows = 256, kSummedRows = 256;

// What so few blocks found is joined where it is needed, by each thread for its columns, which saves a launch.
constexpr int64_t kFewBlocks = 4;

// Mean and variance from moments [blocks, 3, columns].
int finish_moments(const FlaxenCudaDevice& device, const float* moments, int64_t rows, int64_t rows_per_block, int64_t columns, float* mean,
                   float* var);

// The parts of the gradient's scratch memory: sums [blocks, 2, columns] of d and d (x - mean); of each column what dx needs.
struct GradScratch {
  float *sums, *dy_mean, *slope;

  GradScratch(void* scratch, int64_t rows, int64_t columns)
      : sums(static_cast<float*>(scratch)), dy_mean(sums + ceil_div(rows, kSummedRows) * 2 * columns), slope(dy_mean + columns) {}
};
int finish_grad_sums(const FlaxenCudaDevice& device, int64_t rows, int64_t columns, const float* var, const float* scale, float epsilon,
                     bool split_variance, const GradScratch& scratch, float* dscale, float* dbias);

}  // namespace flaxen::cuda
