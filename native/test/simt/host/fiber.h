// Threads of execution that take turns on one thread of the system (x86-64).
#pragma once

#include <cstddef>
#include <cstdint>

namespace flaxen::simt {

class Fiber {
 public:
  static constexpr size_t kStack = 128 * 1024;

  Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;
  ~Fiber();

  void start(void (*main)());  // at the next resume; main must end with leave_for_good
  void resume();               // from the scheduler, until the fiber leaves
  void leave();                // from the fiber, back to the scheduler
  [[noreturn]] void leave_for_good();
  bool holds(const void* address) const {
    const auto* p = static_cast<const uint8_t*>(address);
    return p >= stack_ && p < stack_ + kStack;
  }

 private:
  uint8_t* mapping_;
  uint8_t* stack_;
  void* kept_ = nullptr;            // its stack pointer while it waits
  void* kept_scheduler_ = nullptr;  // the scheduler's while it runs
  void* shadow_ = nullptr;          // AddressSanitizer's
};

}  // namespace flaxen::simt
