// An elementwise program: what one pass over memory computes for every index of one shape. The payload of "fused.elementwise" nodes.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "compiler/graph.h"

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

const char* name_of(Opcode op);
int arity_of(Opcode op);
std::optional<Opcode> opcode_named(const std::string& primitive);

// Values are numbered: loads first, then constants, then the instructions' results, each in order. Output i of the node is the value
// stores[i], dense over `shape`.
struct ElementwiseProgram : Fused {
  static constexpr int32_t kIota = -1;

  // Element at index (i0, i1, ...): input[i0 * strides[0] + ...]; or, for kIota, that sum itself.
  struct Load {
    int32_t input;  // of the node
    DType dtype;
    std::vector<int64_t> strides;  // in elements, one a dimension; 0 where the input is broadcast
    bool operator==(const Load&) const = default;
  };
  struct Constant {
    DType dtype;
    uint32_t bits;
    bool operator==(const Constant&) const = default;
  };
  struct Instruction {
    Opcode op;
    DType dtype;  // of the result
    std::array<int32_t, 3> args;
  };

  Shape shape;
  std::vector<Load> loads;
  std::vector<Constant> constants;
  std::vector<Instruction> code;
  std::vector<int32_t> stores;

  int32_t first_constant() const { return static_cast<int32_t>(loads.size()); }
  int32_t first_result() const { return first_constant() + static_cast<int32_t>(constants.size()); }
  int32_t values() const { return first_result() + static_cast<int32_t>(code.size()); }
  DType dtype_of(int32_t value) const;
  std::string text() const override;
};

// The bits of `value` converted to the dtype, as the primitive `full` does.
uint32_t constant_bits(double value, DType dtype);

// Row-major strides of a dense array.
std::vector<int64_t> dense_strides(const Shape& shape);

// The program of one elementwise primitive; nothing for another op.
std::optional<ElementwiseProgram> program_of(const Graph& graph, const Node& node);

}  // namespace flaxen
