// Runs a PTX function's threads.
#pragma once

#include <cstring>
#include <string>
#include <vector>

#include "simt/block.h"
#include "simt/ptx_module.h"

namespace flaxen::simt {

class PtxKernel;

// A thread under the interpreter: what an instruction's handler sees.
class Lane {
 public:
  template <typename T>
  T get(const Instruction& i, size_t operand) const {
    T value;
    std::memcpy(&value, &registers[i.operands[operand]], sizeof value);
    return value;
  }
  // Narrow values fill the register with zeros.
  template <typename T>
  void set(const Instruction& i, size_t operand, T value) {
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof value);
    registers[i.operands[operand]] = bits;
  }
  uint64_t* slot(const Instruction& i, size_t operand) { return &registers[i.operands[operand]]; }

  // Memory of a generic address, checked; null where the access is not possible.
  uint8_t* memory(const Instruction& i, uint64_t address, size_t n, Access access);

  PtxKernel* kernel = nullptr;
  Block* block = nullptr;
  Thread* thread = nullptr;
  uint64_t* registers = nullptr;
  uint8_t* local = nullptr;
  uint32_t pc = 0;
};

class PtxKernel : public Kernel {
 public:
  using Special = uint32_t (*)(const Block&, const Thread&);  // the value of a special register

  PtxKernel(const PtxModule& module, const Function& function, void** arguments);

  std::string name() const override;
  std::string where(uint32_t site) const override;
  void begin(Block& block) override;
  void resume(Block& block, Thread& thread) override;

  const Function& function() const { return function_; }
  std::vector<uint8_t>& parameters() { return parameters_; }
  static uint64_t executed;  // instructions, over all kernels

 private:
  const PtxModule& module_;
  const Function& function_;
  std::vector<uint8_t> parameters_;
  std::vector<std::pair<int32_t, Special>> specials_;
  int32_t dynamic_shared_ = -1;  // the register of its address
  std::vector<uint64_t> registers_;
  std::vector<uint8_t> local_;
  std::vector<Lane> lanes_;
};

}  // namespace flaxen::simt
