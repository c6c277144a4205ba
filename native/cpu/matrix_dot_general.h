// dotGeneral: any batch and contracting dimensions, mapped onto a run of matrix products.
#pragma once

#include "cpu/kernel.h"

namespace flaxen::cpu {

void prepare_dot_general(const Graph&, const Node&, Prepared&);

}  // namespace flaxen::cpu
