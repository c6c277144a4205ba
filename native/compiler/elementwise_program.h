// An elementwise program: what one pass over memory computes for every index of one shape. The payload of "fused.elementwise" nodes.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "compiler/graph.h"
#include "compiler/opcodes.h"

namespace flaxen {

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
// That, or the program of a "fused.elementwise"; null for another op.
std::shared_ptr<const ElementwiseProgram> program_in(const Graph& graph, const Node& node);

// Programs that read nothing of each other: the payload of "fused.elementwiseGroup" nodes, whose inputs and outputs are theirs, program
// after program.
struct ElementwiseGroup : Fused {
  struct Member {
    std::shared_ptr<const ElementwiseProgram> program;
    int first_input, first_output;  // among the node's
  };
  std::vector<Member> members;

  // Takes in the program of `node`, and that node's inputs and outputs among those of the group's node.
  void add(std::shared_ptr<const ElementwiseProgram> program, const Node& node, Node& of_group);
  std::string text() const override;
};

}  // namespace flaxen
