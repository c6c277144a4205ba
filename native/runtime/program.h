// A compiled graph: kernels in order, and the memory of each.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "compiler/memory_plan.h"
#include "cpu/kernel.h"
#include "runtime/arena.h"
#include "runtime/profile.h"

namespace flaxen {

class Program {
 public:
  // Optimizes, lowers and plans a valid graph. Throws GraphError; GraphRangeError when the memory cannot be had on this machine.
  explicit Program(Graph graph);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  const std::vector<Aval>& inputs() const { return inputs_; }
  const std::vector<Aval>& outputs() const { return outputs_; }
  const std::vector<int32_t>& aliases() const { return aliases_; }
  double cost_ns() const { return cost_ns_; }
  size_t arena_bytes() const { return plan_.arena_bytes; }
  std::string text() const;

  // Runs on arrays of the very sizes; `arrays` are the inputs, then the outputs. One run at a time. Allocates nothing but the arena.
  void run(void* const* arrays, Arena& arena);

 private:
  struct Step {
    cpu::Prepared kernel;
    size_t node;     // in graph_
    size_t operand;  // in table_: inputs, then outputs
    void* scratch;
  };
  struct Patch {
    size_t entry;  // in table_
    size_t at;     // offset in the arena, or index in `arrays`
  };

  void lower(std::vector<cpu::Prepared> kernels);
  void move_to(std::byte* arena);
  void run_profiled();

  std::vector<Aval> inputs_, outputs_;
  Graph graph_;
  std::vector<int32_t> aliases_;
  MemoryPlan plan_;
  std::vector<Step> steps_;
  // The operands of all steps. Entries in the arena change when it moves, those of arrays with every run.
  std::vector<void*> table_;
  std::vector<Patch> in_arena_, in_arrays_;
  std::byte* arena_ = nullptr;
  double cost_ns_ = 0;
  std::unique_ptr<Profile> profile_;  // where FLAXEN_PROFILE asks for it
};

}  // namespace flaxen
