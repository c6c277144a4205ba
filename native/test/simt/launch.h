// How many threads run.
#pragma once

#include <cstddef>
#include <cstdint>

namespace flaxen::simt {

struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
  uint64_t count() const { return uint64_t{x} * y * z; }
};

struct Launch {
  Dim3 grid, block;
  size_t dynamic_shared = 0;
};

}  // namespace flaxen::simt
