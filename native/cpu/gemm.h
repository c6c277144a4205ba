// C = A * B in float32 on any strides: what dense, dotGeneral and the fused layers are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "cpu/kernel.h"

namespace flaxen::cpu {

// A is m x k and B is k x n, with any strides (in elements), so that a transpose costs nothing but its packing; C is row-major.
struct GemmShape {
  int64_t m, n, k;
  int64_t a_row, a_col;
  int64_t b_row, b_col;
  int64_t c_row;
};

// What is done with an element of C when its sum is complete, in this order.
struct Epilogue {
  const float* bias = nullptr;  // [n], added to every row
  bool relu = false;
};

// A product made ready: the path, the blocking and the split into tasks follow from the shape and the instruction set alone.
class Gemm {
 public:
  Gemm() = default;
  Gemm(const GemmShape& shape, Isa isa, bool threaded = true);

  size_t scratch_bytes() const { return scratch_bytes_; }
  double cost_ns() const { return cost_ns_; }
  const std::string& note() const { return note_; }

  void run(const float* a, const float* b, float* c, const Epilogue& epilogue, void* scratch) const;

 private:
  GemmShape shape_{};
  size_t scratch_bytes_ = 0;
  double cost_ns_ = 0;
  std::string note_;
};

}  // namespace flaxen::cpu
