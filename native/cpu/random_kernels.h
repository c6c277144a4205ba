// The loop behind threefry2x32, one table an instruction set.
#pragma once

#include "cpu/isa_table.h"

namespace flaxen::cpu {

struct RandomTable {
  void (*threefry2x32)(uint32_t* y0, uint32_t* y1, const uint32_t* key, const uint32_t* x0, const uint32_t* x1, int64_t n);
};

FLAXEN_ISA_TABLES(RandomTable, random_table)

}  // namespace flaxen::cpu
