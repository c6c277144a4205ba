// The loops of a reduction of [outer, n, inner] over its middle dimension; reduce.cu and arg.cu say what is combined.
//
// A Reducer has: Value (what memory holds), Partial, Result; start(); take(partial, value, index); join(a, b); finish(partial); shuffle.
// join is applied in one fixed order, which depends on the sizes alone.
// Moves n * outer * inner values in and outer * inner out, once: bound by memory. 256 threads; each has its own partial, so that loads do
// not wait for each other's sums; then warps combine by shuffles and a block through shared memory (8 or 256 partials).
#pragma once

#include "cuda/axis.cuh"

namespace flaxen::cuda {

constexpr int kReduceThreads = 256, kReduceWarps = kReduceThreads / 32;

struct AxisView {
  int64_t outer, n, inner;
  int64_t parts, part;  // `n` is cut into `parts` pieces of `part`; the result is [outer, parts, inner]
};

template <typename Reducer>
FLAXEN_DEVICE typename Reducer::Partial join_warp(typename Reducer::Partial p) {
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) p = Reducer::join(p, Reducer::shuffle(p, distance));
  return p;
}

// inner == 1. A warp reduces a row's part, or, where `wide`, a block does.
template <typename Reducer>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_rows(const typename Reducer::Value* x, typename Reducer::Result* out, AxisView view, bool wide) {
  FLAXEN_SHARED(typename Reducer::Partial, partials, [kReduceWarps]);
  const int lane = static_cast<int>(threadIdx.x) % 32, warp = static_cast<int>(threadIdx.x) / 32;
  const int64_t unit = wide ? blockIdx.x : int64_t{blockIdx.x} * kReduceWarps + warp;
  const int64_t row = unit / view.parts;
  const int64_t begin = (unit - row * view.parts) * view.part;
  const int64_t end = row >= view.outer ? begin : begin + view.part < view.n ? begin + view.part : view.n;
  const typename Reducer::Value* values = x + row * view.n;
  typename Reducer::Partial p = Reducer::start();
  const int step = wide ? kReduceThreads : 32;
#pragma unroll 4
  for (int64_t i = begin + (wide ? static_cast<int>(threadIdx.x) : lane); i < end; i += step) p = Reducer::take(p, values[i], i);
  p = join_warp<Reducer>(p);
  if (!wide) {
    if (lane == 0 && row < view.outer) out[unit] = Reducer::finish(p);
    return;
  }
  if (lane == 0) partials[warp] = p;
  __syncthreads();
  if (threadIdx.x != 0) return;
  for (int w = 1; w < kReduceWarps; ++w) p = Reducer::join(p, partials[w]);
  out[unit] = Reducer::finish(p);
}

// A block of blockDim.x columns, a power of two, by blockDim.y rows walks down a part.
template <typename Reducer>
__global__ void __launch_bounds__(kReduceThreads)
    reduce_columns(const typename Reducer::Value* x, typename Reducer::Result* out, AxisView view) {
  FLAXEN_SHARED(typename Reducer::Partial, partials, [kReduceThreads]);
  const int column = static_cast<int>(threadIdx.x), first_row = static_cast<int>(threadIdx.y);
  const int width = static_cast<int>(blockDim.x), height = static_cast<int>(blockDim.y);
  const int64_t tiles = ceil_div(view.inner, int64_t{width});
  const int64_t unit = blockIdx.x / tiles;  // outer index * parts + part
  const int64_t j = (blockIdx.x - unit * tiles) * width + column;
  const int64_t o = unit / view.parts;
  const int64_t begin = (unit - o * view.parts) * view.part;
  const int64_t end = begin + view.part < view.n ? begin + view.part : view.n;
  typename Reducer::Partial p = Reducer::start();
  if (j < view.inner) {
    const typename Reducer::Value* values = x + o * view.n * view.inner + j;
#pragma unroll 4
    for (int64_t i = begin + first_row; i < end; i += height) p = Reducer::take(p, values[i * view.inner], i);
  }
  partials[first_row * width + column] = p;
  for (int half = height / 2; half > 0; half /= 2) {
    __syncthreads();
    if (first_row < half) {
      p = Reducer::join(p, partials[(first_row + half) * width + column]);
      partials[first_row * width + column] = p;
    }
  }
  if (first_row == 0 && j < view.inner) out[unit * view.inner + j] = Reducer::finish(p);
}

// One pass: from [outer, n, inner] to [outer, parts, inner].
template <typename Reducer>
int reduce_pass(const FlaxenCudaDevice& device, const void* x, void* out, const AxisView& view) {
  const auto* from = static_cast<const typename Reducer::Value*>(x);
  auto* to = static_cast<typename Reducer::Result*>(out);
  const int64_t units = view.outer * view.parts;
  if (units * view.inner == 0) return 0;
  if (view.inner == 1) {
    const bool wide = view.part > 1024;
    const int64_t blocks = wide ? units : ceil_div(units, int64_t{kReduceWarps});
    return launch(device, {dim3(static_cast<unsigned>(blocks)), dim3(kReduceThreads)}, reduce_rows<Reducer>, from, to, view, wide);
  }
  unsigned width = 32;
  while (width > 1 && width / 2 >= view.inner) width /= 2;
  const int64_t blocks = units * ceil_div(view.inner, int64_t{width});
  return launch(device, {dim3(static_cast<unsigned>(blocks)), dim3(width, kReduceThreads / width)}, reduce_columns<Reducer>, from, to,
                view);
}

}  // namespace flaxen::cuda
