// Loops of several operations in one: what passes between them stays in vector registers. The bits are those of one operation at a time.
#pragma once

#include "compiler/elementwise_program.h"
#include "cpu/isa_table.h"

namespace flaxen::cpu {

constexpr int kMostChainOperands = 8;

// A chain's expression in prefix order: an operation before its operands.
struct ChainToken {
  enum class Kind : uint8_t { operation, each, same } kind;  // `same`: an operand that is one element for all i
  Opcode operation;
  int8_t operand;  // which; named twice, it is the same value twice
};

// out[i] = the expression of the operands' elements, for i < n, n > 0. `out` may be the very memory of an operand.
using ChainLoop = void (*)(void* out, const void* const* operands, int64_t n);

struct Chain {
  ChainLoop loop;
  const ChainToken* expression;
  int8_t operands;
};

// Longer ones first.
struct ChainTable {
  const Chain* begin;
  const Chain* end;
};

FLAXEN_ISA_TABLES(ChainTable, chain_table)

// A chain where it stands in a program: which values its operands are.
struct FoundChain {
  const Chain* chain = nullptr;
  std::array<int32_t, kMostChainOperands> operands{};
};

// By instruction: the chain that ends there, if any, and whether the instruction is an inner one of a chain, which needs no step of its
// own.
struct Chains {
  std::vector<FoundChain> ending;
  std::vector<bool> inner;
};

// `scalar` tells by value what is one element for a whole block.
Chains find_chains(const ElementwiseProgram& program, const std::vector<bool>& scalar, const ChainTable& table);

}  // namespace flaxen::cpu
