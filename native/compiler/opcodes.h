// The operations of elementwise programs: a list that CPU and CUDA kernels share.
#pragma once

#include <cstdint>

namespace flaxen {

// Opcode, the primitive's name, number of operands.
#define FLAXEN_OPCODES(X)                        \
  X(copy, "copy", 1)                             \
  X(neg, "neg", 1)                               \
  X(abs, "abs", 1)                               \
  X(sign, "sign", 1)                             \
  X(floor, "floor", 1)                           \
  X(ceil, "ceil", 1)                             \
  X(round, "round", 1)                           \
  X(exp, "exp", 1)                               \
  X(expm1, "expm1", 1)                           \
  X(log, "log", 1)                               \
  X(log1p, "log1p", 1)                           \
  X(sqrt, "sqrt", 1)                             \
  X(rsqrt, "rsqrt", 1)                           \
  X(sin, "sin", 1)                               \
  X(cos, "cos", 1)                               \
  X(tanh, "tanh", 1)                             \
  X(logistic, "logistic", 1)                     \
  X(erf, "erf", 1)                               \
  X(erf_inv, "erfInv", 1)                        \
  X(is_finite, "isFinite", 1)                    \
  X(negation, "not", 1)                          \
  X(convert, "convert", 1)                       \
  X(bitcast, "bitcast", 1)                       \
  X(add, "add", 2)                               \
  X(sub, "sub", 2)                               \
  X(mul, "mul", 2)                               \
  X(div, "div", 2)                               \
  X(rem, "rem", 2)                               \
  X(pow, "pow", 2)                               \
  X(max, "max", 2)                               \
  X(min, "min", 2)                               \
  X(eq, "eq", 2)                                 \
  X(ne, "ne", 2)                                 \
  X(lt, "lt", 2)                                 \
  X(le, "le", 2)                                 \
  X(gt, "gt", 2)                                 \
  X(ge, "ge", 2)                                 \
  X(conjunction, "and", 2)                       \
  X(disjunction, "or", 2)                        \
  X(exclusive_or, "xor", 2)                      \
  X(shift_left, "shiftLeft", 2)                  \
  X(shift_right_logical, "shiftRightLogical", 2) \
  X(select, "select", 3)                         \
  X(fma, "fma", 3)

enum class Opcode : uint8_t {
#define FLAXEN_OPCODE(id, name, arity) id,
  FLAXEN_OPCODES(FLAXEN_OPCODE)
#undef FLAXEN_OPCODE
};

}  // namespace flaxen
