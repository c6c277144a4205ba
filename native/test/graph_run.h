// Runs a graph node by node through the CPU kernels, for the tests of the passes.
#pragma once

#include "op_check.h"

namespace flaxen::test {

// Each node on its own, in memory of its own and in place of its inputs.
inline std::vector<Array> run_nodes(const Graph& graph, const std::vector<Array>& inputs) {
  std::vector<Array> values = poisoned(graph.values);
  for (size_t i = 0; i < inputs.size(); ++i) std::memcpy(values[i].data<uint8_t>(), inputs[i].data<uint8_t>(), inputs[i].aval.bytes());
  for (const Node& node : graph.nodes) {
    std::vector<const Array*> in;
    std::vector<Aval> out;
    for (ValueId v : node.inputs) in.push_back(&values[static_cast<size_t>(v)]);
    for (ValueId v : node.outputs) out.push_back(graph.aval(v));
    const std::vector<Array> results = run_prepared(cpu::prepare(graph, node), in, out, node.op, 1);
    for (size_t o = 0; o < results.size(); ++o) {
      std::memcpy(values[static_cast<size_t>(node.outputs[o])].data<uint8_t>(), results[o].data<uint8_t>(), results[o].aval.bytes());
    }
  }
  std::vector<Array> outputs;
  for (ValueId v : graph.outputs) {
    outputs.emplace_back(graph.aval(v).dtype, graph.aval(v).shape);
    std::memcpy(outputs.back().data<uint8_t>(), values[static_cast<size_t>(v)].data<uint8_t>(), graph.aval(v).bytes());
  }
  return outputs;
}

}  // namespace flaxen::test
