#include "cuda/host/pinned.h"

#include <algorithm>

namespace flaxen::cuda {

namespace {

constexpr size_t kLeast = 4096;
constexpr size_t kMostKept = size_t{64} << 20;  // a larger buffer goes back to the system

size_t size_class(size_t bytes) {
  size_t size = kLeast;
  while (size < bytes) size *= 2;
  return size;
}

}  // namespace

PinnedMemory::~PinnedMemory() {
  for (Buffer* buffer : all_) {
    library_.event_destroy(buffer->event);
    library_.free_pinned(buffer->memory);
    delete buffer;
  }
}

PinnedMemory::Buffer* PinnedMemory::take(size_t bytes) {
  collect();
  const size_t size = size_class(bytes);
  const auto fitting = std::find_if(free_.begin(), free_.end(), [&](const Buffer* b) { return b->bytes == size; });
  if (fitting != free_.end()) {
    Buffer* buffer = *fitting;
    free_.erase(fitting);
    return buffer;
  }
  Buffer fresh{nullptr, size, nullptr};
  if (library_.allocate_pinned(&fresh.memory, size) != 0) return nullptr;
  if (library_.event_create(&fresh.event) != 0) {
    library_.free_pinned(fresh.memory);
    return nullptr;
  }
  all_.push_back(new Buffer(fresh));
  return all_.back();
}

void PinnedMemory::give_back(Buffer* buffer) {
  if (buffer->bytes <= kMostKept) {
    free_.push_back(buffer);
    return;
  }
  all_.erase(std::find(all_.begin(), all_.end(), buffer));
  library_.event_destroy(buffer->event);
  library_.free_pinned(buffer->memory);
  delete buffer;
}

void PinnedMemory::give_back_after_event(Buffer* buffer) { in_flight_.push_back(buffer); }

// Frees the buffers whose copies are done; they come in order.
void PinnedMemory::collect() {
  size_t n = 0;
  for (int done = 1; n < in_flight_.size(); ++n) {
    if (library_.event_done(in_flight_[n]->event, &done) != 0 || !done) break;
  }
  const std::vector<Buffer*> back(in_flight_.begin(), in_flight_.begin() + static_cast<std::ptrdiff_t>(n));
  in_flight_.erase(in_flight_.begin(), in_flight_.begin() + static_cast<std::ptrdiff_t>(n));
  for (Buffer* buffer : back) give_back(buffer);
}

}  // namespace flaxen::cuda
