// PTX text, as nvcc writes it, made ready to run.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flaxen::simt {

class Lane;
struct Instruction;
using Handler = void (*)(Lane&, const Instruction&);

struct Region;

struct Instruction {
  Handler run = nullptr;
  int32_t guard = -1;  // the predicate register, if any
  bool guard_negated = false;
  std::vector<int32_t> operands;  // registers; vectors flattened; an address is its base register
  int64_t offset = 0;             // added to the address
  int32_t target = -1;            // of a branch
  std::vector<int32_t> table;     // of a branch by index
  int ptx_line = 0, file = 0, line = 0;
  std::string text;
  // The region that the last access went to, and the state of the address space then.
  mutable Region* region = nullptr;
  mutable uint64_t generation = 0;
};

struct SharedVariable {
  std::string name;
  uint64_t offset;
  size_t size;
};

struct Parameter {
  size_t offset, size;
};

// Registers, constants and special registers share one numbering; `image` is what a thread starts with.
struct Function {
  std::string name;
  std::vector<Instruction> code;
  std::vector<uint64_t> image;
  std::map<std::string, int32_t> specials;  // "%tid.x" -> register
  std::vector<Parameter> parameters;
  size_t parameter_bytes = 0;
  std::vector<SharedVariable> shared;
  bool dynamic_shared = false;
  uint64_t dynamic_offset = 0;
  size_t local_bytes = 0;
  uint64_t max_threads = 1024;
};

class PtxModule {
 public:
  void load(const std::string& path);  // several files make one module
  const Function* find(const std::string& name) const;
  std::string file_name(int file) const;
  int target() const { return target_; }  // 80 for sm_80

 private:
  friend class PtxParser;
  std::map<std::string, std::unique_ptr<Function>> functions_;
  std::vector<std::string> files_;
  int target_ = 0;
};

// The windows of the generic address space below global memory. Shared memory does not begin at 0, so that a null pointer is nobody's.
constexpr uint64_t kSharedBegin = 1024, kSharedEnd = 0x100000000;
constexpr uint64_t kLocalWindow = 0x200000000000;
constexpr uint64_t kParameterWindow = 0x300000000000;

// The handler of an opcode without the modifiers that make no difference here; null where the simulator lacks it.
Handler handler_of(const std::string& opcode);

}  // namespace flaxen::simt
