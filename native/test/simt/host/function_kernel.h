// Runs a kernel that the host's compiler made: each thread is a fiber.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simt/block.h"
#include "simt/host/fiber.h"

namespace flaxen::simt {

class FunctionKernel : public Kernel {
 public:
  FunctionKernel(const void* function, const void* closure, size_t closure_size, void (*thread)(const void*))
      : function_(function), closure_(static_cast<const uint8_t*>(closure)), closure_size_(closure_size), run_(thread) {}

  std::string name() const override;
  std::string where(uint32_t site) const override;
  void begin(Block& block) override;
  void resume(Block& block, Thread& thread) override;

  void run_thread() const { run_(closure_); }
  void* shared_variable(const void* key, const char* name, size_t size);
  bool holds_parameter(const void* address) const {
    const auto* p = static_cast<const uint8_t*>(address);
    return p >= closure_ && p < closure_ + closure_size_;
  }

 private:
  struct Variable {
    const void* key;
    void* address;
  };

  const void* function_;
  const uint8_t* closure_;
  size_t closure_size_;
  void (*run_)(const void*);
  std::vector<Variable> variables_;
};

// The thread that runs; null outside kernels.
struct Running {
  FunctionKernel* kernel = nullptr;
  Block* block = nullptr;
  Thread* thread = nullptr;
  Fiber* fiber = nullptr;
};
extern Running running_thread;

// Whether what runs now is the kernel's code, not the simulator's.
extern bool in_kernel;

// While the kernel's thread asks something of the simulator.
class Simulating {
 public:
  explicit Simulating(const void* caller);
  ~Simulating() { in_kernel = was_; }
  void give_way();        // and comes back when it is this thread's turn
  void wait_if_needed();  // for what the thread began to wait for

 private:
  bool was_;
};

// An address in the program as a site.
uint32_t site_of(const void* address);

}  // namespace flaxen::simt
