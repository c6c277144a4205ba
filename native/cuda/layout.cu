// Copies between two strided views of one shape: what transposes, slices, reversals, broadcasts, pads and concatenations come down to.
//
// Moves each element once in and once out: bound by memory where both sides are read in whole sectors. Two kernels. copy_rows: the fastest
// dimension of `to` across the threads, for views that agree in it. copy_tiles: where `from` is dense in another dimension, a tile of 32 x
// 32 goes through shared memory, so that both sides are touched along their dense dimension; a column of padding keeps the transposed reads
// in different banks. 32 x 8 threads. Outer dimensions are found by divisions, once a thread.
// By ptxas 34 to 46 registers, 0 to 4224 bytes of shared memory.
#include "cuda/launch.cuh"
#include "cuda/port.cuh"

namespace flaxen::cuda {

constexpr int kRank = 8, kTile = 32;

// Dimension 0 is the one that `to` is dense in (or nearest to), 1 the one of `from`; strides in elements.
struct CopyView {
  int rank;
  int64_t size[kRank], to[kRank], from[kRank];
};

// Where the index in the dimensions from `first` on lies.
FLAXEN_DEVICE void outer_offsets(const CopyView& view, int first, int64_t index, int64_t& to, int64_t& from) {
  to = from = 0;
  for (int d = first; d < view.rank; ++d) {
    const int64_t next = index / view.size[d], i = index - next * view.size[d];
    to += i * view.to[d];
    from += i * view.from[d];
    index = next;
  }
}

template <typename T>
__global__ void __launch_bounds__(256) copy_rows(T* to, const T* from, const __grid_constant__ CopyView view, int64_t elements) {
  for (int64_t i = int64_t{blockIdx.x} * 256 + static_cast<int>(threadIdx.x); i < elements; i += int64_t{gridDim.x} * 256) {
    int64_t t, f;
    outer_offsets(view, 0, i, t, f);
    to[t] = from[f];
  }
}

template <typename T>
__global__ void __launch_bounds__(256) copy_tiles(T* to, const T* from, const __grid_constant__ CopyView view) {
  FLAXEN_SHARED(T, tile, [kTile][kTile + 1]);
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t tiles0 = ceil_div(view.size[0], int64_t{kTile}), tiles1 = ceil_div(view.size[1], int64_t{kTile});
  const int64_t outer = blockIdx.x / (tiles0 * tiles1), inner = blockIdx.x - outer * tiles0 * tiles1;
  const int64_t first0 = inner % tiles0 * kTile, first1 = inner / tiles0 * kTile;
  int64_t t, f;
  outer_offsets(view, 2, outer, t, f);
  for (int r = y; r < kTile; r += 8) {  // neighbours in x are neighbours in dimension 1
    if (first0 + r < view.size[0] && first1 + x < view.size[1]) {
      tile[r][x] = from[f + (first0 + r) * view.from[0] + (first1 + x) * view.from[1]];
    }
  }
  __syncthreads();
  for (int r = y; r < kTile; r += 8) {  // in dimension 0
    if (first0 + x < view.size[0] && first1 + r < view.size[1]) {
      to[t + (first0 + x) * view.to[0] + (first1 + r) * view.to[1]] = tile[x][r];
    }
  }
}

namespace {

int64_t magnitude_of(int64_t x) { return x < 0 ? -x : x; }

// Puts dimension d in place `at`, moving those between.
void bring(CopyView& view, int d, int at) {
  for (; d > at; --d) {
    const auto swap = [&](int64_t* v) {
      const int64_t kept = v[d];
      v[d] = v[d - 1];
      v[d - 1] = kept;
    };
    swap(view.size);
    swap(view.to);
    swap(view.from);
  }
}

// The dimension past `first` with the least stride.
int densest(const CopyView& view, const int64_t* strides, int first) {
  int best = first;
  for (int d = first + 1; d < view.rank; ++d) {
    if (magnitude_of(strides[d]) < magnitude_of(strides[best])) best = d;
  }
  return best;
}

template <typename T>
int copy(const FlaxenCudaDevice& device, void* to, const void* from, CopyView view, int64_t elements) {
  T* target = static_cast<T*>(to);
  const T* source = static_cast<const T*>(from);
  if (view.rank > 0) bring(view, densest(view, view.to, 0), 0);
  if (view.rank > 1) bring(view, densest(view, view.from, 1), 1);
  const bool crossed =
      view.rank > 1 && magnitude_of(view.from[1]) == 1 && magnitude_of(view.from[0]) > 1 && view.size[0] > 8 && view.size[1] > 8;
  if (!crossed) {
    const int64_t blocks = ceil_div(elements, int64_t{256});
    return launch(device, {dim3(static_cast<unsigned>(blocks)), dim3(256)}, copy_rows<T>, target, source, view, elements);
  }
  int64_t blocks = ceil_div(view.size[0], int64_t{kTile}) * ceil_div(view.size[1], int64_t{kTile});
  for (int d = 2; d < view.rank; ++d) blocks *= view.size[d];
  return launch(device, {dim3(static_cast<unsigned>(blocks)), dim3(kTile, 8)}, copy_tiles<T>, target, source, view);
}

}  // namespace

}  // namespace flaxen::cuda

extern "C" int flaxen_cuda_copy(const FlaxenCudaDevice* device, int element_bytes, int rank, const int64_t* shape, void* to,
                                const int64_t* to_strides, const void* from, const int64_t* from_strides) {
  using namespace flaxen::cuda;
  if (rank < 0 || rank > kRank) return FLAXEN_CUDA_BAD_ARGUMENT;
  CopyView view{};
  int64_t elements = 1;
  for (int d = rank - 1; d >= 0; --d) {  // the fastest dimension first
    if (shape[d] < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
    if (shape[d] == 0) return 0;
    if (shape[d] >= kMostElements || elements >= kMostElements / shape[d]) return FLAXEN_CUDA_TOO_LARGE;
    elements *= shape[d];
    if (shape[d] == 1) continue;
    view.size[view.rank] = shape[d];
    view.to[view.rank] = to_strides[d];
    view.from[view.rank++] = from_strides[d];
  }
  if (element_bytes == 4) return copy<uint32_t>(*device, to, from, view, elements);
  if (element_bytes == 1) return copy<uint8_t>(*device, to, from, view, elements);
  return FLAXEN_CUDA_BAD_ARGUMENT;
}
