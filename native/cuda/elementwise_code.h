/* An elementwise program as the CUDA interpreter kernel takes it: small enough to travel as a kernel parameter. */
#pragma once

#include <stdint.h>

enum {
  FLAXEN_ELEMENTWISE_INSTRUCTIONS = 64,
  FLAXEN_ELEMENTWISE_CONSTANTS = 128,
  FLAXEN_ELEMENTWISE_ARRAYS = 32, /* loads, stores, inputs and outputs together */
  FLAXEN_ELEMENTWISE_REGISTERS = 94,
  FLAXEN_ELEMENTWISE_RANK = 8,
  /* Operands: below the first are registers, then constants, then loads of one scalar. */
  FLAXEN_ELEMENTWISE_FIRST_CONSTANT = 96,
  FLAXEN_ELEMENTWISE_FIRST_SCALAR = 224
};

typedef enum FlaxenElementwiseLoadKind {
  FLAXEN_LOAD_DENSE,   /* element i */
  FLAXEN_LOAD_SCALAR,  /* element 0 */
  FLAXEN_LOAD_STRIDED, /* the sum of the index times the strides */
  FLAXEN_LOAD_IOTA     /* that sum itself */
} FlaxenElementwiseLoadKind;

typedef struct FlaxenElementwiseLoad {
  uint8_t kind, type; /* FlaxenCudaType */
  uint8_t input;
  uint8_t place; /* a register, or the number of a scalar */
} FlaxenElementwiseLoad;

typedef struct FlaxenElementwiseInstruction {
  uint8_t op;   /* flaxen::Opcode */
  uint8_t type; /* of the result */
  uint8_t from; /* type of the first operand */
  uint8_t result, a, b, c;
  uint8_t unused;
} FlaxenElementwiseInstruction;

typedef struct FlaxenElementwiseStore {
  uint8_t operand, type;
} FlaxenElementwiseStore;

typedef struct FlaxenElementwiseCode {
  int32_t inputs, loads, constants, instructions, stores, registers, rank;
  uint32_t shape[FLAXEN_ELEMENTWISE_RANK];
  FlaxenElementwiseInstruction code[FLAXEN_ELEMENTWISE_INSTRUCTIONS];
  FlaxenElementwiseLoad load[FLAXEN_ELEMENTWISE_ARRAYS];
  FlaxenElementwiseStore store[FLAXEN_ELEMENTWISE_ARRAYS];
  uint32_t constant[FLAXEN_ELEMENTWISE_CONSTANTS];
  int32_t stride[FLAXEN_ELEMENTWISE_ARRAYS][FLAXEN_ELEMENTWISE_RANK];
} FlaxenElementwiseCode;
