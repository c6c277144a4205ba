// Device memory in pieces of larger segments, which are kept for the next array: cudaMalloc and cudaFree would wait for the device. All of
// one allocator's memory is used on one stream, so that a piece may be given out again while work on its old contents is still queued.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "cuda/host/library.h"

namespace flaxen::cuda {

struct OutOfMemory : std::runtime_error {
  using std::runtime_error::runtime_error;
};

class Allocator {
 public:
  // At most `limit` bytes are taken from the device.
  Allocator(const Library& library, size_t limit) : library_(library), limit_(limit) {}
  Allocator(const Allocator&) = delete;
  Allocator& operator=(const Allocator&) = delete;
  ~Allocator();

  // Null where neither a segment nor the device has so much left, or the limit is reached.
  void* allocate(size_t bytes);
  void release(void* memory);
  // Gives segments that nobody uses back to the device. What was queued on them must be done.
  void trim();
  // Why there are no `bytes` more.
  std::string shortage(size_t bytes) const;

  // Changes when memory goes back to the device: an address may then be another memory's.
  uint64_t generation() const { return generation_; }
  size_t limit() const { return limit_; }
  size_t used() const { return used_; }
  size_t reserved() const { return reserved_; }
  // What an array of so many bytes takes up.
  static size_t rounded(size_t bytes);

 private:
  struct Piece {
    size_t bytes;
    bool free;
    bool first;  // of its segment
  };
  using Pieces = std::map<uintptr_t, Piece>;  // by address

  Pieces::iterator add_segment(size_t bytes);
  void* take(Pieces::iterator piece, size_t bytes);
  Pieces::iterator joined(Pieces::iterator piece);

  const Library& library_;
  size_t limit_, used_ = 0, reserved_ = 0;
  uint64_t generation_ = 0;
  Pieces pieces_;
  std::set<std::pair<size_t, uintptr_t>> free_;  // size, address
};

}  // namespace flaxen::cuda
