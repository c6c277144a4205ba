#include "cuda/host/copies.h"

#include <cstring>

namespace flaxen::cuda {

namespace {

// Larger copies go without a detour over pinned memory; they wait for the stream.
constexpr size_t kMostStaged = size_t{32} << 20;
constexpr const char *kWriting = "copying an array to the device", *kReading = "reading an array";

// Null where the copy is to go without.
PinnedMemory::Buffer* staging(Device& device, size_t bytes) { return bytes <= kMostStaged ? device.pinned().take(bytes) : nullptr; }

}  // namespace

void write(Device& device, void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  const Library& library = device.library();
  PinnedMemory::Buffer* staged = staging(device, bytes);
  if (!staged) {
    device.check(library.memory_copy(device.stream(), FLAXEN_CUDA_TO_DEVICE, to, from, bytes), kWriting);
    return device.synchronize();  // the numbers may change once this returns
  }
  // After an error the buffer is not used again: its copy may be under way.
  std::memcpy(staged->memory, from, bytes);
  device.check(library.memory_copy(device.stream(), FLAXEN_CUDA_TO_DEVICE, to, staged->memory, bytes), kWriting);
  device.check(library.event_record(staged->event, device.stream()), kWriting);
  device.pinned().give_back_after_event(staged);
}

void read(Device& device, void* to, const void* from, size_t bytes) {
  if (bytes == 0) return;
  PinnedMemory::Buffer* staged = staging(device, bytes);
  device.check(device.library().memory_copy(device.stream(), FLAXEN_CUDA_TO_HOST, staged ? staged->memory : to, from, bytes), kReading);
  device.synchronize();
  if (!staged) return;
  std::memcpy(to, staged->memory, bytes);
  device.pinned().give_back(staged);
}

}  // namespace flaxen::cuda
