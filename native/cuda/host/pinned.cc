#include "cuda/host/pinned.h"

#include <algorithm>

namespace flaxen::cuda {

namespace {

constexpr size_t kLeast = 4096;
constexpr size_t kMostRounded = size_t{64} << 20;  // a larger buffer has the size that was asked for

size_t size_class(size_t bytes) {
  if (bytes > kMostRounded) return bytes;
  size_t size = kLeast;
  while (size < bytes) size *= 2;
  return size;
}

}  // namespace

PinnedMemory::~PinnedMemory() {
  while (!all_.empty()) destroy(all_.back());
}

PinnedMemory::Buffer* PinnedMemory::take(size_t bytes) {
  collect();
  const size_t size = size_class(bytes);
  while (!in_flight_.empty() && in_flight_bytes_ + size > kMostBytes && wait_for_oldest()) continue;
  const auto fitting = std::find_if(free_.begin(), free_.end(), [&](const Buffer* b) { return b->bytes == size; });
  if (fitting != free_.end()) {
    Buffer* buffer = *fitting;
    free_.erase(fitting);
    free_bytes_ -= size;
    return buffer;
  }
  Buffer fresh{nullptr, size, nullptr};
  if (library_.allocate_pinned(&fresh.memory, size) != 0) {
    // Those of other sizes make room.
    while (!in_flight_.empty() && wait_for_oldest()) continue;
    while (!free_.empty()) drop_free();
    if (library_.allocate_pinned(&fresh.memory, size) != 0) return nullptr;
  }
  if (library_.event_create(&fresh.event) != 0) {
    library_.free_pinned(fresh.memory);
    return nullptr;
  }
  all_.push_back(new Buffer(fresh));
  return all_.back();
}

void PinnedMemory::give_back(Buffer* buffer) {
  if (buffer->bytes > kMostRounded) return destroy(buffer);
  free_.push_back(buffer);
  free_bytes_ += buffer->bytes;
  while (free_bytes_ > kMostBytes) drop_free();
}

void PinnedMemory::give_back_after_event(Buffer* buffer) {
  in_flight_.push_back(buffer);
  in_flight_bytes_ += buffer->bytes;
}

void PinnedMemory::destroy(Buffer* buffer) {
  all_.erase(std::find(all_.begin(), all_.end(), buffer));
  library_.event_destroy(buffer->event);
  library_.free_pinned(buffer->memory);
  delete buffer;
}

// The one that has not been used for longest.
void PinnedMemory::drop_free() {
  Buffer* buffer = free_.front();
  free_.pop_front();
  free_bytes_ -= buffer->bytes;
  destroy(buffer);
}

void PinnedMemory::land_oldest() {
  Buffer* buffer = in_flight_.front();
  in_flight_.pop_front();
  in_flight_bytes_ -= buffer->bytes;
  give_back(buffer);
}

// False where waiting fails: the device is lost, as its user will be told by the next call.
bool PinnedMemory::wait_for_oldest() {
  if (library_.event_synchronize(in_flight_.front()->event) != 0) return false;
  land_oldest();
  return true;
}

// Frees the buffers whose copies are done; they come in order.
void PinnedMemory::collect() {
  for (int done = 0; !in_flight_.empty(); land_oldest()) {
    if (library_.event_done(in_flight_.front()->event, &done) != 0 || !done) return;
  }
}

}  // namespace flaxen::cuda
