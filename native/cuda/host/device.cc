#include "cuda/host/device.h"

#include <cstdlib>
#include <cstring>

namespace flaxen::cuda {

namespace {

// Errors of cudaError_t after which every call fails, by the runtime's documentation: "the process must be terminated and relaunched".
bool is_sticky(int error) {
  switch (error) {
    case 214:  // ECC
    case 220:  // NVLink
    case 226:  // contained by the device
    case 700:  // illegal address
    case 702:  // timeout
    case 710:  // assert
    case 714:  // hardware stack
    case 715:  // illegal instruction
    case 716:  // misaligned address
    case 717:  // address space
    case 718:  // invalid pc
    case 719:  // launch failure
    case 721:  // tensor leak
    case 810:  // the server of shared devices ended this client
    case 911:  // a device outside
      return true;
    default:
      return false;
  }
}

bool is_on(const char* variable) {
  const char* value = std::getenv(variable);
  return value && *value && std::strcmp(value, "0") != 0;
}

}  // namespace

Device::Device(const Library& library, int ordinal, size_t limit)
    : library_(library), ordinal_(ordinal), waits_for_each_step_(is_on("FLAXEN_CUDA_SYNC")) {
  check(library.set_device(ordinal), "choosing the device");
  FlaxenCudaProperties properties{};
  check(library.properties(ordinal, &properties), "asking for the device's properties");
  handle_.capability = properties.capability;
  handle_.processors = properties.processors;
  if (limit == 0) {
    size_t free = 0, total = 0;
    check(library.memory_info(&free, &total), "asking for the device's memory");
    limit = free / 10 * 9;
  }
  check(library.stream_create(&handle_.stream), "making a stream");
  memory_ = std::make_unique<Allocator>(library, limit);
  pinned_ = std::make_unique<PinnedMemory>(library);
}

// Errors no longer matter here: the process, or a worker thread, is ending.
Device::~Device() {
  library_.set_device(ordinal_);
  library_.stream_synchronize(stream());
  pinned_.reset();
  memory_.reset();
  library_.stream_destroy(stream());
}

void Device::enter() const {
  {
    const std::lock_guard<std::mutex> lock(lost_mutex_);
    if (!lost_.empty()) throw DeviceError(lost_);
  }
  check(library_.set_device(ordinal_), "choosing the device");
}

void Device::check(int error, const std::function<std::string()>& doing) const {
  if (error == 0) return;
  std::string text = "CUDA error " + std::to_string(error) + " (" + library_.error_text(error) + ") in " + doing();
  if (is_sticky(error)) {
    if (const std::string started = in_flight_.text(); !started.empty()) {
      text += ", by a kernel of what was under way: " + started + ". With FLAXEN_CUDA_SYNC=1 the error names the step";
    }
    text += ". The device can do nothing more in this process: restart it";
    const std::lock_guard<std::mutex> lock(lost_mutex_);
    if (lost_.empty()) lost_ = text;
  }
  throw DeviceError(text);
}

void Device::synchronize() const {
  const uint64_t started = in_flight_.started();
  check(library_.stream_synchronize(stream()), "waiting for the device");
  in_flight_.finish(started);
}

void* Device::allocate(size_t bytes) {
  if (void* memory = memory_->allocate(bytes)) return memory;
  if (reclaim) reclaim();
  if (void* memory = memory_->allocate(bytes)) return memory;
  synchronize();
  memory_->trim();
  if (void* memory = memory_->allocate(bytes)) return memory;
  throw OutOfMemory(memory_->shortage(bytes));
}

std::byte* Device::arena(size_t bytes) {
  if (bytes > arena_bytes_) {
    if (arena_) release(arena_);
    arena_ = nullptr;
    arena_bytes_ = 0;
    arena_ = allocate(bytes);
    arena_bytes_ = Allocator::rounded(bytes);
  }
  return static_cast<std::byte*>(arena_);
}

}  // namespace flaxen::cuda
