// fused.dense: a dense layer that makes its x from what a batch norm reads, block by block where the product reads it, and finds the
// statistics of the batch norm behind it while its results are in the cache.
#include "compiler/fused_dense.h"
#include "cpu/batch_norm.h"
#include "cpu/gemm.h"
#include "cpu/matrix_dense.h"
#include "cpu/operand_cursor.h"

namespace flaxen::cpu {

namespace {

struct DenseNorm {
  FusedDense fused;
  int64_t m, n, k;
  Gemm gemm;
  BatchNorm norm;
  const BatchNormTable* table;

  // In scratch: the product's own, the statistics of blocks, the factors of both batch norms.
  size_t gemm_floats() const { return (gemm.scratch_bytes() + 63) / 64 * 16; }
  size_t floats() const { return gemm_floats() + static_cast<size_t>(norm.moments_size() + n + k); }

  void run(const Buffers& buffers) const;
};

struct Moments {
  const BatchNorm* norm;
  const float* y;
  float* partial;
};

void DenseNorm::run(const Buffers& buffers) const {
  OperandCursor operands(buffers);
  float* const scratch = static_cast<float*>(buffers.scratch);
  float* const partial = scratch + gemm_floats();
  float* const factor = partial + norm.moments_size();
  float* const x_factor = factor + n;

  const float* const x = operands.next_input();
  NormalizedRows rows{};
  Sources sources;
  if (fused.x) {
    const float* scale = operands.next_input();
    const float* bias = operands.next_input();
    const float* mean = operands.next_input();
    const float* var = operands.next_input();
    table->factors(var, scale, static_cast<float>(fused.x->epsilon), 0, k, x_factor);
    rows = {table, x, k, mean, x_factor, bias, fused.x->relu};
    sources.a = {&rows, [](const void* from, int64_t row, int64_t column, int64_t count, int64_t columns, float* to, int64_t stride) {
                   static_cast<const NormalizedRows*>(from)->make(row, column, count, columns, to, stride);
                 }};
  }
  const float* const kernel = operands.next_input();
  Epilogue epilogue;
  if (fused.bias) epilogue.bias = operands.next_input();
  epilogue.relu = fused.relu;
  float* const y = operands.next_output();
  const Moments moments{&norm, y, partial};
  if (fused.norm) {
    epilogue.observer = {&moments, [](const void* context, int64_t row, int64_t count, int64_t column, int64_t columns) {
                           const Moments& to = *static_cast<const Moments*>(context);
                           to.norm->block_moments(to.y, row, count, column, columns, to.partial);
                         }};
  }
  gemm.run(x, kernel, y, epilogue, scratch, sources);
  if (!fused.norm) return;
  const float* scale = operands.next_input();
  const float* bias = operands.next_input();
  float* mean = operands.next_output();
  float* var = operands.next_output();
  norm.finish_moments(partial, scale, mean, var, factor);
  if (fused.norm_written) norm.normalize(y, mean, factor, bias, fused.norm->relu, operands.next_output());
}

}  // namespace

void prepare_dense_norm(const Graph& graph, const Node& node, Prepared& prepared) {
  const auto& fused = static_cast<const FusedDense&>(*node.fused);
  const Shape& kernel = graph.aval(node.inputs[fused.x ? 5 : 1]).shape;
  const int64_t k = kernel[0], n = kernel[1], m = graph.aval(node.outputs[0]).count() / n;
  const Isa isa = chosen_isa();
  const GemmOptions options{.observed = fused.norm.has_value(), .a = fused.x ? Made::by_rows : Made::no};
  const FusedNorm norm = fused.norm.value_or(FusedNorm{});
  const DenseNorm layer{fused,
                        m,
                        n,
                        k,
                        Gemm({.m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n}, isa, options),
                        BatchNorm(m, n, static_cast<float>(norm.epsilon), norm.fast_variance, isa),
                        &batch_norm_table(isa)};
  prepared.scratch_bytes = layer.floats() * sizeof(float);
  const double elements = static_cast<double>(m) * static_cast<double>(n + k);
  prepared.cost_ns = layer.gemm.cost_ns() + 0.2 * elements;
  prepared.note = layer.gemm.note();
  prepared.launch = [layer](const Buffers& buffers) { layer.run(buffers); };
}

}  // namespace flaxen::cpu
