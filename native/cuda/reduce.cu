// Sum, product, maximum and minimum over one dimension of [outer, n, inner]; cuda/reduce_axis.cuh has the loops.
// A reduction with few results is cut into parts, reduced in a second launch: about 512 blocks fill any device, and a number that does not
// depend on the device keeps the order of summation a function of the shape.
// By ptxas 22 to 46 registers, 32 to 1024 bytes of shared memory.
#include <algorithm>

#include "cuda/math.cuh"
#include "cuda/reduce_axis.cuh"

namespace flaxen::cuda {

template <typename T>
struct Shuffled {
  static FLAXEN_DEVICE T shuffle(T x, int distance) { return __shfl_xor_sync(0xffffffff, x, distance); }
};

template <typename T>
struct Sum : Shuffled<T> {
  using Value = T;
  using Partial = T;
  using Result = T;
  static FLAXEN_DEVICE T start() { return T{0}; }
  static FLAXEN_DEVICE T join(T a, T b) { return a + b; }
  static FLAXEN_DEVICE T take(T p, T x, int64_t) { return p + x; }
  static FLAXEN_DEVICE T finish(T p) { return p; }
};

template <typename T>
struct Product : Sum<T> {
  static FLAXEN_DEVICE T start() { return T{1}; }
  static FLAXEN_DEVICE T join(T a, T b) { return a * b; }
  static FLAXEN_DEVICE T take(T p, T x, int64_t) { return p * x; }
};

FLAXEN_DEVICE float greater_of(float a, float b) { return max_of(a, b); }
FLAXEN_DEVICE float lesser_of(float a, float b) { return min_of(a, b); }
template <typename T>
FLAXEN_DEVICE T greater_of(T a, T b) {
  return a > b ? a : b;
}
template <typename T>
FLAXEN_DEVICE T lesser_of(T a, T b) {
  return a < b ? a : b;
}

template <typename T>
FLAXEN_DEVICE T least_value() {
  if constexpr (sizeof(T) == 1) return 0;
  if constexpr (static_cast<T>(-1) > T{0}) return 0;
  return static_cast<T>(0x80000000u);
}
template <>
FLAXEN_DEVICE float least_value<float>() {
  return -infinity();
}
template <typename T>
FLAXEN_DEVICE T greatest_value() {
  if constexpr (sizeof(T) == 1) return 1;  // bool
  if constexpr (static_cast<T>(-1) > T{0}) return static_cast<T>(-1);
  return static_cast<T>(0x7fffffffu);
}
template <>
FLAXEN_DEVICE float greatest_value<float>() {
  return infinity();
}

// A bool travels as an int through shuffles.
template <typename T>
struct Wider {
  using type = T;
};
template <>
struct Wider<uint8_t> {
  using type = int;
};

template <typename T>
struct Max : Shuffled<typename Wider<T>::type> {
  using Value = T;
  using Partial = typename Wider<T>::type;
  using Result = T;
  static FLAXEN_DEVICE Partial start() { return least_value<T>(); }
  static FLAXEN_DEVICE Partial join(Partial a, Partial b) { return greater_of(a, b); }
  static FLAXEN_DEVICE Partial take(Partial p, T x, int64_t) { return greater_of(p, static_cast<Partial>(x)); }
  static FLAXEN_DEVICE T finish(Partial p) { return static_cast<T>(p); }
};

template <typename T>
struct Min : Max<T> {
  using typename Max<T>::Partial;
  static FLAXEN_DEVICE Partial start() { return greatest_value<T>(); }
  static FLAXEN_DEVICE Partial join(Partial a, Partial b) { return lesser_of(a, b); }
  static FLAXEN_DEVICE Partial take(Partial p, T x, int64_t) { return lesser_of(p, static_cast<Partial>(x)); }
};

namespace {

constexpr int64_t kBlocks = 512, kLeastPart = 1024;

AxisView view_of(int64_t outer, int64_t n, int64_t inner) {
  AxisView view{outer, n, inner, 1, n};
  const int64_t units = outer * ceil_div(inner, int64_t{32});
  if (units > 0 && units < kBlocks && n >= 2 * kLeastPart) {
    view.parts = std::min(ceil_div(n, kLeastPart), ceil_div(kBlocks, units));
    view.part = ceil_div(n, view.parts);
    view.parts = ceil_div(n, view.part);
  }
  return view;
}

template <typename Reducer>
int reduce(const FlaxenCudaDevice& device, const void* x, void* out, void* scratch, const AxisView& view) {
  if (view.parts == 1) return reduce_pass<Reducer>(device, x, out, view);
  if (const int error = reduce_pass<Reducer>(device, x, scratch, view)) return error;
  return reduce_pass<Reducer>(device, scratch, out, {view.outer, view.parts, view.inner, 1, view.parts});
}

template <template <typename> typename Reducer>
int reduce_ordered(const FlaxenCudaDevice& device, FlaxenCudaType type, const void* x, void* out, void* scratch, const AxisView& view) {
  switch (type) {
    case FLAXEN_CUDA_F32:
      return reduce<Reducer<float>>(device, x, out, scratch, view);
    case FLAXEN_CUDA_I32:
      return reduce<Reducer<int>>(device, x, out, scratch, view);
    case FLAXEN_CUDA_U32:
      return reduce<Reducer<uint32_t>>(device, x, out, scratch, view);
    case FLAXEN_CUDA_BOOL:
      return reduce<Reducer<uint8_t>>(device, x, out, scratch, view);
  }
  return FLAXEN_CUDA_BAD_ARGUMENT;
}

template <template <typename> typename Reducer>
int reduce_arithmetic(const FlaxenCudaDevice& device, FlaxenCudaType type, const void* x, void* out, void* scratch, const AxisView& view) {
  switch (type) {
    case FLAXEN_CUDA_F32:
      return reduce<Reducer<float>>(device, x, out, scratch, view);
    case FLAXEN_CUDA_I32:  // wraps as uint32 does
    case FLAXEN_CUDA_U32:
      return reduce<Reducer<uint32_t>>(device, x, out, scratch, view);
    default:
      return FLAXEN_CUDA_BAD_ARGUMENT;
  }
}

}  // namespace

}  // namespace flaxen::cuda

extern "C" size_t flaxen_cuda_reduce_scratch(int64_t outer, int64_t n, int64_t inner) {
  using namespace flaxen::cuda;
  const AxisView view = view_of(outer, n, inner);
  return view.parts > 1 ? static_cast<size_t>(outer * view.parts * inner) * 4 : 0;
}

extern "C" int flaxen_cuda_reduce(const FlaxenCudaDevice* device, FlaxenCudaReduction reduction, FlaxenCudaType type, int64_t outer,
                                  int64_t n, int64_t inner, const void* x, void* out, void* scratch) {
  using namespace flaxen::cuda;
  if (const int error = check_axis(outer, n, inner)) return error;
  const AxisView view = view_of(outer, n, inner);
  switch (reduction) {
    case FLAXEN_CUDA_SUM:
      return reduce_arithmetic<Sum>(*device, type, x, out, scratch, view);
    case FLAXEN_CUDA_PROD:
      return reduce_arithmetic<Product>(*device, type, x, out, scratch, view);
    case FLAXEN_CUDA_MAX:
      return reduce_ordered<Max>(*device, type, x, out, scratch, view);
    case FLAXEN_CUDA_MIN:
      return reduce_ordered<Min>(*device, type, x, out, scratch, view);
  }
  return FLAXEN_CUDA_BAD_ARGUMENT;
}
