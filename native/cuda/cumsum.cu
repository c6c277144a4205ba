// Cumulative sums along one dimension of [outer, n, inner], forward or backward.
//
// A block takes a part of the dimension for up to 32 neighbouring columns: a thread sums 8 consecutive elements, a scan over shared memory
// joins the threads of a column. Longer dimensions take three steps: the totals of the parts, their cumulative sum (by the same function),
// and the parts again, starting from it. The parts depend on the shape alone, so the sums are the same bits in every run.
// Moves 8 bytes an element in one part, 12 otherwise: bound by memory. 256 threads.
// By ptxas 32 to 46 registers, 1024 bytes of shared memory.
#include "cuda/axis.cuh"

namespace flaxen::cuda {

constexpr int kScanSteps = 8, kScanThreads = 256;

struct ScanView {
  int64_t n, inner, parts;
  bool reverse;
};

// Where `totals` is given the sums of the parts [outer, parts, inner] go there, and `out` is not written; `before` holds the cumulative
// sums of the parts. x may be out.
template <typename T>
__global__ void __launch_bounds__(kScanThreads) cumsum(const T* x, T* out, T* totals, const T* before, const ScanView view) {
  FLAXEN_SHARED(T, sums, [kScanThreads]);
  const int column = static_cast<int>(threadIdx.x), row = static_cast<int>(threadIdx.y);
  const int width = static_cast<int>(blockDim.x), height = static_cast<int>(blockDim.y), own = row * width + column;
  const int64_t tiles = ceil_div(view.inner, int64_t{width});
  const int64_t unit = blockIdx.x / tiles, j = (blockIdx.x - unit * tiles) * width + column;
  const int64_t o = unit / view.parts, part = unit - o * view.parts;
  const int64_t first = (part * height + row) * kScanSteps;
  const bool inside = j < view.inner;
  const auto place = [&](int64_t i) { return (o * view.n + (view.reverse ? view.n - 1 - i : i)) * view.inner + j; };
  T value[kScanSteps], sum = 0;
#pragma unroll
  for (int s = 0; s < kScanSteps; ++s) {
    value[s] = inside && first + s < view.n ? x[place(first + s)] : T{0};
    sum += value[s];
  }
  sums[own] = sum;
  for (int distance = 1; distance < height; distance *= 2) {
    __syncthreads();
    const T other = row >= distance ? sums[own - distance * width] : T{0};
    __syncthreads();
    sums[own] += other;
  }
  __syncthreads();
  if (!inside) return;
  if (totals) {
    if (row == height - 1) totals[unit * view.inner + j] = sums[own];
    return;
  }
  sum = before && part > 0 ? before[(unit - 1) * view.inner + j] : T{0};
  if (row > 0) sum += sums[own - width];
#pragma unroll
  for (int s = 0; s < kScanSteps; ++s) {
    sum += value[s];
    if (first + s < view.n) out[place(first + s)] = sum;
  }
}

namespace {

unsigned width_of(int64_t inner) {
  unsigned width = 32;
  while (width > 1 && width / 2 >= inner) width /= 2;
  return width;
}

int64_t parts_of(int64_t n, int64_t inner) { return ceil_div(n, int64_t{kScanThreads / width_of(inner) * kScanSteps}); }

template <typename T>
int scan(const FlaxenCudaDevice& device, const T* x, T* out, int64_t outer, int64_t n, int64_t inner, bool reverse, T* scratch) {
  const unsigned width = width_of(inner);
  const ScanView view{n, inner, parts_of(n, inner), reverse};
  const Shape shape{dim3(static_cast<unsigned>(outer * view.parts * ceil_div(inner, int64_t{width}))), dim3(width, kScanThreads / width)};
  T* const none = nullptr;
  if (view.parts == 1) return launch(device, shape, cumsum<T>, x, out, none, none, view);
  int error = launch(device, shape, cumsum<T>, x, out, scratch, none, view);
  if (!error) error = scan<T>(device, scratch, scratch, outer, view.parts, inner, false, scratch + outer * view.parts * inner);
  return error ? error : launch(device, shape, cumsum<T>, x, out, none, scratch, view);
}

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" size_t flaxen_cuda_cumsum_scratch(int64_t outer, int64_t n, int64_t inner) {
  int64_t elements = 0;
  for (int64_t parts = parts_of(n, inner); parts > 1; parts = parts_of(parts, inner)) elements += outer * parts * inner;
  return static_cast<size_t>(elements) * 4;
}

extern "C" int flaxen_cuda_cumsum(const FlaxenCudaDevice* device, FlaxenCudaType type, int64_t outer, int64_t n, int64_t inner, int reverse,
                                  const void* x, void* out, void* scratch) {
  if (const int error = check_axis(outer, n, inner)) return error;
  if (type != FLAXEN_CUDA_F32 && type != FLAXEN_CUDA_I32 && type != FLAXEN_CUDA_U32) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (outer * n * inner == 0) return 0;
  const auto go = [&](auto zero) {
    using T = decltype(zero);
    return scan<T>(*device, static_cast<const T*>(x), static_cast<T*>(out), outer, n, inner, reverse != 0, static_cast<T*>(scratch));
  };
  return type == FLAXEN_CUDA_F32 ? go(0.0f) : go(0u);
}
