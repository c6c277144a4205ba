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

// Told of each piece of C when it is complete and still in the cache: at most kBatchNormRows rows from a multiple of that, side by side.
struct Observer {
  const void* context = nullptr;
  void (*see)(const void* context, int64_t row, int64_t rows, int64_t column, int64_t columns) = nullptr;
};

// What is done with an element of C when its sum is complete, in this order.
struct Epilogue {
  const float* bias = nullptr;  // [n], added to every row
  bool relu = false;
  Observer observer = {};  // for a Gemm made with GemmOptions::observed
};

// A matrix that nobody stores (a normalisation's output, a gradient through one): blocks of it are made where a product would pack them.
struct RowSource {
  const void* context = nullptr;
  // to[r * stride + c] = element (row + r, column + c); null: the operand lies in memory.
  void (*block)(const void* context, int64_t row, int64_t column, int64_t rows, int64_t columns, float* to, int64_t stride) = nullptr;
  int64_t first_row = 0;

  explicit operator bool() const { return block != nullptr; }
  void make(int64_t row, int64_t column, int64_t rows, int64_t columns, float* to, int64_t stride) const {
    block(context, first_row + row, column, rows, columns, to, stride);
  }
  RowSource from_row(int64_t row) const { return {context, block, first_row + row}; }
};

// Where operands come from if not from memory.
struct Sources {
  RowSource a = {}, b = {};
};

// Whether runs come with a source of an operand, and whether the source's rows are the operand's rows or its columns.
enum class Made : uint8_t { no, by_rows, by_columns };

struct GemmOptions {
  bool threaded = true;   // without it a run stays on the calling thread, for products that themselves run side by side
  bool observed = false;  // runs may have an observer
  Made a = Made::no, b = Made::no;
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

  // An operand with a source may be null, or what the source reads at the same places, which is then fetched ahead.
  void run(const float* a, const float* b, float* c, const Epilogue& epilogue, void* scratch, const Sources& sources = {}) const;

 private:
  struct Operands;
  struct Range {
    int64_t begin, end;
    int64_t size() const { return end - begin; }
  };

  void plan_dots(int64_t tasks);
  void plan_tiles(int64_t tasks);
  void run_dots(const Operands&) const;
  void run_tiles(const Operands&) const;
  void pack_panels(const Operands&, Range panels, Range inner) const;
  void run_task(const Operands&, Range slivers, Range panels, Range inner) const;
  void run_batches(const Operands&, Range slivers, Range inner) const;
  Tile tile_of(const Operands&, int64_t sliver, Range inner) const;
  void observe(const Observer& observer) const;
  int64_t slivers_per_unit() const { return options_.observed ? slivers_per_block() : 1; }
  void run_sliver(const Operands&, Tile tile, int64_t rows, Range panels, int64_t p, Range inner, const float* next) const;

  int64_t panel_width() const;
  int64_t packed_line() const;
  int64_t slivers_per_block() const;
  int64_t slivers_in(int64_t rows) const;
  int64_t first_row(int64_t sliver) const;
  int64_t rows_of(int64_t sliver) const;

  GemmShape shape_{};
  Isa isa_ = Isa::baseline;
  GemmOptions options_;
  const GemmTileTable* tiles_ = nullptr;
  const GemmPackTable* packs_ = nullptr;
  std::shared_ptr<const GemmSplit> split_;  // does the work where the inner dimension is split
  bool dots_ = false;
  bool pack_a_ = false;
  bool pack_b_ = false;
  bool batches_ = false;     // A is packed some slivers at a time, for all panels
  bool own_panels_ = false;  // who computes with a panel of B packs it
  int64_t row_tasks_ = 1, column_tasks_ = 1;
  int64_t slivers_ = 0;       // of rows, each as high as one tile
  int64_t panels_ = 0;        // of columns, each as wide as one tile
  int64_t inner_block_ = 1;   // how much of k a tile runs through at a time
  int64_t packed_inner_ = 1;  // how much of k is packed at a time
  size_t scratch_bytes_ = 0;
  double cost_ns_ = 0;
};

}  // namespace flaxen::cpu
