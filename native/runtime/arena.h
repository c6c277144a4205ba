// Scratch memory that grows to the largest program.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flaxen {

class Arena {
 public:
  Arena() = default;
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  // At least `bytes` bytes, 64-byte aligned, of undefined contents; the same address until it has to grow. Throws std::runtime_error when
  // the memory is not there, or is more than FLAXEN_ARENA_LIMIT (bytes) allows.
  std::byte* reserve(size_t bytes);

  size_t bytes() const { return bytes_; }

 private:
  std::byte* memory_ = nullptr;
  size_t bytes_ = 0;
};

// Bytes of memory that this machine has.
uint64_t physical_memory();

}  // namespace flaxen
