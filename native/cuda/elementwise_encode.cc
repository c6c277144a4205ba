#include "cuda/elementwise_encode.h"

#include <algorithm>
#include <string>

namespace flaxen::cuda {

namespace {

void at_most(size_t n, size_t limit, const char* what) {
  if (n > limit) {
    throw GraphError("fused.elementwise has " + std::to_string(n) + " " + what + ", more than the " + std::to_string(limit) +
                     " that the CUDA kernel takes");
  }
}

// Joins dimensions that every load walks through as if they were one, and drops those of size 1.
struct Collapsed {
  Shape shape;
  std::vector<std::vector<int64_t>> strides;  // of each load

  explicit Collapsed(const ElementwiseProgram& program) : strides(program.loads.size()) {
    for (size_t d = 0; d < program.shape.size(); ++d) {
      const int64_t size = program.shape[d];
      if (size == 1) continue;
      bool joins = !shape.empty();
      for (size_t l = 0; l < strides.size() && joins; ++l) {
        joins = strides[l].back() == program.loads[l].strides[d] * size;
      }
      for (size_t l = 0; l < strides.size(); ++l) {
        if (joins) strides[l].pop_back();
        strides[l].push_back(program.loads[l].strides[d]);
      }
      if (joins) {
        shape.back() *= size;
      } else {
        shape.push_back(size);
      }
    }
  }
};

// Gives each value a register from its making to its last use.
class Registers {
 public:
  explicit Registers(const ElementwiseProgram& program) : last_use_(static_cast<size_t>(program.values()), -1) {
    const auto end = static_cast<int>(program.code.size());
    for (int i = 0; i < end; ++i) {
      const auto& instruction = program.code[static_cast<size_t>(i)];
      for (int k = 0; k < arity_of(instruction.op); ++k) last_use_[static_cast<size_t>(instruction.args[static_cast<size_t>(k)])] = i;
    }
    for (int32_t v : program.stores) last_use_[static_cast<size_t>(v)] = end;
  }

  int take() {
    if (free_.empty()) free_.push_back(count_++);
    const int r = free_.back();
    free_.pop_back();
    return r;
  }
  void release_after(int instruction, int32_t value, int reg) {
    if (last_use_[static_cast<size_t>(value)] <= instruction) free_.push_back(reg);
  }
  int count() const { return count_; }

 private:
  std::vector<int> last_use_, free_;
  int count_ = 0;
};

}  // namespace

FlaxenElementwiseCode encode(const ElementwiseProgram& program, int inputs) {
  at_most(program.code.size(), FLAXEN_ELEMENTWISE_INSTRUCTIONS, "instructions");
  at_most(program.constants.size(), FLAXEN_ELEMENTWISE_CONSTANTS, "constants");
  at_most(program.loads.size() + program.stores.size(), FLAXEN_ELEMENTWISE_ARRAYS, "loads and stores");
  at_most(static_cast<size_t>(inputs) + program.stores.size(), FLAXEN_ELEMENTWISE_ARRAYS, "inputs and outputs");
  FlaxenElementwiseCode code{};
  code.inputs = inputs;
  code.loads = static_cast<int32_t>(program.loads.size());
  code.constants = static_cast<int32_t>(program.constants.size());
  code.instructions = static_cast<int32_t>(program.code.size());
  code.stores = static_cast<int32_t>(program.stores.size());

  const Collapsed space(program);
  code.rank = static_cast<int32_t>(space.shape.size());
  for (size_t d = 0; d < space.shape.size(); ++d) code.shape[d] = static_cast<uint32_t>(space.shape[d]);

  std::vector<int> place(static_cast<size_t>(program.values()), 0);  // of each value: an operand
  Registers registers(program);
  int scalars = 0;
  const std::vector<int64_t> dense = dense_strides(space.shape);
  for (size_t l = 0; l < program.loads.size(); ++l) {
    const auto& load = program.loads[l];
    const auto& strides = space.strides[l];
    FlaxenElementwiseLoad& to = code.load[l];
    to.type = static_cast<uint8_t>(load.dtype);
    to.input = static_cast<uint8_t>(std::max<int32_t>(load.input, 0));
    std::copy(strides.begin(), strides.end(), code.stride[l]);
    if (load.input == ElementwiseProgram::kIota) {
      to.kind = FLAXEN_LOAD_IOTA;
    } else if (std::all_of(strides.begin(), strides.end(), [](int64_t s) { return s == 0; })) {
      to.kind = FLAXEN_LOAD_SCALAR;
    } else {
      to.kind = strides == dense ? FLAXEN_LOAD_DENSE : FLAXEN_LOAD_STRIDED;
    }
    const int number = to.kind == FLAXEN_LOAD_SCALAR ? scalars++ : registers.take();
    to.place = static_cast<uint8_t>(number);
    place[l] = to.kind == FLAXEN_LOAD_SCALAR ? FLAXEN_ELEMENTWISE_FIRST_SCALAR + number : number;
  }
  for (size_t c = 0; c < program.constants.size(); ++c) {
    code.constant[c] = program.constants[c].bits;
    place[program.loads.size() + c] = FLAXEN_ELEMENTWISE_FIRST_CONSTANT + static_cast<int>(c);
  }
  for (size_t i = 0; i < program.code.size(); ++i) {
    const auto& instruction = program.code[i];
    FlaxenElementwiseInstruction& to = code.code[i];
    to.op = static_cast<uint8_t>(instruction.op);
    to.type = static_cast<uint8_t>(instruction.dtype);
    to.from = static_cast<uint8_t>(program.dtype_of(instruction.args[0]));
    uint8_t* operands[] = {&to.a, &to.b, &to.c};
    const int arity = arity_of(instruction.op);
    std::vector<int32_t> released;
    for (int k = 0; k < arity; ++k) {
      const int32_t value = instruction.args[static_cast<size_t>(k)];
      *operands[k] = static_cast<uint8_t>(place[static_cast<size_t>(value)]);
      if (*operands[k] >= FLAXEN_ELEMENTWISE_FIRST_CONSTANT || std::count(released.begin(), released.end(), value)) continue;
      released.push_back(value);
      registers.release_after(static_cast<int>(i), value, *operands[k]);
    }
    const int32_t result = program.first_result() + static_cast<int32_t>(i);
    const int reg = registers.take();
    to.result = static_cast<uint8_t>(reg);
    place[static_cast<size_t>(result)] = reg;
    registers.release_after(static_cast<int>(i), result, reg);
  }
  at_most(static_cast<size_t>(registers.count()), FLAXEN_ELEMENTWISE_REGISTERS, "values alive at once");
  code.registers = registers.count();
  for (size_t s = 0; s < program.stores.size(); ++s) {
    code.store[s] = {static_cast<uint8_t>(place[static_cast<size_t>(program.stores[s])]),
                     static_cast<uint8_t>(program.dtype_of(program.stores[s]))};
  }
  return code;
}

}  // namespace flaxen::cuda
