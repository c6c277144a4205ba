// Builds an elementwise program from nodes of a graph.
#pragma once

#include <map>
#include <vector>

#include "compiler/elementwise_program.h"

namespace flaxen {

class ElementwiseBuilder {
 public:
  // `maker[v]` is the index of the node that makes value v, -1 for an input of the graph.
  ElementwiseBuilder(const Graph& graph, const std::vector<int32_t>& maker) : graph_(graph), maker_(maker) {}

  // Nodes in execution order, all elementwise and of one output shape; `stored` are those of their outputs that others read.
  Node build(const std::vector<int32_t>& nodes, const std::vector<ValueId>& stored);

  // The values outside of `nodes` that a program of them would load: behind broadcasts, without constants and indexes.
  std::vector<ValueId> loaded(const std::vector<int32_t>& nodes) const;

 private:
  // What reading a value at each index of `shape` comes down to.
  struct Source {
    enum class Kind { memory, constant, iota } kind;
    ValueId value;                 // in memory
    std::vector<int64_t> strides;  // of memory and iota
    uint32_t bits;                 // of a constant
  };
  Source source_of(ValueId value) const;
  int32_t term_of(ValueId value);

  const Graph& graph_;
  const std::vector<int32_t>& maker_;
  Node node_;
  ElementwiseProgram program_;
  std::map<ValueId, int32_t> terms_;  // of the program; constants are numbered from kConstants, results from kResults, until all are known
};

}  // namespace flaxen
