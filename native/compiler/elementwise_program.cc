#include "compiler/elementwise_program.h"

#include <cmath>
#include <cstring>
#include <unordered_map>

namespace flaxen {

const char* name_of(Opcode op) {
  static constexpr const char* kNames[] = {
#define FLAXEN_OPCODE(id, name, arity) name,
      FLAXEN_OPCODES(FLAXEN_OPCODE)
#undef FLAXEN_OPCODE
  };
  return kNames[static_cast<size_t>(op)];
}

int arity_of(Opcode op) {
  static constexpr int kArities[] = {
#define FLAXEN_OPCODE(id, name, arity) arity,
      FLAXEN_OPCODES(FLAXEN_OPCODE)
#undef FLAXEN_OPCODE
  };
  return kArities[static_cast<size_t>(op)];
}

std::optional<Opcode> opcode_named(const std::string& primitive) {
  static const std::unordered_map<std::string, Opcode> opcodes = {
#define FLAXEN_OPCODE(id, name, arity) {name, Opcode::id},
      FLAXEN_OPCODES(FLAXEN_OPCODE)
#undef FLAXEN_OPCODE
  };
  const auto found = opcodes.find(primitive);
  if (found == opcodes.end() || found->second == Opcode::copy) return std::nullopt;
  return found->second;
}

DType ElementwiseProgram::dtype_of(int32_t value) const {
  if (value < first_constant()) return loads[static_cast<size_t>(value)].dtype;
  if (value < first_result()) return constants[static_cast<size_t>(value - first_constant())].dtype;
  return code[static_cast<size_t>(value - first_result())].dtype;
}

namespace {

std::string constant_text(const ElementwiseProgram::Constant& constant) {
  switch (constant.dtype) {
    case DType::f32: {
      float x;
      std::memcpy(&x, &constant.bits, sizeof x);
      char text[32];
      std::snprintf(text, sizeof text, "%.9g", static_cast<double>(x));
      return text;
    }
    case DType::i32:
      return std::to_string(static_cast<int32_t>(constant.bits));
    case DType::u32:
      return std::to_string(constant.bits);
    case DType::boolean:
      return constant.bits ? "true" : "false";
  }
  return "?";
}

// Saturates, NaN gives 0.
template <typename T>
T saturated(double x, double least, double greatest) {
  if (!(x == x)) return 0;
  return static_cast<T>(x < least ? least : x > greatest ? greatest : x);
}

}  // namespace

// As "%2 = add(%0, %1); store %2".
std::string ElementwiseProgram::text() const {
  const auto operand = [&](int32_t v) {
    if (v >= first_constant() && v < first_result()) return constant_text(constants[static_cast<size_t>(v - first_constant())]);
    if (v < first_constant()) {
      const Load& load = loads[static_cast<size_t>(v)];
      const std::string base = load.input == kIota ? "iota" : "in" + std::to_string(load.input);
      return load.strides == dense_strides(shape) ? base : base + to_string(load.strides);
    }
    return "%" + std::to_string(v - first_result());
  };
  std::string text = to_string(shape) + " { ";
  for (size_t i = 0; i < code.size(); ++i) {
    text += "%" + std::to_string(i) + " = " + name_of(code[i].op) + "(";
    for (int a = 0; a < arity_of(code[i].op); ++a) text += (a ? ", " : "") + operand(code[i].args[static_cast<size_t>(a)]);
    text += "); ";
  }
  for (size_t i = 0; i < stores.size(); ++i) text += (i ? ", " : "store ") + operand(stores[i]);
  return text + " }";
}

std::shared_ptr<const ElementwiseProgram> program_in(const Graph& graph, const Node& node) {
  if (node.op == "fused.elementwise") return std::static_pointer_cast<const ElementwiseProgram>(node.fused);
  auto program = program_of(graph, node);
  return program ? std::make_shared<const ElementwiseProgram>(std::move(*program)) : nullptr;
}

void ElementwiseGroup::add(std::shared_ptr<const ElementwiseProgram> program, const Node& node, Node& of_group) {
  members.push_back({std::move(program), static_cast<int>(of_group.inputs.size()), static_cast<int>(of_group.outputs.size())});
  of_group.inputs.insert(of_group.inputs.end(), node.inputs.begin(), node.inputs.end());
  of_group.outputs.insert(of_group.outputs.end(), node.outputs.begin(), node.outputs.end());
}

std::string ElementwiseGroup::text() const {
  std::string text;
  for (const Member& member : members) text += member.program->text() + "\n";
  return text;
}

uint32_t constant_bits(double value, DType dtype) {
  switch (dtype) {
    case DType::f32: {
      const float x = static_cast<float>(value);
      uint32_t bits;
      std::memcpy(&bits, &x, sizeof bits);
      return bits;
    }
    case DType::i32:
      return static_cast<uint32_t>(saturated<int32_t>(value, -2147483648.0, 2147483647.0));
    case DType::u32:
      return saturated<uint32_t>(value, 0.0, 4294967295.0);
    case DType::boolean:
      return value != 0;
  }
  return 0;
}

std::vector<int64_t> dense_strides(const Shape& shape) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

std::optional<ElementwiseProgram> program_of(const Graph& graph, const Node& node) {
  const std::optional<Opcode> op = opcode_named(node.op);
  if (!op) return std::nullopt;
  const Aval& out = graph.aval(node.outputs[0]);
  ElementwiseProgram program;
  program.shape = out.shape;
  ElementwiseProgram::Instruction instruction{*op, out.dtype, {}};
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    program.loads.push_back({static_cast<int32_t>(i), graph.aval(node.inputs[i]).dtype, dense_strides(out.shape)});
    instruction.args[i] = static_cast<int32_t>(i);
  }
  program.stores = {program.first_result()};
  program.code.push_back(instruction);
  return program;
}

}  // namespace flaxen
