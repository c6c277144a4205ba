#include "cpu/reduce_kernels.h"

#include <stdint.h>
#include <string.h>

#include <limits>

#include "cpu/simd.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

template <typename T>
struct VectorOf;
template <>
struct VectorOf<float> {
  using type = VecF;
};
template <>
struct VectorOf<int32_t> {
  using type = VecI;
};
template <>
struct VectorOf<uint32_t> {
  using type = VecU;
};

// `apply(accumulated, next)` on elements and on vectors of them.
template <typename T>
struct Sum {
  static constexpr T identity = 0;
  template <typename V>
  static FLAXEN_INLINE V apply(V a, V x) {
    return a + x;
  }
};
template <typename T>
struct Prod {
  static constexpr T identity = 1;
  template <typename V>
  static FLAXEN_INLINE V apply(V a, V x) {
    return a * x;
  }
};
template <typename T>
struct Max;
template <typename T>
struct Min;
// NaN, once met, stays.
template <>
struct Max<float> {
  static constexpr float identity = -std::numeric_limits<float>::infinity();
  static FLAXEN_INLINE float apply(float a, float x) { return ((x > a) | (x != x)) ? x : a; }
  static FLAXEN_INLINE VecF apply(VecF a, VecF x) { return select((x > a) | (x != x), x, a); }
};
template <>
struct Min<float> {
  static constexpr float identity = std::numeric_limits<float>::infinity();
  static FLAXEN_INLINE float apply(float a, float x) { return ((x < a) | (x != x)) ? x : a; }
  static FLAXEN_INLINE VecF apply(VecF a, VecF x) { return select((x < a) | (x != x), x, a); }
};
#define FLAXEN_INTEGER_EXTREMES(T, V, least, greatest)                     \
  template <>                                                              \
  struct Max<T> {                                                          \
    static constexpr T identity = least;                                   \
    static FLAXEN_INLINE T apply(T a, T x) { return x > a ? x : a; }       \
    static FLAXEN_INLINE V apply(V a, V x) { return select(x > a, x, a); } \
  };                                                                       \
  template <>                                                              \
  struct Min<T> {                                                          \
    static constexpr T identity = greatest;                                \
    static FLAXEN_INLINE T apply(T a, T x) { return x < a ? x : a; }       \
    static FLAXEN_INLINE V apply(V a, V x) { return select(x < a, x, a); } \
  };
FLAXEN_INTEGER_EXTREMES(int32_t, VecI, INT32_MIN, INT32_MAX)
FLAXEN_INTEGER_EXTREMES(uint32_t, VecU, 0, UINT32_MAX)

constexpr int64_t kRun = 1024;  // elements that one set of lanes takes in before pairwise combination
constexpr int64_t kRows = 32;   // rows, likewise
constexpr int64_t kShort = 24;  // elements that are combined one after another

// Element i goes to lane i % lanes; then the lanes are halved until one is left.
template <typename T, typename Op, int lanes>
T reduce_lanes(const T* x, int64_t n) {
  using V = typename VectorOf<T>::type;
  constexpr int vectors = lanes / kLanes;
  V acc[vectors];
  FLAXEN_UNROLL for (int v = 0; v < vectors; ++v) acc[v] = splat(Op::identity);
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    FLAXEN_UNROLL for (int v = 0; v < vectors; ++v) acc[v] = Op::apply(acc[v], load(x + i + v * kLanes));
  }
  T lane[lanes];
  FLAXEN_UNROLL for (int v = 0; v < vectors; ++v) store(lane + v * kLanes, acc[v]);
  for (int l = 0; i < n; ++i, ++l) lane[l] = Op::apply(lane[l], x[i]);
  for (int half = lanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lane[l] = Op::apply(lane[l], lane[l + half]);
  }
  return lane[0];
}

template <typename T, typename Op>
T reduce_run(const T* x, int64_t n) {
  if (n > kRun) {
    const int64_t half = (n / kRun + 1) / 2 * kRun;
    if (half < n) return Op::apply(reduce_run<T, Op>(x, half), reduce_run<T, Op>(x + half, n - half));
  }
  if (n >= 256) return reduce_lanes<T, Op, 64>(x, n);
  if (n >= kShort) return reduce_lanes<T, Op, 16>(x, n);
  T acc = Op::identity;
  for (int64_t i = 0; i < n; ++i) acc = Op::apply(acc, x[i]);
  return acc;
}

// As many short rows at a time as there are lanes: each in the order of reduce_run, and free of branches that depend on data.
template <typename T, typename Op>
void reduce_short_rows(T* out, const T* x, int64_t stride, int64_t n) {
  typename VectorOf<T>::type acc = splat(Op::identity);
  for (int64_t i = 0; i < n; ++i) {
    T lane[kLanes];
    for (int l = 0; l < kLanes; ++l) lane[l] = x[l * stride + i];
    acc = Op::apply(acc, load(lane));
  }
  store(out, acc);
}

template <typename T, typename Op>
void rows(void* out, const void* x, int64_t outer, int64_t outer_stride, int64_t n) {
  T* o = static_cast<T*>(out);
  const T* p = static_cast<const T*>(x);
  int64_t i = 0;
  if (n < kShort) {
    for (; i + kLanes <= outer; i += kLanes) reduce_short_rows<T, Op>(o + i, p + i * outer_stride, outer_stride, n);
  }
  for (; i < outer; ++i) o[i] = reduce_run<T, Op>(p + i * outer_stride, n);
}

// The columns of `vectors` vectors, the last of which has `last` lanes.
template <typename T, typename Op, int vectors, bool whole>
void reduce_columns(T* out, const T* x, int64_t n, int64_t stride, int last) {
  using V = typename VectorOf<T>::type;
  V acc[vectors];
  if (n > kRows) {
    const int64_t half = (n / kRows + 1) / 2 * kRows;
    if (half < n) {
      T low[vectors * kLanes], high[vectors * kLanes];
      reduce_columns<T, Op, vectors, whole>(low, x, half, stride, last);
      reduce_columns<T, Op, vectors, whole>(high, x + half * stride, n - half, stride, last);
      const int64_t width = (vectors - 1) * kLanes + last;
      for (int64_t j = 0; j < width; ++j) out[j] = Op::apply(low[j], high[j]);
      return;
    }
  }
  FLAXEN_UNROLL for (int v = 0; v < vectors; ++v) acc[v] = splat(Op::identity);
  for (int64_t i = 0; i < n; ++i) {
    const T* row = x + i * stride;
    FLAXEN_UNROLL for (int v = 0; v < vectors; ++v) {
      acc[v] = Op::apply(acc[v], whole || v < vectors - 1 ? load(row + v * kLanes) : load(row + v * kLanes, last));
    }
  }
  FLAXEN_UNROLL for (int v = 0; v < vectors; ++v) {
    if (whole || v < vectors - 1) {
      store(out + v * kLanes, acc[v]);
    } else {
      store(out + v * kLanes, acc[v], last);
    }
  }
}

template <typename T, typename Op>
void wide_columns(T* out, const T* x, int64_t n, int64_t stride, int64_t cols) {
  constexpr int kWide = 4;
  int64_t j = 0;
  for (; j + kWide * kLanes <= cols; j += kWide * kLanes) reduce_columns<T, Op, kWide, true>(out + j, x + j, n, stride, kLanes);
  for (; j + kLanes <= cols; j += kLanes) reduce_columns<T, Op, 1, true>(out + j, x + j, n, stride, kLanes);
  if (j < cols) reduce_columns<T, Op, 1, false>(out + j, x + j, n, stride, static_cast<int>(cols - j));
}

// Few dense columns are taken as fewer, longer rows, which are then folded.
template <typename T, typename Op>
void columns(void* out, const void* x, int64_t n, int64_t stride, int64_t cols) {
  T* o = static_cast<T*>(out);
  const T* p = static_cast<const T*>(x);
  const int64_t group = 64 / (cols > 0 ? cols : 1);
  if (stride != cols || group < 2 || n < 2 * group) return wide_columns<T, Op>(o, p, n, stride, cols);
  T folded[64];
  const int64_t width = group * cols, tall = n / group;
  wide_columns<T, Op>(folded, p, tall, width, width);
  for (int64_t g = 1; g < group; ++g) {
    for (int64_t j = 0; j < cols; ++j) folded[j] = Op::apply(folded[j], folded[g * cols + j]);
  }
  for (int64_t i = tall * group; i < n; ++i) {
    for (int64_t j = 0; j < cols; ++j) folded[j] = Op::apply(folded[j], p[i * cols + j]);
  }
  memcpy(o, folded, static_cast<size_t>(cols) * sizeof(T));
}

// Bytes 0 or 1: `any` is max, `all` is min.
template <bool any>
void bool_rows(void* out, const void* x, int64_t outer, int64_t outer_stride, int64_t n) {
  uint8_t* o = static_cast<uint8_t*>(out);
  const uint8_t* p = static_cast<const uint8_t*>(x);
  for (int64_t i = 0; i < outer; ++i, p += outer_stride) {
    uint8_t acc = any ? 0 : 1;
    for (int64_t j = 0; j < n; ++j) acc = any ? acc | p[j] : acc & p[j];
    o[i] = acc;
  }
}
template <bool any>
void bool_columns(void* out, const void* x, int64_t n, int64_t stride, int64_t cols) {
  uint8_t* o = static_cast<uint8_t*>(out);
  const uint8_t* p = static_cast<const uint8_t*>(x);
  memset(o, any ? 0 : 1, static_cast<size_t>(cols));
  for (int64_t i = 0; i < n; ++i, p += stride) {
    for (int64_t j = 0; j < cols; ++j) o[j] = any ? o[j] | p[j] : o[j] & p[j];
  }
}

template <typename T, typename Op>
constexpr ReduceKernels kernels() {
  return {rows<T, Op>, columns<T, Op>};
}

ReduceKernels find(Reduction reduction, DType dtype) {
  if (dtype == DType::boolean) {
    if (reduction == Reduction::max) return {bool_rows<true>, bool_columns<true>};
    if (reduction == Reduction::min) return {bool_rows<false>, bool_columns<false>};
    return {nullptr, nullptr};
  }
  const bool real = dtype == DType::f32, is_signed = dtype == DType::i32;
  switch (reduction) {
    case Reduction::sum:
      return real ? kernels<float, Sum<float>>() : kernels<uint32_t, Sum<uint32_t>>();
    case Reduction::prod:
      return real ? kernels<float, Prod<float>>() : kernels<uint32_t, Prod<uint32_t>>();
    case Reduction::max:
      return real ? kernels<float, Max<float>>() : is_signed ? kernels<int32_t, Max<int32_t>>() : kernels<uint32_t, Max<uint32_t>>();
    case Reduction::min:
      return real ? kernels<float, Min<float>>() : is_signed ? kernels<int32_t, Min<int32_t>>() : kernels<uint32_t, Min<uint32_t>>();
  }
  return {nullptr, nullptr};
}

}  // namespace

const ReduceTable reduce_table = {find};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
