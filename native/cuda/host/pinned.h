// Pinned host memory for copies that do not wait: buffers by size, each busy until the event behind its last copy.
#pragma once

#include <cstddef>
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

  // A buffer of at least so many bytes for the caller alone, or null where the system gives none.
  Buffer* take(size_t bytes);
  // It may be taken again at once, or once its event, recorded by the caller, has come.
  void give_back(Buffer* buffer);
  void give_back_after_event(Buffer* buffer);

 private:
  void collect();

  const Library& library_;
  std::vector<Buffer*> all_, free_, in_flight_;
};

}  // namespace flaxen::cuda
