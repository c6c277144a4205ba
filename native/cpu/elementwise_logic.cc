// Loops of comparisons, bit operations, select and conversions. Plain loops, which the compiler turns into vectors: they mix element sizes.
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "cpu/elementwise_kernels.h"

// The only overlap allowed is an element with itself, so the iterations are independent.
#if defined(__clang__)
#define FLAXEN_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#elif defined(__GNUC__)
#define FLAXEN_INDEPENDENT _Pragma("GCC ivdep")
#else
#define FLAXEN_INDEPENDENT
#endif

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

using Bool = uint8_t;

template <typename To, typename From, typename Op>
void unary(void* out, const void* a, const void*, const void*, int64_t n) {
  To* o = static_cast<To*>(out);
  const From* x = static_cast<const From*>(a);
  FLAXEN_INDEPENDENT for (int64_t i = 0; i < n; ++i) o[i] = Op::apply(x[i]);
}

template <typename To, typename From, typename Op, unsigned scalars>
void binary(void* out, const void* a, const void* b, const void*, int64_t n) {
  To* o = static_cast<To*>(out);
  const From* x = static_cast<const From*>(a);
  const From* y = static_cast<const From*>(b);
  if constexpr (scalars == 1) {
    const From x0 = *x;
    FLAXEN_INDEPENDENT for (int64_t i = 0; i < n; ++i) o[i] = Op::apply(x0, y[i]);
  } else if constexpr (scalars == 2) {
    const From y0 = *y;
    FLAXEN_INDEPENDENT for (int64_t i = 0; i < n; ++i) o[i] = Op::apply(x[i], y0);
  } else {
    FLAXEN_INDEPENDENT for (int64_t i = 0; i < n; ++i) o[i] = Op::apply(x[i], y[i]);
  }
}

template <typename T, unsigned scalars>
void choose(void* out, const void* a, const void* b, const void* c, int64_t n) {
  T* o = static_cast<T*>(out);
  const Bool* p = static_cast<const Bool*>(a);
  const T* x = static_cast<const T*>(b);
  const T* y = static_cast<const T*>(c);
  if constexpr (scalars == 2) {
    const T x0 = *x;
    FLAXEN_INDEPENDENT for (int64_t i = 0; i < n; ++i) o[i] = p[i] ? x0 : y[i];
  } else if constexpr (scalars == 4) {
    const T y0 = *y;
    FLAXEN_INDEPENDENT for (int64_t i = 0; i < n; ++i) o[i] = p[i] ? x[i] : y0;
  } else if constexpr (scalars == 6) {
    const T x0 = *x, y0 = *y;
    FLAXEN_INDEPENDENT for (int64_t i = 0; i < n; ++i) o[i] = p[i] ? x0 : y0;
  } else {
    FLAXEN_INDEPENDENT for (int64_t i = 0; i < n; ++i) {
      const T s = x[i], t = y[i];
      o[i] = p[i] ? s : t;
    }
  }
}

template <typename T, bool scalar>
void copy(void* out, const void* a, const void*, const void*, int64_t n) {
  if constexpr (scalar) {
    T* o = static_cast<T*>(out);
    const T x = *static_cast<const T*>(a);
    for (int64_t i = 0; i < n; ++i) o[i] = x;
  } else {
    memmove(out, a, static_cast<size_t>(n) * sizeof(T));
  }
}

#define FLAXEN_BINARY_OP(Name, expression) \
  struct Name {                            \
    template <typename T>                  \
    static auto apply(T x, T y) {          \
      return expression;                   \
    }                                      \
  };
FLAXEN_BINARY_OP(Eq, static_cast<Bool>(x == y))
FLAXEN_BINARY_OP(Ne, static_cast<Bool>(x != y))
FLAXEN_BINARY_OP(Lt, static_cast<Bool>(x < y))
FLAXEN_BINARY_OP(Le, static_cast<Bool>(x <= y))
FLAXEN_BINARY_OP(Gt, static_cast<Bool>(x > y))
FLAXEN_BINARY_OP(Ge, static_cast<Bool>(x >= y))
FLAXEN_BINARY_OP(And, static_cast<T>(x& y))
FLAXEN_BINARY_OP(Or, static_cast<T>(x | y))
FLAXEN_BINARY_OP(Xor, static_cast<T>(x ^ y))
FLAXEN_BINARY_OP(ShiftLeft, (y < 32 ? x << (y & 31) : T{0}))
FLAXEN_BINARY_OP(ShiftRight, (y < 32 ? x >> (y & 31) : T{0}))

struct Not {
  static Bool apply(Bool x) { return x ^ 1; }
  static uint32_t apply(uint32_t x) { return ~x; }
};
struct IsFinite {
  static Bool apply(uint32_t bits) { return (bits & 0x7f800000u) != 0x7f800000u; }
};

template <typename To>
struct Convert {
  template <typename From>
  static To apply(From x) {
    return static_cast<To>(x);
  }
};
template <>
struct Convert<Bool> {
  template <typename From>
  static Bool apply(From x) {
    return x != From{0};
  }
};
// Of a float: truncates and saturates, NaN gives 0. The cast itself sees numbers in range only.
struct ToInt {
  static int32_t apply(float x) {
    const bool low = !(x >= -2147483648.0f), high = x >= 2147483648.0f;
    const int32_t y = static_cast<int32_t>(low || high ? 0.0f : x);
    return x != x ? 0 : low ? INT32_MIN : high ? INT32_MAX : y;
  }
};
struct ToUint {
  static uint32_t apply(float x) {
    const bool low = !(x > 0.0f), high = x >= 4294967296.0f, upper = x >= 2147483648.0f;
    const float part = low || high ? 0.0f : upper ? x - 2147483648.0f : x;
    const uint32_t y = static_cast<uint32_t>(static_cast<int32_t>(part));
    return high ? UINT32_MAX : upper ? y ^ 0x80000000u : y;
  }
};

template <typename To, typename From, typename Op>
ElementwiseKernel pick(unsigned scalars) {
  static constexpr ElementwiseKernel kernels[] = {binary<To, From, Op, 0>, binary<To, From, Op, 1>, binary<To, From, Op, 2>};
  return scalars < 3 ? kernels[scalars] : nullptr;
}

template <typename T>
ElementwiseKernel comparison(Opcode op, unsigned scalars) {
  switch (op) {
    case Opcode::eq:
      return pick<Bool, T, Eq>(scalars);
    case Opcode::ne:
      return pick<Bool, T, Ne>(scalars);
    case Opcode::lt:
      return pick<Bool, T, Lt>(scalars);
    case Opcode::le:
      return pick<Bool, T, Le>(scalars);
    case Opcode::gt:
      return pick<Bool, T, Gt>(scalars);
    case Opcode::ge:
      return pick<Bool, T, Ge>(scalars);
    default:
      return nullptr;
  }
}

ElementwiseKernel comparison(Opcode op, DType from, unsigned scalars) {
  switch (from) {
    case DType::f32:
      return comparison<float>(op, scalars);
    case DType::i32:
      return comparison<int32_t>(op, scalars);
    case DType::u32:
      return comparison<uint32_t>(op, scalars);
    case DType::boolean:
      return comparison<Bool>(op, scalars);
  }
  return nullptr;
}

ElementwiseKernel bit_operation(Opcode op, DType from, unsigned scalars) {
  const bool boolean = from == DType::boolean;
  switch (op) {
    case Opcode::conjunction:
      return boolean ? pick<Bool, Bool, And>(scalars) : pick<uint32_t, uint32_t, And>(scalars);
    case Opcode::disjunction:
      return boolean ? pick<Bool, Bool, Or>(scalars) : pick<uint32_t, uint32_t, Or>(scalars);
    case Opcode::exclusive_or:
      return boolean ? pick<Bool, Bool, Xor>(scalars) : pick<uint32_t, uint32_t, Xor>(scalars);
    case Opcode::min:
      return boolean ? pick<Bool, Bool, And>(scalars) : nullptr;
    case Opcode::max:
      return boolean ? pick<Bool, Bool, Or>(scalars) : nullptr;
    case Opcode::shift_left:
      return pick<uint32_t, uint32_t, ShiftLeft>(scalars);
    case Opcode::shift_right_logical:
      return pick<uint32_t, uint32_t, ShiftRight>(scalars);
    default:
      return nullptr;
  }
}

ElementwiseKernel copying(DType type, unsigned scalars) {
  if (scalars > 1) return nullptr;
  if (type == DType::boolean) return scalars ? copy<Bool, true> : copy<Bool, false>;
  return scalars ? copy<uint32_t, true> : copy<uint32_t, false>;
}

ElementwiseKernel selection(DType type, unsigned scalars) {
  const bool boolean = type == DType::boolean;
  switch (scalars) {
    case 0:
      return boolean ? choose<Bool, 0> : choose<uint32_t, 0>;
    case 2:
      return boolean ? choose<Bool, 2> : choose<uint32_t, 2>;
    case 4:
      return boolean ? choose<Bool, 4> : choose<uint32_t, 4>;
    case 6:
      return boolean ? choose<Bool, 6> : choose<uint32_t, 6>;
    default:
      return nullptr;
  }
}

template <typename From>
ElementwiseKernel conversion_from(DType to) {
  switch (to) {
    case DType::f32:
      return unary<float, From, Convert<float>>;
    case DType::i32:
      return unary<int32_t, From, Convert<int32_t>>;
    case DType::u32:
      return unary<uint32_t, From, Convert<uint32_t>>;
    case DType::boolean:
      return unary<Bool, From, Convert<Bool>>;
  }
  return nullptr;
}

ElementwiseKernel conversion(DType from, DType to) {
  if (from == to) return copying(to, 0);
  switch (from) {
    case DType::f32:
      if (to == DType::i32) return unary<int32_t, float, ToInt>;
      if (to == DType::u32) return unary<uint32_t, float, ToUint>;
      return unary<Bool, float, Convert<Bool>>;
    case DType::i32:
      return conversion_from<int32_t>(to);
    case DType::u32:
      return conversion_from<uint32_t>(to);
    case DType::boolean:
      return conversion_from<Bool>(to);
  }
  return nullptr;
}

ElementwiseKernel find(Opcode op, DType from, DType to, unsigned scalars) {
  if (const ElementwiseKernel kernel = comparison(op, from, scalars)) return kernel;
  if (const ElementwiseKernel kernel = bit_operation(op, from, scalars)) return kernel;
  switch (op) {
    case Opcode::copy:
    case Opcode::bitcast:
      return copying(from, scalars);
    case Opcode::select:
      return selection(from, scalars);
    default:
      break;
  }
  if (scalars) return nullptr;
  switch (op) {
    case Opcode::convert:
      return conversion(from, to);
    case Opcode::is_finite:
      return unary<Bool, uint32_t, IsFinite>;
    case Opcode::negation:
      return from == DType::boolean ? unary<Bool, Bool, Not> : unary<uint32_t, uint32_t, Not>;
    case Opcode::abs:
      return from == DType::u32 ? copying(from, 0) : nullptr;
    default:
      return nullptr;
  }
}

}  // namespace

const ElementwiseTable logic_table = {find};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
