// How a node becomes something that runs: each kernel family prepares the ops it knows.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/graph.h"

namespace flaxen::cpu {

// The memory of one run of one node. Pointers are 64-byte aligned for values in the arena, 4-byte aligned (1 for bool) for the program's
// inputs and outputs. A zero-size value may have a null pointer.
struct Buffers {
  const void* const* in;
  void* const* out;
  void* scratch;  // `scratch_bytes`, 64-byte aligned, contents undefined

  template <typename T>
  const T* input(int i) const {
    return static_cast<const T*>(in[i]);
  }
  template <typename T>
  T* output(int i) const {
    return static_cast<T*>(out[i]);
  }
};

// A node made ready to run many times: all that depends on shapes is decided here, so that `launch` allocates nothing and cannot fail.
struct Prepared {
  std::function<void(const Buffers&)> launch;
  size_t scratch_bytes = 0;
  double cost_ns = 0;  // a rough estimate on one core, for the choice between inline and queued runs
  // Pairs (input, output) that may share memory: the kernel reads no element of that input after writing the output's element of the same
  // index.
  std::vector<std::pair<int, int>> in_place;
  std::string note;  // what was chosen, for Program.text()
};

// Prepares one node for the best instruction set of this machine (or FLAXEN_ISA). The node has been validated. Throws GraphError for an op
// that no family knows.
Prepared prepare(const Graph& graph, const Node& node);

// The families behind it; each returns false for an op that is not its own.
bool prepare_matrix(const Graph&, const Node&, Prepared&);       // dotGeneral, dense, fused.dense*           (gemm.cc, dense.cc)
bool prepare_batch_norm(const Graph&, const Node&, Prepared&);   // batchNorm, batchNormGrad, fused.batchNorm* (batch_norm.cc)
bool prepare_elementwise(const Graph&, const Node&, Prepared&);  // fused.elementwise, and every elementwise op on its own
bool prepare_reduce(const Graph&, const Node&, Prepared&);       // reduceSum .. cumsum
bool prepare_layout(const Graph&, const Node&, Prepared&);       // reshape .. concatenate, full, iota
bool prepare_gather(const Graph&, const Node&, Prepared&);       // take .. scatterAddAlong
bool prepare_loss(const Graph&, const Node&, Prepared&);         // softmaxCrossEntropy, its gradient
bool prepare_random(const Graph&, const Node&, Prepared&);       // threefry2x32
bool prepare_sort(const Graph&, const Node&, Prepared&);         // sort
bool prepare_linalg(const Graph&, const Node&, Prepared&);       // qr

// Instruction sets. Kernel sources that profit are compiled once for each, in a namespace of their own (FLAXEN_ISA_NAMESPACE), and reached
// through tables of function pointers. Such sources hold plain loops over pointers and PODs: no std templates, whose code the linker would
// merge across instruction sets.
enum class Isa { baseline, avx2, avx512, neon };
Isa chosen_isa();  // the best that CPU and operating system support; FLAXEN_ISA=baseline|avx2|avx512|neon overrides, with an error if
                   // unsupported
const char* name_of(Isa isa);
std::vector<Isa> compiled_isas();

}  // namespace flaxen::cpu
