// The gradient of a dense layer over many rows, in one pass over them: a block of rows of dy and x is made (or copied) once, into memory
// that stays in the cache, and both products read it there. So dy and x may come through batch norms without ever being written, and what
// is summed over rows (the bias's gradient, the sums of the next batch norm's gradient) is summed on the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "compiler/fused_dense.h"
#include "cpu/batch_norm.h"
#include "cpu/gemm_kernels.h"
#include "cpu/kernel.h"

namespace flaxen::cpu {

class DenseGrad {
 public:
  DenseGrad(int64_t rows, int64_t inputs, int64_t features, const FusedDenseGrad& fused, Isa isa);

  size_t scratch_bytes() const { return scratch_bytes_; }
  double cost_ns() const;
  std::string note() const;
  void run(const Buffers& buffers) const;

 private:
  struct Operands;
  struct Block;
  class Ahead;

  void pack_kernel(const Operands&) const;
  void run_part(const Operands&, int64_t part) const;
  int64_t tiles_of_block() const;
  void look_ahead(const Operands&, int64_t row, Ahead&) const;
  void make_block(const Operands&, const Block&) const;
  void find_dx(const Operands&, const Block&) const;
  void add_dkernel(const Block&, float* slab, bool first) const;
  void add_up(const Operands&) const;

  FusedDenseGrad fused_;
  int64_t rows_, inputs_, features_;
  int64_t blocks_, parts_;
  Isa isa_;
  BatchNorm dy_norm_, x_norm_;
  const BatchNormTable* norms_;
  const GemmTileTable* tiles_;
  const GemmPackTable* packs_;
  bool transposed_;  // dkernel^T is summed, whose rows fill vectors
  int64_t width_;    // of the tiles, in columns
  int64_t dy_line_, x_line_;
  // Places in scratch, in floats.
  int64_t kernel_at_, factors_at_, x_factor_at_, dbias_at_, sums_at_, parts_at_, slab_floats_, part_floats_;
  size_t scratch_bytes_;
};

}  // namespace flaxen::cpu
