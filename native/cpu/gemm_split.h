// A product x^T * dy over many rows: a small C and a long inner dimension, which is cut into parts that run side by side, each going
// through its own rows of A and B; the partial results are added up in order. Where C is narrow the parts compute its transpose, whose rows
// fill vectors.
#pragma once

#include "cpu/gemm.h"

namespace flaxen::cpu {

class GemmSplit {
 public:
  static bool pays(const GemmShape& shape, Isa isa);

  GemmSplit(const GemmShape& shape, Isa isa, const GemmOptions& options);

  size_t scratch_bytes() const;
  std::string note() const;
  void run(const float* a, const float* b, float* c, const Epilogue& epilogue, void* scratch, const Sources& sources) const;

 private:
  size_t slab_bytes() const;
  void add_up(const float* slabs, float* c, const Epilogue& epilogue) const;

  GemmShape shape_;
  bool transposed_;
  int64_t parts_, length_;
  Gemm part_, last_;
};

}  // namespace flaxen::cpu
