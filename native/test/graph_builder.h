// Graphs by hand, for the tests of the compiler.
#pragma once

#include <initializer_list>
#include <utility>

#include "compiler/graph.h"

namespace flaxen::test {

class GraphBuilder {
 public:
  ValueId input(Aval aval) {
    ++graph.inputs;
    return graph.add_value(std::move(aval));
  }

  // A node with one output, or the first of several.
  ValueId node(const char* op, std::vector<ValueId> inputs, Params params, std::vector<Aval> outputs) {
    Node node;
    node.op = op;
    node.inputs = std::move(inputs);
    node.params = std::move(params);
    for (Aval& aval : outputs) node.outputs.push_back(graph.add_value(std::move(aval)));
    graph.nodes.push_back(node);
    return node.outputs[0];
  }

  // An elementwise node.
  ValueId map(const char* op, std::vector<ValueId> inputs) {
    const Aval aval = graph.aval(inputs[0]);
    return node(op, std::move(inputs), {}, {aval});
  }

  Graph graph;
};

inline Aval f32(Shape shape) { return {DType::f32, std::move(shape)}; }
inline Aval i32(Shape shape) { return {DType::i32, std::move(shape)}; }

}  // namespace flaxen::test
