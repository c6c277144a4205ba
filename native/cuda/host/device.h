// One device as one JS environment uses it: a stream, memory, and what its return codes mean.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "cuda/host/allocator.h"
#include "cuda/host/in_flight.h"
#include "cuda/host/library.h"
#include "cuda/host/pinned.h"

namespace flaxen::cuda {

// A return code of the library, in words.
struct DeviceError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Device {
 public:
  // `limit` in bytes; 0 for nine tenths of what is free now. Throws DeviceError.
  Device(const Library& library, int ordinal, size_t limit);
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  ~Device();

  const Library& library() const { return library_; }
  const FlaxenCudaDevice& handle() const { return handle_; }
  void* stream() const { return handle_.stream; }
  Allocator& memory() { return *memory_; }
  PinnedMemory& pinned() { return *pinned_; }

  // Makes it the calling thread's device. Throws where an earlier error has made it useless.
  void enter() const;
  // Throws a DeviceError that says what failed, doing what; and, for the fault of a kernel, what was under way.
  void check(int error, const std::function<std::string()>& doing) const;
  void check(int error, const char* doing) const {
    if (error) check(error, [doing] { return std::string(doing); });
  }

  // Called when memory runs out: to let go of arrays that nobody holds any more.
  std::function<void()> reclaim;
  // Throws OutOfMemory.
  void* allocate(size_t bytes);
  void release(void* memory) { memory_->release(memory); }
  // Scratch memory that all programs of the stream share; it may move.
  std::byte* arena(size_t bytes);
  size_t arena_bytes() const { return arena_bytes_; }

  void synchronize() const;
  InFlight& in_flight() const { return in_flight_; }
  // FLAXEN_CUDA_SYNC: each step of a program is waited for, so that a kernel's fault is an error of that step.
  bool waits_for_each_step() const { return waits_for_each_step_; }

 private:
  const Library& library_;
  int ordinal_;
  FlaxenCudaDevice handle_{};
  std::unique_ptr<Allocator> memory_;
  std::unique_ptr<PinnedMemory> pinned_;
  void* arena_ = nullptr;
  size_t arena_bytes_ = 0;
  bool waits_for_each_step_;
  mutable InFlight in_flight_;
  // The error after which the device does nothing any more; seen by the thread that waits for reads too.
  mutable std::mutex lost_mutex_;
  mutable std::string lost_;
};

}  // namespace flaxen::cuda
