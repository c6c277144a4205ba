// A compiled graph on a device: kernels in order, the memory of each, and the captured graphs that replay them as one launch.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "compiler/memory_plan.h"
#include "cuda/host/device.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

class Program {
 public:
  // Optimizes, lowers and plans a valid graph whose every node has a kernel. Throws GraphError.
  Program(std::shared_ptr<Device> device, Graph graph);
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program();

  const std::vector<Aval>& inputs() const { return inputs_; }
  const std::vector<Aval>& outputs() const { return outputs_; }
  const std::vector<int32_t>& aliases() const { return aliases_; }
  size_t arena_bytes() const { return plan_.arena_bytes; }
  std::string text() const;

  // Queues a run on the device's stream; `arrays` are the inputs, then the outputs. Throws DeviceError and OutOfMemory.
  void run(void* const* arrays);

 private:
  struct Step {
    Prepared kernel;
    size_t node;     // in graph_
    size_t operand;  // in table_: inputs, then outputs
  };
  // A captured run, good for the very memory that it was captured with.
  struct Replay {
    uint64_t generation = 0;       // of the device's memory
    std::vector<void*> addresses;  // of the arena, then of all arrays
    void* graph = nullptr;         // null while it was seen once only
    uint64_t used = 0;
  };
  // Few: steps that take turns between sets of arrays. With ever new addresses none is captured.
  static constexpr size_t kReplays = 4;

  void lower(std::vector<Prepared> kernels);
  void place(void* const* arrays, std::byte* arena);
  void launch_step(size_t s) const;
  void check_step(size_t s, int error) const;
  void launch_steps() const;
  void run_steps() const;  // each to its end
  void capture(Replay& replay);

  std::shared_ptr<Device> shared_;
  Device& device_ = *shared_;
  std::vector<Aval> inputs_, outputs_;
  Graph graph_;
  std::vector<int32_t> aliases_;
  MemoryPlan plan_;
  std::vector<Step> steps_;
  InFlight::Text steps_text_;     // for errors that come when the program itself may be gone
  std::vector<Location> places_;  // of the operands of all steps
  std::vector<void*> table_;      // the operands themselves
  std::vector<void*> scratch_;    // by step
  std::vector<void*> addresses_;
  std::array<Replay, kReplays> replays_;
  uint64_t runs_ = 0;
};

}  // namespace flaxen::cuda
