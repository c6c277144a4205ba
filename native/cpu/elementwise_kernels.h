// The loops behind the elementwise interpreter, one table an instruction set.
#pragma once

#include "compiler/elementwise_program.h"
#include "cpu/isa_table.h"

namespace flaxen::cpu {

// out[i] = op(a[i], b[i], c[i]) for i < n. `out` may be the very memory of an operand whose elements have the same size.
using ElementwiseKernel = void (*)(void* out, const void* a, const void* b, const void* c, int64_t n);

// The kernel of `op` on operands of dtype `from` (of the last operand, for select) with a result of dtype `to`. `scalars` has bit k set
// where operand k is one element for all i. Null where there is no such kernel: the caller then spreads the scalars over a register. With
// no scalars one of the tables has a kernel for each primitive and dtype of the contract.
struct ElementwiseTable {
  ElementwiseKernel (*find)(Opcode op, DType from, DType to, unsigned scalars);
};

FLAXEN_ISA_TABLES(ElementwiseTable, arithmetic_table)
FLAXEN_ISA_TABLES(ElementwiseTable, logic_table)  // comparisons, bits, select, conversions
FLAXEN_ISA_TABLES(ElementwiseTable, math_table)   // float32 functions

}  // namespace flaxen::cpu
