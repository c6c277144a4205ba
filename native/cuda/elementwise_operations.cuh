// What the operations of an elementwise program give, 4 elements at a time; operands and results are 32 bits, a bool 0 or 1. The same
// numbers as the C++ kernels': functions come from math.cuh, integers wrap around. elementwise.cu runs programs of them.
#pragma once

#include "compiler/opcodes.h"
#include "cuda/api.h"
#include "cuda/math.cuh"

namespace flaxen::cuda {

FLAXEN_DEVICE float f(uint32_t bits) { return __uint_as_float(bits); }
FLAXEN_DEVICE uint32_t u(float x) { return __float_as_uint(x); }
FLAXEN_DEVICE int s(uint32_t bits) { return static_cast<int>(bits); }

// The functions with long code, of one element.
FLAXEN_DEVICE uint32_t long_function(Opcode op, uint32_t a, uint32_t b) {
  switch (op) {
    case Opcode::exp:
      return u(exp_of(f(a)));
    case Opcode::expm1:
      return u(expm1_of(f(a)));
    case Opcode::log:
      return u(log_of(f(a)));
    case Opcode::log1p:
      return u(log1p_of(f(a)));
    case Opcode::sin:
      return u(sin_of(f(a)));
    case Opcode::cos:
      return u(cos_of(f(a)));
    case Opcode::tanh:
      return u(tanh_of(f(a)));
    case Opcode::logistic:
      return u(logistic_of(f(a)));
    case Opcode::erf:
      return u(erf_of(f(a)));
    case Opcode::erf_inv:
      return u(erf_inv_of(f(a)));
    case Opcode::pow:
      return u(pow_of(f(a), f(b)));
    default:
      return u(fmodf(f(a), f(b)));  // rem
  }
}

FLAXEN_DEVICE uint32_t convert(uint32_t x, int from, int to) {
  if (from == to) return x;
  if (to == FLAXEN_CUDA_BOOL) return from == FLAXEN_CUDA_F32 ? f(x) != 0.0f : x != 0;
  if (from == FLAXEN_CUDA_F32) return to == FLAXEN_CUDA_I32 ? static_cast<uint32_t>(to_int32(f(x))) : to_uint32(f(x));
  if (to != FLAXEN_CUDA_F32) return x;
  return u(from == FLAXEN_CUDA_I32 ? static_cast<float>(s(x)) : static_cast<float>(x));
}

template <typename F>
FLAXEN_DEVICE uint4 map(uint4 a, F g) {
  return make_uint4(g(a.x), g(a.y), g(a.z), g(a.w));
}
template <typename F>
FLAXEN_DEVICE uint4 map(uint4 a, uint4 b, F g) {
  return make_uint4(g(a.x, b.x), g(a.y, b.y), g(a.z, b.z), g(a.w, b.w));
}
template <typename F>
FLAXEN_DEVICE uint4 map(uint4 a, uint4 b, uint4 c, F g) {
  return make_uint4(g(a.x, b.x, c.x), g(a.y, b.y, c.y), g(a.z, b.z, c.z), g(a.w, b.w, c.w));
}
// By type: float32, int32, or uint32 (and bool, whose values order as integers do).
template <typename F>
FLAXEN_DEVICE uint4 map_typed(int type, uint4 a, uint4 b, F g) {
  if (type == FLAXEN_CUDA_F32) return map(a, b, [&](uint32_t x, uint32_t y) { return g(f(x), f(y)); });
  if (type == FLAXEN_CUDA_I32) return map(a, b, [&](uint32_t x, uint32_t y) { return g(s(x), s(y)); });
  return map(a, b, [&](uint32_t x, uint32_t y) { return g(x, y); });
}

FLAXEN_DEVICE bool is_long(Opcode op, int type) {
  switch (op) {
    case Opcode::exp:
    case Opcode::expm1:
    case Opcode::log:
    case Opcode::log1p:
    case Opcode::sin:
    case Opcode::cos:
    case Opcode::tanh:
    case Opcode::logistic:
    case Opcode::erf:
    case Opcode::erf_inv:
    case Opcode::pow:
      return true;
    case Opcode::rem:
      return type == FLAXEN_CUDA_F32;
    default:
      return false;
  }
}

FLAXEN_DEVICE uint4 one_operand(Opcode op, int from, int type, uint4 a) {
  const bool is_float = from == FLAXEN_CUDA_F32, is_int = from == FLAXEN_CUDA_I32;
  switch (op) {
    case Opcode::neg:
      return map(a, [&](uint32_t x) { return is_float ? x ^ 0x80000000u : 0u - x; });
    case Opcode::abs:
      return map(a, [&](uint32_t x) { return is_float ? x & 0x7fffffffu : is_int && s(x) < 0 ? 0u - x : x; });
    case Opcode::sign:
      return map(a, [&](uint32_t x) {
        if (is_float) return magnitude(f(x)) > 0.0f ? (x & 0x80000000u) | 0x3f800000u : x;  // keeps zeros and NaN
        return is_int && s(x) < 0 ? 0xffffffffu : x != 0;
      });
    case Opcode::floor:
      return map(a, [](uint32_t x) { return u(floorf(f(x))); });
    case Opcode::ceil:
      return map(a, [](uint32_t x) { return u(ceilf(f(x))); });
    case Opcode::round:
      return map(a, [](uint32_t x) { return u(rintf(f(x))); });
    case Opcode::sqrt:
      return map(a, [](uint32_t x) { return u(sqrtf(f(x))); });
    case Opcode::rsqrt:
      return map(a, [](uint32_t x) { return u(1.0f / sqrtf(f(x))); });
    case Opcode::is_finite:
      return map(a, [](uint32_t x) -> uint32_t { return (x & 0x7f800000u) != 0x7f800000u; });
    case Opcode::negation:
      return map(a, [&](uint32_t x) { return from == FLAXEN_CUDA_BOOL ? x ^ 1u : ~x; });
    case Opcode::convert:
      return map(a, [&](uint32_t x) { return convert(x, from, type); });
    default:  // copy, bitcast
      return a;
  }
}

FLAXEN_DEVICE uint4 two_operands(Opcode op, int from, uint4 a, uint4 b) {
  const bool is_float = from == FLAXEN_CUDA_F32, is_int = from == FLAXEN_CUDA_I32;
  switch (op) {
    case Opcode::add:
      return map(a, b, [&](uint32_t x, uint32_t y) { return is_float ? u(f(x) + f(y)) : x + y; });
    case Opcode::sub:
      return map(a, b, [&](uint32_t x, uint32_t y) { return is_float ? u(f(x) - f(y)) : x - y; });
    case Opcode::mul:
      return map(a, b, [&](uint32_t x, uint32_t y) { return is_float ? u(f(x) * f(y)) : x * y; });
    case Opcode::div:
      return map(a, b, [&](uint32_t x, uint32_t y) {
        return is_float ? u(f(x) / f(y)) : is_int ? static_cast<uint32_t>(quotient(s(x), s(y))) : quotient(x, y);
      });
    case Opcode::rem:  // of integers
      return map(a, b,
                 [&](uint32_t x, uint32_t y) { return is_int ? static_cast<uint32_t>(remainder_of(s(x), s(y))) : remainder_of(x, y); });
    case Opcode::max:
      return map(a, b, [&](uint32_t x, uint32_t y) { return is_float ? u(max_of(f(x), f(y))) : (is_int ? s(x) > s(y) : x > y) ? x : y; });
    case Opcode::min:
      return map(a, b, [&](uint32_t x, uint32_t y) { return is_float ? u(min_of(f(x), f(y))) : (is_int ? s(x) < s(y) : x < y) ? x : y; });
    case Opcode::eq:
      return map_typed(from, a, b, [](auto x, auto y) -> uint32_t { return x == y; });
    case Opcode::ne:
      return map_typed(from, a, b, [](auto x, auto y) -> uint32_t { return x != y; });
    case Opcode::lt:
      return map_typed(from, a, b, [](auto x, auto y) -> uint32_t { return x < y; });
    case Opcode::le:
      return map_typed(from, a, b, [](auto x, auto y) -> uint32_t { return x <= y; });
    case Opcode::gt:
      return map_typed(from, a, b, [](auto x, auto y) -> uint32_t { return x > y; });
    case Opcode::ge:
      return map_typed(from, a, b, [](auto x, auto y) -> uint32_t { return x >= y; });
    case Opcode::conjunction:
      return map(a, b, [](uint32_t x, uint32_t y) { return x & y; });
    case Opcode::disjunction:
      return map(a, b, [](uint32_t x, uint32_t y) { return x | y; });
    case Opcode::exclusive_or:
      return map(a, b, [](uint32_t x, uint32_t y) { return x ^ y; });
    case Opcode::shift_left:
      return map(a, b, [](uint32_t x, uint32_t y) { return y < 32 ? x << y : 0u; });
    default:  // shift_right_logical
      return map(a, b, [](uint32_t x, uint32_t y) { return y < 32 ? x >> y : 0u; });
  }
}

}  // namespace flaxen::cuda
