// Pinned host memory for copies that do not wait: buffers by size, each busy until the event behind its last copy. The system cannot page
// it out, so that there is a bound for what is kept and for what waits to be copied to the device.
#pragma once

#include <cstddef>
#include <deque>
#include <vector>

#include "cuda/host/library.h"

namespace flaxen::cuda {

class PinnedMemory {
 public:
  struct Buffer {
    void* memory = nullptr;
    size_t bytes = 0;
    void* event = nullptr;
  };

  explicit PinnedMemory(const Library& library) : library_(library) {}
  PinnedMemory(const PinnedMemory&) = delete;
  PinnedMemory& operator=(const PinnedMemory&) = delete;
  ~PinnedMemory();

  // Of free buffers, and of those whose copies are under way: past it, the oldest of them is waited for.
  static constexpr size_t kMostBytes = size_t{256} << 20;

  // A buffer of at least so many bytes for the caller alone, or null where the system gives none.
  Buffer* take(size_t bytes);
  // It may be taken again at once, or once its event, recorded by the caller, has come.
  void give_back(Buffer* buffer);
  void give_back_after_event(Buffer* buffer);

 private:
  void collect();
  void destroy(Buffer* buffer);
  void drop_free();
  void land_oldest();
  bool wait_for_oldest();

  const Library& library_;
  std::vector<Buffer*> all_;
  std::deque<Buffer*> free_, in_flight_;
  size_t free_bytes_ = 0, in_flight_bytes_ = 0;
};

}  // namespace flaxen::cuda
