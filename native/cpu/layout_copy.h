// Copies between two strided views of one shape: what transposes, slices, broadcasts, pads and concatenations come down to.
#pragma once

#include <cstdint>
#include <vector>

#include "compiler/graph.h"

namespace flaxen::cpu {

// Strides and offset are in elements; strides may be 0 (source only) or negative.
struct View {
  std::vector<int64_t> strides;
  int64_t offset = 0;
};

class StridedCopy {
 public:
  StridedCopy(size_t element_bytes, const Shape& shape, const View& to, const View& from);
  void run(void* to, const void* from) const;
  double cost_ns() const { return cost_ns_; }

 private:
  template <typename T>
  void run_units(T* to, const T* from, int64_t first, int64_t last) const;

  enum class Inner { run, tile };

  size_t element_bytes_;
  Shape outer_;
  std::vector<int64_t> to_outer_, from_outer_;
  int64_t to_offset_, from_offset_;
  Inner inner_ = Inner::run;
  int64_t n_ = 1, to_stride_ = 1, from_stride_ = 1;   // the innermost dimension
  int64_t m_ = 1, to_row_ = 0;                        // with Inner::tile the dimension in which `from` is dense
  int64_t unit_ = 1, units_per_row_ = 1, units_ = 0;  // a unit is a piece of the innermost dimension (of m for a tile)
  int64_t units_per_task_ = 1, tasks_ = 0;
  double cost_ns_ = 0;
};

}  // namespace flaxen::cpu
