// From the compiler's elementwise program to the interpreter kernel's.
#pragma once

#include "compiler/elementwise_program.h"
#include "cuda/elementwise_code.h"

namespace flaxen::cuda {

// Throws GraphError where the program has more of something than the kernel takes.
FlaxenElementwiseCode encode(const ElementwiseProgram& program, int inputs);

}  // namespace flaxen::cuda
