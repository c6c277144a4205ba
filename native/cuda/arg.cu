// argmax and argmin over one dimension of [outer, n, inner]: the first NaN, else the first of the greatest (least); cuda/reduce_axis.cuh
// has the loops. A row is one warp's or one block's: rows are classes of a classifier, rarely long.
// By ptxas 23 to 48 registers, 64 to 2048 bytes of shared memory.
#include <type_traits>

#include "cuda/reduce_axis.cuh"

namespace flaxen::cuda {

template <typename T, bool greatest>
struct Arg {
  using Value = T;
  using Kept = std::conditional_t<sizeof(T) == 1, int, T>;  // no padding, which nobody writes
  struct Partial {
    Kept value;
    int index;  // -1: none yet
  };
  using Result = int;
  static FLAXEN_DEVICE Partial start() { return {Kept{0}, -1}; }
  static FLAXEN_DEVICE bool wins(Kept a, Kept b) { return a != a ? b == b : greatest ? a > b : a < b; }
  static FLAXEN_DEVICE Partial join(Partial a, Partial b) {
    if (b.index < 0) return a;
    if (a.index < 0 || wins(b.value, a.value)) return b;
    if (wins(a.value, b.value)) return a;
    return a.index < b.index ? a : b;
  }
  static FLAXEN_DEVICE Partial take(Partial p, T x, int64_t i) {
    return p.index < 0 || wins(x, p.value) ? Partial{x, static_cast<int>(i)} : p;
  }
  static FLAXEN_DEVICE int finish(Partial p) { return p.index; }
  static FLAXEN_DEVICE Partial shuffle(Partial p, int distance) {
    return {__shfl_xor_sync(0xffffffff, p.value, distance), __shfl_xor_sync(0xffffffff, p.index, distance)};
  }
};

namespace {

template <bool greatest>
int arg(const FlaxenCudaDevice& device, FlaxenCudaType type, const void* x, int32_t* out, const AxisView& view) {
  switch (type) {
    case FLAXEN_CUDA_F32:
      return reduce_pass<Arg<float, greatest>>(device, x, out, view);
    case FLAXEN_CUDA_I32:
      return reduce_pass<Arg<int, greatest>>(device, x, out, view);
    case FLAXEN_CUDA_U32:
      return reduce_pass<Arg<uint32_t, greatest>>(device, x, out, view);
    case FLAXEN_CUDA_BOOL:
      return reduce_pass<Arg<uint8_t, greatest>>(device, x, out, view);
  }
  return FLAXEN_CUDA_BAD_ARGUMENT;
}

}  // namespace

}  // namespace flaxen::cuda

extern "C" int flaxen_cuda_arg(const FlaxenCudaDevice* device, int greatest, FlaxenCudaType type, int64_t outer, int64_t n, int64_t inner,
                               const void* x, int32_t* out) {
  using namespace flaxen::cuda;
  if (const int error = check_axis(outer, n, inner)) return error;
  if (n == 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  const AxisView view{outer, n, inner, 1, n};
  return greatest ? arg<true>(*device, type, x, out, view) : arg<false>(*device, type, x, out, view);
}
