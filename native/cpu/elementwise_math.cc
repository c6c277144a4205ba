// Loops of the float32 functions.
#include "cpu/elementwise_kernels.h"
#include "cpu/math.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

#define FLAXEN_MATH_UNARY(name, expression)                                         \
  void loop_##name(void* out, const void* a, const void*, const void*, int64_t n) { \
    float* o = static_cast<float*>(out);                                            \
    const float* p = static_cast<const float*>(a);                                  \
    int64_t i = 0;                                                                  \
    for (; i + kLanes <= n; i += kLanes) {                                          \
      const VecF x = load(p + i);                                                   \
      store(o + i, expression);                                                     \
    }                                                                               \
    if (i < n) {                                                                    \
      const VecF x = load(p + i, static_cast<int>(n - i));                          \
      store(o + i, expression, static_cast<int>(n - i));                            \
    }                                                                               \
  }

FLAXEN_MATH_UNARY(exp, exp(x))
FLAXEN_MATH_UNARY(expm1, expm1(x))
FLAXEN_MATH_UNARY(log, log(x))
FLAXEN_MATH_UNARY(log1p, log1p(x))
FLAXEN_MATH_UNARY(sqrt, sqrt(x))
FLAXEN_MATH_UNARY(rsqrt, splat(1.0f) / sqrt(x))
FLAXEN_MATH_UNARY(sin, sin(x))
FLAXEN_MATH_UNARY(cos, cos(x))
FLAXEN_MATH_UNARY(tanh, tanh(x))
FLAXEN_MATH_UNARY(logistic, logistic(x))
FLAXEN_MATH_UNARY(erf, erf(x))
FLAXEN_MATH_UNARY(erf_inv, erf_inv(x))

#define FLAXEN_MATH_BINARY(name, function)                                            \
  void loop_##name(void* out, const void* a, const void* b, const void*, int64_t n) { \
    float* o = static_cast<float*>(out);                                              \
    const float* x = static_cast<const float*>(a);                                    \
    const float* y = static_cast<const float*>(b);                                    \
    for (int64_t i = 0; i < n; ++i) o[i] = function(x[i], y[i]);                      \
  }

FLAXEN_MATH_BINARY(pow, pow)
FLAXEN_MATH_BINARY(rem, fmodf)

ElementwiseKernel find(Opcode op, DType from, DType, unsigned scalars) {
  if (from != DType::f32 || scalars) return nullptr;
  switch (op) {
    case Opcode::exp:
      return loop_exp;
    case Opcode::expm1:
      return loop_expm1;
    case Opcode::log:
      return loop_log;
    case Opcode::log1p:
      return loop_log1p;
    case Opcode::sqrt:
      return loop_sqrt;
    case Opcode::rsqrt:
      return loop_rsqrt;
    case Opcode::sin:
      return loop_sin;
    case Opcode::cos:
      return loop_cos;
    case Opcode::tanh:
      return loop_tanh;
    case Opcode::logistic:
      return loop_logistic;
    case Opcode::erf:
      return loop_erf;
    case Opcode::erf_inv:
      return loop_erf_inv;
    case Opcode::pow:
      return loop_pow;
    case Opcode::rem:
      return loop_rem;
    default:
      return nullptr;
  }
}

}  // namespace

const ElementwiseTable math_table = {find};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
