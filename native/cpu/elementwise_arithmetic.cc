// Loops of arithmetic: +, -, *, /, max, min, fma and the simple float32 functions.
#include "cpu/elementwise_kernels.h"
#include "cpu/simd.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

// The lanes that a type travels in; int32 as uint32 where wrapping is meant.
FLAXEN_INLINE VecF lanes_of(float x) { return splat(x); }
FLAXEN_INLINE VecI lanes_of(int32_t x) { return splat(x); }
FLAXEN_INLINE VecU lanes_of(uint32_t x) { return splat(x); }

template <typename T, bool scalar>
struct Operand {
  const T* p;
  FLAXEN_INLINE auto at(int64_t i) const {
    if constexpr (scalar) {
      return lanes_of(*p);
    } else {
      return load(p + i);
    }
  }
  FLAXEN_INLINE auto at(int64_t i, int n) const {
    if constexpr (scalar) {
      return lanes_of(*p);
    } else {
      return load(p + i, n);
    }
  }
};

template <typename T, typename Op>
void unary(void* out, const void* a, const void*, const void*, int64_t n) {
  T* o = static_cast<T*>(out);
  const Operand<T, false> x{static_cast<const T*>(a)};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(o + i, Op::apply(x.at(i)));
  if (i < n) store(o + i, Op::apply(x.at(i, static_cast<int>(n - i))), static_cast<int>(n - i));
}

template <typename T, typename Op, unsigned scalars>
void binary(void* out, const void* a, const void* b, const void*, int64_t n) {
  T* o = static_cast<T*>(out);
  const Operand<T, (scalars & 1) != 0> x{static_cast<const T*>(a)};
  const Operand<T, (scalars & 2) != 0> y{static_cast<const T*>(b)};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(o + i, Op::apply(x.at(i), y.at(i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    store(o + i, Op::apply(x.at(i, rest), y.at(i, rest)), rest);
  }
}

template <unsigned scalars>
void fused_multiply_add(void* out, const void* a, const void* b, const void* c, int64_t n) {
  float* o = static_cast<float*>(out);
  const Operand<float, (scalars & 1) != 0> x{static_cast<const float*>(a)};
  const Operand<float, (scalars & 2) != 0> y{static_cast<const float*>(b)};
  const Operand<float, (scalars & 4) != 0> z{static_cast<const float*>(c)};
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(o + i, fma(x.at(i), y.at(i), z.at(i)));
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    store(o + i, fma(x.at(i, rest), y.at(i, rest), z.at(i, rest)), rest);
  }
}

struct Add {
  template <typename V>
  static FLAXEN_INLINE V apply(V x, V y) {
    return x + y;
  }
};
struct Sub {
  template <typename V>
  static FLAXEN_INLINE V apply(V x, V y) {
    return x - y;
  }
};
struct Mul {
  template <typename V>
  static FLAXEN_INLINE V apply(V x, V y) {
    return x * y;
  }
};
struct Div {
  static FLAXEN_INLINE VecF apply(VecF x, VecF y) { return x / y; }
};

// NaN if either is; +0 is greater than -0.
struct Max {
  static FLAXEN_INLINE VecF apply(VecF x, VecF y) {
    const VecF equal = bits_as<VecF>(bits_as<VecU>(x) & bits_as<VecU>(y));
    return select(x > y, x, select(x < y, y, select(x == y, equal, x + y)));
  }
  template <typename V>
  static FLAXEN_INLINE V apply(V x, V y) {
    return select(x > y, x, y);
  }
};
struct Min {
  static FLAXEN_INLINE VecF apply(VecF x, VecF y) {
    const VecF equal = bits_as<VecF>(bits_as<VecU>(x) | bits_as<VecU>(y));
    return select(x < y, x, select(x > y, y, select(x == y, equal, x + y)));
  }
  template <typename V>
  static FLAXEN_INLINE V apply(V x, V y) {
    return select(x < y, x, y);
  }
};

struct Neg {
  static FLAXEN_INLINE VecF apply(VecF x) { return bits_as<VecF>(bits_as<VecU>(x) ^ splat(uint32_t{0x80000000})); }
  static FLAXEN_INLINE VecU apply(VecU x) { return splat(uint32_t{0}) - x; }
};
struct Abs {
  static FLAXEN_INLINE VecF apply(VecF x) { return abs(x); }
  static FLAXEN_INLINE VecI apply(VecI x) {
    const VecU negated = splat(uint32_t{0}) - bits_as<VecU>(x);
    return select(x < splat(int32_t{0}), bits_as<VecI>(negated), x);
  }
};
struct Sign {
  static FLAXEN_INLINE VecF apply(VecF x) {
    const VecF one = bits_as<VecF>((bits_as<VecU>(x) & splat(uint32_t{0x80000000})) | splat(uint32_t{0x3f800000}));
    return select(abs(x) > splat(0.0f), one, x);  // keeps zeros and NaN
  }
  static FLAXEN_INLINE VecI apply(VecI x) {
    const VecI zero = splat(int32_t{0});
    return select(x > zero, splat(int32_t{1}), select(x < zero, splat(int32_t{-1}), zero));
  }
  static FLAXEN_INLINE VecU apply(VecU x) { return select(x > splat(uint32_t{0}), splat(uint32_t{1}), splat(uint32_t{0})); }
};

#define FLAXEN_ROUNDING(name, function)                                      \
  void name(void* out, const void* a, const void*, const void*, int64_t n) { \
    float* o = static_cast<float*>(out);                                     \
    const float* x = static_cast<const float*>(a);                           \
    for (int64_t i = 0; i < n; ++i) o[i] = function(x[i]);                   \
  }
FLAXEN_ROUNDING(round_down, floorf)
FLAXEN_ROUNDING(round_up, ceilf)
FLAXEN_ROUNDING(round_even, rintf)

// Division by zero gives -1 or 2^32 - 1, the remainder by zero is the dividend; INT_MIN / -1 wraps.
FLAXEN_INLINE int32_t quotient(int32_t x, int32_t y) {
  return y == 0 ? -1 : y == -1 ? static_cast<int32_t>(0u - static_cast<uint32_t>(x)) : x / y;
}
FLAXEN_INLINE uint32_t quotient(uint32_t x, uint32_t y) { return y == 0 ? 0xffffffffu : x / y; }
FLAXEN_INLINE int32_t remainder_of(int32_t x, int32_t y) { return y == 0 ? x : y == -1 ? 0 : x % y; }
FLAXEN_INLINE uint32_t remainder_of(uint32_t x, uint32_t y) { return y == 0 ? x : x % y; }

template <typename T>
void divide(void* out, const void* a, const void* b, const void*, int64_t n) {
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; ++i) o[i] = quotient(x[i], y[i]);
}
template <typename T>
void remainder(void* out, const void* a, const void* b, const void*, int64_t n) {
  T* o = static_cast<T*>(out);
  const T* x = static_cast<const T*>(a);
  const T* y = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; ++i) o[i] = remainder_of(x[i], y[i]);
}

template <typename T, typename Op>
ElementwiseKernel pick(unsigned scalars) {
  static constexpr ElementwiseKernel kernels[] = {binary<T, Op, 0>, binary<T, Op, 1>, binary<T, Op, 2>};
  return scalars < 3 ? kernels[scalars] : nullptr;
}

ElementwiseKernel pick_fma(unsigned scalars) {
  static constexpr ElementwiseKernel kernels[] = {
      fused_multiply_add<0>, fused_multiply_add<1>, fused_multiply_add<2>, fused_multiply_add<3>,
      fused_multiply_add<4>, fused_multiply_add<5>, fused_multiply_add<6>, nullptr};
  return kernels[scalars];
}

ElementwiseKernel float_kernel(Opcode op, unsigned scalars) {
  switch (op) {
    case Opcode::add:
      return pick<float, Add>(scalars);
    case Opcode::sub:
      return pick<float, Sub>(scalars);
    case Opcode::mul:
      return pick<float, Mul>(scalars);
    case Opcode::div:
      return pick<float, Div>(scalars);
    case Opcode::max:
      return pick<float, Max>(scalars);
    case Opcode::min:
      return pick<float, Min>(scalars);
    case Opcode::fma:
      return pick_fma(scalars);
    default:
      break;
  }
  if (scalars) return nullptr;
  switch (op) {
    case Opcode::neg:
      return unary<float, Neg>;
    case Opcode::abs:
      return unary<float, Abs>;
    case Opcode::sign:
      return unary<float, Sign>;
    case Opcode::floor:
      return round_down;
    case Opcode::ceil:
      return round_up;
    case Opcode::round:
      return round_even;
    default:
      return nullptr;
  }
}

template <typename T>
ElementwiseKernel integer_kernel(Opcode op, unsigned scalars) {
  switch (op) {
    case Opcode::add:
      return pick<uint32_t, Add>(scalars);
    case Opcode::sub:
      return pick<uint32_t, Sub>(scalars);
    case Opcode::mul:
      return pick<uint32_t, Mul>(scalars);
    case Opcode::max:
      return pick<T, Max>(scalars);
    case Opcode::min:
      return pick<T, Min>(scalars);
    default:
      break;
  }
  if (scalars) return nullptr;
  switch (op) {
    case Opcode::neg:
      return unary<uint32_t, Neg>;
    case Opcode::sign:
      return unary<T, Sign>;
    case Opcode::div:
      return divide<T>;
    case Opcode::rem:
      return remainder<T>;
    default:
      return nullptr;
  }
}

ElementwiseKernel find(Opcode op, DType from, DType, unsigned scalars) {
  switch (from) {
    case DType::f32:
      return float_kernel(op, scalars);
    case DType::i32:
      return op == Opcode::abs && !scalars ? unary<int32_t, Abs> : integer_kernel<int32_t>(op, scalars);
    case DType::u32:
      return integer_kernel<uint32_t>(op, scalars);  // abs is a copy, in elementwise_logic.cc
    default:
      return nullptr;
  }
}

}  // namespace

const ElementwiseTable arithmetic_table = {find};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
