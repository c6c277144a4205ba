// C = A * B in float32 on any strides: what dense, dotGeneral and the fused layers are made of.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "cpu/gemm_kernels.h"
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
  // Column statistics of C as stored, in blocks of kBatchNormRows rows: what BatchNormTable::moments gives for block i, at i * 3 * n.
  float* moments = nullptr;
};

// Makes an operand's elements as they are packed, in the layouts of GemmPackTable, for operands that nobody stores (an activation's input,
// a gradient through a normalisation). A null function means: copy from memory.
struct Prologue {
  const void* context = nullptr;
  void (*pack_a)(const void* context, int64_t i, int64_t p, int64_t rows, int64_t k, float* packed) = nullptr;
  void (*pack_b)(const void* context, int64_t p, int64_t j, int64_t k, int64_t columns, int64_t width, float* packed) = nullptr;
};

struct GemmOptions {
  bool threaded = true;   // without it a run stays on the calling thread, for products that themselves run side by side
  bool prologue = false;  // runs come with a prologue, so both operands go through packing
};

class GemmSplit;

// A product made ready: the path, the blocking and the split into tasks follow from the shape and the instruction set alone, so that the
// result is bitwise the same for any number of threads.
class Gemm {
 public:
  Gemm() = default;
  Gemm(const GemmShape& shape, Isa isa, GemmOptions options = {});

  size_t scratch_bytes() const { return scratch_bytes_; }
  double cost_ns() const { return cost_ns_; }
  std::string note() const;

  void run(const float* a, const float* b, float* c, const Epilogue& epilogue, void* scratch, const Prologue& prologue = {}) const;

 private:
  struct Operands;
  struct Range {
    int64_t begin, end;
    int64_t size() const { return end - begin; }
  };

  void plan_dots(int64_t tasks);
  void plan_tiles(int64_t tasks, bool pack_all);
  void run_dots(const Operands&) const;
  void run_tiles(const Operands&) const;
  void pack_b(const Operands&, Range inner) const;
  void run_task(const Operands&, Range slivers, Range panels, Range inner) const;
  void run_sliver(const Operands&, Tile tile, int64_t rows, Range panels, int64_t p, Range inner) const;

  int64_t panel_width() const;
  int64_t packed_line() const;
  int64_t slivers_per_block() const;
  int64_t first_row(int64_t sliver) const;

  GemmShape shape_{};
  Isa isa_ = Isa::baseline;
  const GemmTileTable* tiles_ = nullptr;
  const GemmPackTable* packs_ = nullptr;
  std::shared_ptr<const GemmSplit> split_;  // does the work where the inner dimension is split
  bool dots_ = false;
  bool pack_a_ = false;
  bool pack_b_ = false;
  int64_t row_tasks_ = 1, column_tasks_ = 1;
  int64_t slivers_ = 0;       // of rows, each as high as one tile
  int64_t panels_ = 0;        // of columns, each as wide as one tile
  int64_t inner_block_ = 1;   // how much of k a tile runs through at a time
  int64_t packed_inner_ = 1;  // how much of k is packed at a time
  size_t scratch_bytes_ = 0;
  double cost_ns_ = 0;
};

}  // namespace flaxen::cpu
