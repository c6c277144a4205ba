// The interpreter of elementwise programs.
#pragma once

#include "compiler/elementwise_program.h"
#include "cpu/kernel.h"

namespace flaxen::cpu {

// Input and output i of the launch are the program's input and output i.
Prepared prepare_program(const ElementwiseProgram& program, Isa isa);

}  // namespace flaxen::cpu
