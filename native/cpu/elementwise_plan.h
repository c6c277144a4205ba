// How an elementwise program walks over memory: collapsed dimensions, blocks, operands, registers. All fixed by the program alone.
#pragma once

#include <vector>

#include "compiler/elementwise_program.h"
#include "cpu/elementwise_chains.h"
#include "cpu/elementwise_kernels.h"

namespace flaxen::cpu {

// The iteration space is `rows` rows of `cols` elements. A block is part of one row, or, where rows are short, several whole rows.
struct Blocks {
  int64_t rows = 1, cols = 1;
  int64_t rows_per_block = 1, cols_per_block = 1;
  int64_t blocks_per_row = 1;  // 1 where a block has several rows
  int64_t count = 0;
  Shape outer;  // the dimensions that make up the rows
};

// A slot is a pointer that instructions read or write; each block sets it anew.
struct Slot {
  enum class Kind : uint8_t { input, output, constant, reg } kind;
  int32_t index;  // of the input, output, constant or register
  int32_t step;   // bytes from one element of the iteration space to the next; 0 where the pointer stays
};

// A slot that follows the rows: address = input + (offset(row) + col * col_stride) * size.
struct RowPointer {
  int32_t slot;
  int32_t size;
  int64_t col_stride;
  std::vector<int64_t> row_strides;  // one for each of Blocks::outer
};

// A register that is filled from an input that neither of these describes, or with the index itself (`iota`).
struct Fill {
  int32_t slot;  // the register's
  int32_t input;
  DType dtype;
  bool iota;
  bool once;  // the same for all blocks of full size
  int64_t col_stride;
  std::vector<int64_t> row_strides;
};

// One operation, or a chain of several.
struct Step {
  ElementwiseKernel kernel;
  ChainLoop chain;
  int32_t out;                                   // slots
  std::array<int32_t, kMostChainOperands> in{};  // of a kernel, the first three

  void run(char* const* at, int64_t n) const {
    if (!chain) return kernel(at[out], at[in[0]], at[in[1]], at[in[2]], n);
    const void* operands[kMostChainOperands];
    for (size_t k = 0; k < in.size(); ++k) operands[k] = at[in[k]];
    chain(at[out], operands, n);
  }
};

struct ElementwisePlan {
  Blocks blocks;
  std::vector<Slot> slots;
  std::vector<RowPointer> row_pointers;
  std::vector<Fill> fills;
  std::vector<Step> prologue;  // once a task, over a whole block: scalars spread over registers
  std::vector<Step> steps;
  std::vector<uint32_t> constants;
  int64_t register_bytes = 0;  // of one register
  double block_ns = 0;         // a rough cost
  std::vector<std::pair<int, int>> in_place;
};

constexpr int64_t kRegisterFile = 32 * 1024;  // bytes: fits the L1 cache
constexpr int kMaxSlots = 512;

ElementwisePlan plan_program(const ElementwiseProgram& program, Isa isa);

}  // namespace flaxen::cpu
