// The loops behind reductions, one table an instruction set. The order of combination depends on the sizes alone, and is the same on every
// instruction set.
#pragma once

#include "compiler/graph.h"
#include "cpu/isa_table.h"

namespace flaxen::cpu {

enum class Reduction : uint8_t { sum, prod, max, min };

struct ReduceKernels {
  // out[o] = reduction of x[o * outer_stride + i] over i < n, for o < outer.
  void (*rows)(void* out, const void* x, int64_t outer, int64_t outer_stride, int64_t n);
  // out[j] = reduction of x[i * row_stride + j] over i < rows, for j < cols.
  void (*columns)(void* out, const void* x, int64_t rows, int64_t row_stride, int64_t cols);
};

struct ReduceTable {
  ReduceKernels (*find)(Reduction reduction, DType dtype);
};

FLAXEN_ISA_TABLES(ReduceTable, reduce_table)

}  // namespace flaxen::cpu
