// dense: x [..., K] * kernel [K, N] + bias [N], the leading dimensions flattened into rows; and with relu.
#include "compiler/fused_dense.h"
#include "cpu/gemm.h"
#include "cpu/matrix_dense.h"
#include "cpu/matrix_dot_general.h"

namespace flaxen::cpu {

namespace {

void prepare_dense(const Graph& graph, const Node& node, bool relu, Prepared& prepared) {
  const Aval& kernel = graph.aval(node.inputs[1]);
  const int64_t k = kernel.shape[0];
  const int64_t n = kernel.shape[1];
  const Shape& x = graph.aval(node.inputs[0]).shape;
  const int64_t m = count(Shape(x.begin(), x.end() - 1));
  const bool has_bias = node.inputs.size() == 3;

  const Gemm gemm({.m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n}, chosen_isa());
  prepared.scratch_bytes = gemm.scratch_bytes();
  prepared.cost_ns = gemm.cost_ns();
  prepared.note = gemm.note();
  prepared.launch = [gemm, has_bias, relu](const Buffers& buffers) {
    Epilogue epilogue;
    epilogue.relu = relu;
    if (has_bias) epilogue.bias = buffers.input<float>(2);
    gemm.run(buffers.input<float>(0), buffers.input<float>(1), buffers.output<float>(0), epilogue, buffers.scratch);
  };
}

void prepare_fused_dense(const Graph& graph, const Node& node, Prepared& prepared) {
  const auto& fused = static_cast<const FusedDense&>(*node.fused);
  if (fused.x || fused.norm) return prepare_dense_norm(graph, node, prepared);
  prepare_dense(graph, node, fused.relu, prepared);
}

}  // namespace

bool prepare_matrix(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op == "dense") {
    prepare_dense(graph, node, false, prepared);
  } else if (node.op == "fused.dense") {
    prepare_fused_dense(graph, node, prepared);
  } else if (node.op == "fused.denseGrad") {
    prepare_dense_grad(graph, node, prepared);
  } else if (node.op == "dotGeneral") {
    prepare_dot_general(graph, node, prepared);
  } else {
    return false;
  }
  return true;
}

}  // namespace flaxen::cpu
