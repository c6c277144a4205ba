// A product with a long inner dimension and a small C (a weight gradient over a large batch): the inner dimension is cut into parts that
// run side by side, each streaming through its own rows of A and B, and the partial results are added up in order.
#pragma once

#include "cpu/gemm.h"

namespace flaxen::cpu {

class GemmSplit {
 public:
  // How many parts the shape calls for; 1 is no split.
  static int64_t parts_for(const GemmShape& shape);

  GemmSplit(const GemmShape& shape, Isa isa, int64_t parts);

  size_t scratch_bytes() const;
  std::string note() const;
  void run(const float* a, const float* b, float* c, const Epilogue& epilogue, void* scratch) const;

 private:
  size_t slab_bytes() const;

  GemmShape shape_;
  int64_t parts_, length_;
  Gemm part_, last_;
};

}  // namespace flaxen::cpu
