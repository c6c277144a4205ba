// How a node becomes launches on the device: each kernel family prepares the ops it knows, as on the CPU (cpu/kernel.h). A new kernel is a
// line in library.h and a case in its family, or a file of its own and a line in prepare.cc.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "compiler/graph.h"
#include "cuda/host/library.h"

namespace flaxen::cuda {

// The memory of one run of one node, all of it on the device, pieces of the arena 64 bytes aligned and arrays 512.
struct Buffers {
  const Library& library;
  const FlaxenCudaDevice* device;
  const void* const* in;
  void* const* out;
  void* scratch;

  template <typename T>
  const T* input(int i) const {
    return static_cast<const T*>(in[i]);
  }
  template <typename T>
  T* output(int i) const {
    return static_cast<T*>(out[i]);
  }
};

// A node made ready to run many times: all that depends on shapes is decided.
struct Prepared {
  std::function<int(const Buffers&)> launch;  // starts kernels; the result is one of api.h
  size_t scratch_bytes = 0;
  std::vector<std::pair<int, int>> in_place;  // as cpu::Prepared has it
  std::string note;
};

// Whether there is a kernel for a node of the graph as it came in; what there is none for, the host runs.
bool has_kernel(const Library& library, const Graph& graph, const Node& node);

// Prepares one node that has been validated. Throws GraphError for an op that no family knows.
Prepared prepare(const Library& library, const Graph& graph, const Node& node);

// The families behind it; each returns false for an op that is not its own.
bool prepare_elementwise(const Library&, const Graph&, const Node&, Prepared&);  // elementwise ops, fused.elementwise*, full, iota
bool prepare_matrix(const Library&, const Graph&, const Node&, Prepared&);       // dotGeneral, dense, fused.dense*
bool prepare_batch_norm(const Library&, const Graph&, const Node&, Prepared&);   // batchNorm, batchNormGrad, fused.batchNorm*
bool prepare_reduce(const Library&, const Graph&, const Node&, Prepared&);       // reduceSum .. cumsum
bool prepare_layout(const Library&, const Graph&, const Node&, Prepared&);       // reshape .. concatenate
bool prepare_loss(const Library&, const Graph&, const Node&, Prepared&);         // softmaxCrossEntropy, its gradient
bool prepare_gather(const Library&, const Graph&, const Node&, Prepared&);       // take .. scatterAddAlong
bool prepare_sort(const Library&, const Graph&, const Node&, Prepared&);         // sort
bool prepare_linalg(const Library&, const Graph&, const Node&, Prepared&);       // qr
bool prepare_windows(const Library&, const Graph&, const Node&, Prepared&);      // conv .. sumPoolGrad
bool prepare_random(const Library&, const Graph&, const Node&, Prepared&);       // threefry2x32

// What several families share.
inline FlaxenCudaType type_of(DType dtype) { return static_cast<FlaxenCudaType>(dtype); }

// Element strides of one side of a copy, and the offset of index 0.
struct View {
  std::vector<int64_t> strides;
  int64_t offset = 0;
};

// A copy between two views of one shape.
struct StridedCopy {
  size_t element_bytes;
  Shape shape;
  View to, from;
  int launch(const Buffers& buffers, void* target, const void* source) const;
};

}  // namespace flaxen::cuda
