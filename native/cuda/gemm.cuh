// C = A B + bias, then relu: the kernel behind dense layers, their gradients and dotGeneral.
//
// Must move 4 (m k + k n + m n) bytes (2 an element of A and B in bfloat16) and make 2 m n k operations; a block of 128 x 128 reads each
// element of A n / 128 times and of B m / 128 times, 1 byte of traffic from L2 for 32 operations (64 in bfloat16; 64 x 64, for matrices
// that would fill few blocks: half). A ring of tiles of 64 bytes along k (3, or 2 for FMA) is filled by cp.async while the oldest is
// multiplied; one barrier a tile. 57 to 61 KB of shared memory with tensor cores, 38 to 41 with FMA, half of it for 64 x 64. 118 to 128
// registers with tensor cores, so that two blocks share a multiprocessor, 80 to 96 for 64 x 64; with FMA 125 to 168 and 91 to 135: 64 sums,
// 24 to 64 operands. The epilogue has the sums in registers: bias and relu cost no traffic. Where asked, it also finds each column's
// moments over the block's rows, which is what a batch norm behind it would read all of C for; and the column sums of B, a bias gradient
// where B is a cotangent. Tall k is split over blocks that write partial products, summed in order by a second kernel: the same bits in
// every run.
#pragma once

#include "cuda/gemm_tile.cuh"
#include "cuda/launch.cuh"

namespace flaxen::cuda {

struct GemmArguments {
  const void *a, *b;  // of Product::Element
  const float* bias;
  float *c, *moments, *b_sums;
  int64_t m, n, k, a_stride, b_stride, a_batch, b_batch;
  int64_t k_of_split;
  int splits;  // grid.z is batch * splits; with more than one, c is [splits, batch, m, n] and has no epilogue
  bool relu, a_vectors, b_vectors;
};

template <typename Product, int rows, int columns, bool a_along_k, bool b_along_k>
__global__ void __launch_bounds__(Product::kThreads, Product::kResident) gemm(const GemmArguments g) {
  using Element = typename Product::Element;
  struct Stage {
    Tile<Element, rows, a_along_k> a;
    Tile<Element, columns, b_along_k> b;
  };
  FLAXEN_DYNAMIC_SHARED(memory);
  Stage* stages = reinterpret_cast<Stage*>(memory);
  constexpr int kStages = Product::kStages;
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t row0 = int64_t{blockIdx.x} * rows, column0 = int64_t{blockIdx.y} * columns;
  const int64_t batch = blockIdx.z / g.splits, split = blockIdx.z - batch * g.splits;
  const int64_t k_begin = split * g.k_of_split, k_end = k_begin + g.k_of_split < g.k ? k_begin + g.k_of_split : g.k;
  const int tiles = static_cast<int>(ceil_div(k_end - k_begin, int64_t{kInner<Element>}));
  const Operand<Element> a{static_cast<const Element*>(g.a) + batch * g.a_batch, g.m, g.a_stride, k_end, g.a_vectors};
  const Operand<Element> b{static_cast<const Element*>(g.b) + batch * g.b_batch, g.n, g.b_stride, k_end, g.b_vectors};

  const auto load = [&](int tile) {
    if (tile < tiles) {
      Stage& stage = stages[tile % kStages];
      load_tile<Product::kThreads>(stage.a, a, row0, k_begin + int64_t{tile} * kInner<Element>);
      load_tile<Product::kThreads>(stage.b, b, column0, k_begin + int64_t{tile} * kInner<Element>);
    }
    commit_copies();  // also of nothing, so that the count of groups is that of tiles
  };
  Product product;
  float b_sum = 0;
#pragma unroll
  for (int tile = 0; tile < kStages - 1; ++tile) load(tile);
  for (int tile = 0; tile < tiles; ++tile) {
    wait_copies<kStages - 2>();
    __syncthreads();  // everybody's copies are in, and everybody is done with the stage that is filled next
    load(tile + kStages - 1);
    Stage& stage = stages[tile % kStages];
    if (g.b_sums && blockIdx.x == 0 && thread < columns) {
#pragma unroll
      for (int k = 0; k < kInner<Element>; ++k) b_sum += widened(stage.b.at(thread, k));
    }
    product.add(stage.a, stage.b);
  }
  wait_copies<0>();

  if (g.b_sums && blockIdx.x == 0 && thread < columns && column0 + thread < g.n) g.b_sums[blockIdx.z * g.n + column0 + thread] = b_sum;
  float* c = g.c + (split * (gridDim.z / g.splits) + batch) * g.m * g.n;
#pragma unroll
  for (int j = 0; j < Product::kCols; ++j) {
    const int64_t column = column0 + product.column(j);
    const float bias = g.bias && column < g.n ? g.bias[column] : 0.0f;
#pragma unroll
    for (int i = 0; i < Product::kRows; ++i) {
      const int64_t row = row0 + product.row(i);
      float v = product.at(i, j) + bias;
      if (g.relu && v <= 0.0f) v = 0.0f;
      product.at(i, j) = v;
      if (row < g.m && column < g.n) c[row * g.n + column] = v;
    }
  }
  if (!g.moments) return;

  struct Moments {
    float shift[columns], sum[Product::kGroups][columns], square[Product::kGroups][columns];
  };
  static_assert(sizeof(Moments) <= kStages * sizeof(Stage));
  Moments& moments = *reinterpret_cast<Moments*>(memory);
  __syncthreads();  // the tiles have been read
#pragma unroll
  for (int j = 0; j < Product::kCols; ++j) {
    if (product.row(0) == 0) moments.shift[product.column(j)] = product.at(0, j) - product.at(0, j) == 0.0f ? product.at(0, j) : 0.0f;
  }
  __syncthreads();
#pragma unroll
  for (int j = 0; j < Product::kCols; ++j) {
    float sum = 0, square = 0;
    const float shift = moments.shift[product.column(j)];
#pragma unroll
    for (int i = 0; i < Product::kRows; ++i) {
      const float d = row0 + product.row(i) < g.m ? product.at(i, j) - shift : 0.0f;
      sum += d;
      square = fmaf(d, d, square);
    }
    moments.sum[product.group()][product.column(j)] = sum;
    moments.square[product.group()][product.column(j)] = square;
  }
  __syncthreads();
  if (thread >= columns || column0 + thread >= g.n) return;
  float sum = 0, square = 0;
  for (int group = 0; group < Product::kGroups; ++group) {
    sum += moments.sum[group][thread];
    square += moments.square[group][thread];
  }
  float* to = g.moments + int64_t{blockIdx.x} * 3 * g.n + column0 + thread;
  to[0] = moments.shift[thread];
  to[g.n] = sum;
  to[2 * g.n] = square;
}

template <template <int, int, bool, bool> typename Product, int extent, bool a_along_k, bool b_along_k>
int launch_gemm(const FlaxenCudaDevice& device, const GemmArguments& arguments, int64_t batch) {
  using P = Product<extent, extent, a_along_k, b_along_k>;
  const size_t stage = sizeof(Tile<typename P::Element, extent, a_along_k>) + sizeof(Tile<typename P::Element, extent, b_along_k>);
  const Shape shape{dim3(static_cast<unsigned>(ceil_div(arguments.m, int64_t{extent})),
                         static_cast<unsigned>(ceil_div(arguments.n, int64_t{extent})), static_cast<unsigned>(batch * arguments.splits)),
                    dim3(P::kThreads), P::kStages * stage};
  return launch(device, shape, gemm<P, extent, extent, a_along_k, b_along_k>, arguments);
}

template <template <int, int, bool, bool> typename Product>
int launch_gemm(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k) {
  if (extent == 128) {
    if (a_along_k)
      return b_along_k ? launch_gemm<Product, 128, true, true>(device, g, batch) : launch_gemm<Product, 128, true, false>(device, g, batch);
    return b_along_k ? launch_gemm<Product, 128, false, true>(device, g, batch) : launch_gemm<Product, 128, false, false>(device, g, batch);
  }
  if (a_along_k)
    return b_along_k ? launch_gemm<Product, 64, true, true>(device, g, batch) : launch_gemm<Product, 64, true, false>(device, g, batch);
  return b_along_k ? launch_gemm<Product, 64, false, true>(device, g, batch) : launch_gemm<Product, 64, false, false>(device, g, batch);
}

// Each in a file of its own, so that they compile side by side.
using GemmLaunch = int (*)(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k,
                           bool b_along_k);
int gemm_fma(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k);
int gemm_tf32(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k);
int gemm_rounded(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k);
int gemm_bf16_fma(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k);
int gemm_bf16(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k);

}  // namespace flaxen::cuda
