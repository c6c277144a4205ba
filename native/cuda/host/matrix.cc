// Matrix products: dense, alone and with what fuse_dense puts with it, and dotGeneral as a batch of products.
#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "compiler/fused_dense.h"
#include "cpu/matrix_operand.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

namespace {

// What the node asks for, or FLAXEN_MATMUL_PRECISION for all.
FlaxenCudaPrecision precision_of(const Node& node) {
  const char* all = std::getenv("FLAXEN_MATMUL_PRECISION");
  const bool own = node.params.count("precision") > 0;
  const std::string asked = own ? node.text("precision") : all ? all : "";
  if (asked.empty() || asked == "default") return FLAXEN_CUDA_TF32;
  if (asked == "high" || asked == "highest") return FLAXEN_CUDA_FLOAT32;
  if (asked == "bfloat16") return FLAXEN_CUDA_BFLOAT16;
  const std::string name = own ? "the precision of a product" : "FLAXEN_MATMUL_PRECISION";
  throw GraphError(name + " must be default, high, highest or bfloat16, got \"" + asked + "\"");
}

std::string note_of(const FlaxenCudaGemm& g) {
  return std::to_string(g.m) + "x" + std::to_string(g.n) + "x" + std::to_string(g.k) +
         (g.batch > 1 ? ", batch " + std::to_string(g.batch) : "") +
         (g.precision == FLAXEN_CUDA_FLOAT32    ? ", float32"
          : g.precision == FLAXEN_CUDA_BFLOAT16 ? ", bfloat16"
                                                : "");
}

// Rows of `a`, or its columns where it is to be read transposed, times the matrix b.
FlaxenCudaGemm product_of(const Node& node, int64_t rows, int64_t columns, const Shape& b, bool transposed) {
  FlaxenCudaGemm gemm{};
  gemm.batch = 1;
  gemm.m = transposed ? columns : rows;
  gemm.k = transposed ? rows : columns;
  gemm.n = b[1];
  gemm.a_stride = columns;
  gemm.b_stride = gemm.n;
  gemm.a_transposed = transposed;
  gemm.precision = precision_of(node);
  return gemm;
}

FlaxenCudaGemm dense_of(const Graph& graph, const Node& node) {
  const Shape &x = graph.aval(node.inputs[0]).shape, &kernel = graph.aval(node.inputs[1]).shape;
  return product_of(node, count(Shape(x.begin(), x.end() - 1)), x.back(), kernel, false);
}

void prepare_dense(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  const bool has_bias = node.inputs.size() == 3;
  FlaxenCudaGemm gemm = dense_of(graph, node);
  gemm.relu = node.fused && static_cast<const FusedDense&>(*node.fused).relu;
  prepared.scratch_bytes = library.gemm_scratch(&gemm, 0);
  prepared.note = note_of(gemm);
  prepared.launch = [=](const Buffers& b) {
    return b.library.gemm(b.device, &gemm, b.input<float>(0), b.input<float>(1), has_bias ? b.input<float>(2) : nullptr, b.output<float>(0),
                          nullptr, nullptr, b.scratch);
  };
}

// A dense layer, with relu or not, and the batch norm behind it: the product's epilogue finds the statistics. That forbids to split k,
// which long ones need more: those leave the statistics to the batch norm's own kernel.
constexpr int64_t kMostUnsplit = 4096;

void prepare_fused_dense(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  const auto& fused = static_cast<const FusedDense&>(*node.fused);
  if (!fused.norm) return prepare_dense(library, graph, node, prepared);
  FlaxenCudaGemm gemm = dense_of(graph, node);
  gemm.relu = fused.relu;
  const int scale = fused.bias ? 3 : 2;
  const auto epsilon = static_cast<float>(fused.norm->epsilon);
  const bool relu = fused.norm->relu, in_epilogue = gemm.k <= kMostUnsplit;
  const int64_t rows_per_block = library.gemm_moment_rows(&gemm);
  const auto blocks = static_cast<size_t>((gemm.m + rows_per_block - 1) / rows_per_block);
  const size_t moment_bytes = blocks * 3 * static_cast<size_t>(gemm.n) * sizeof(float);
  prepared.scratch_bytes =
      in_epilogue ? moment_bytes : std::max(library.gemm_scratch(&gemm, 0), library.batch_norm_scratch(gemm.m, gemm.n));
  prepared.note = note_of(gemm);
  prepared.launch = [=, bias = fused.bias](const Buffers& b) {
    float *y = b.output<float>(0), *mean = b.output<float>(1), *var = b.output<float>(2), *normalized = b.output<float>(3);
    float* moments = in_epilogue ? static_cast<float*>(b.scratch) : nullptr;
    const int error = b.library.gemm(b.device, &gemm, b.input<float>(0), b.input<float>(1), bias ? b.input<float>(2) : nullptr, y, moments,
                                     nullptr, b.scratch);
    if (error) return error;
    if (!moments) {
      return b.library.batch_norm(b.device, gemm.m, gemm.n, y, b.input<float>(scale), b.input<float>(scale + 1), epsilon, relu, normalized,
                                  mean, var, b.scratch);
    }
    return b.library.batch_norm_from_moments(b.device, gemm.m, gemm.n, moments, rows_per_block, y, b.input<float>(scale),
                                             b.input<float>(scale + 1), epsilon, relu, normalized, mean, var);
  };
}

// The gradients of a dense layer's kernel and bias: the product reads the cotangent anyway, and sums it.
void prepare_fused_dense_grad(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  const Shape &dy = graph.aval(node.inputs[0]).shape, &x = graph.aval(node.inputs[1]).shape;
  const FlaxenCudaGemm gemm = product_of(node, x[0], x[1], dy, true);
  prepared.scratch_bytes = library.gemm_scratch(&gemm, 0);
  prepared.note = note_of(gemm);
  prepared.launch = [=](const Buffers& b) {
    return b.library.gemm(b.device, &gemm, b.input<float>(1), b.input<float>(0), nullptr, b.output<float>(0), nullptr, b.output<float>(1),
                          b.scratch);
  };
}

// An operand of dotGeneral as the kernel reads it: [rows, columns], or [columns, rows] where crossed, in place or from a copy.
struct Side {
  int64_t rows, columns, stride, batch_stride;
  bool crossed = false;
  StridedCopy copy;
  int64_t copy_elements = 0;
};

Side side_of(const cpu::Operand& operand, int64_t batch) {
  const cpu::Matrices matrices = cpu::as_matrices(operand);
  Side side{};
  side.rows = matrices.rows.size;
  side.columns = matrices.columns.size;
  cpu::Dim all;
  if (matrices.copied.empty() && cpu::merge(matrices.batch, all)) {
    side.batch_stride = all.stride;
    if (side.columns <= 1 || matrices.columns.stride == 1) {
      side.stride = side.rows <= 1 ? side.columns : matrices.rows.stride;
      return side;
    }
    if (side.rows <= 1 || matrices.rows.stride == 1) {
      side.crossed = true;
      side.stride = matrices.columns.stride;
      return side;
    }
  }
  side.stride = side.columns;
  side.batch_stride = side.rows * side.columns;
  side.copy_elements = batch * side.batch_stride;
  side.copy.element_bytes = sizeof(float);
  for (const auto* dims : {&operand.batch, &operand.free, &operand.contract}) {
    for (const cpu::Dim& d : *dims) {
      side.copy.shape.push_back(d.size);
      side.copy.from.strides.push_back(d.stride);
    }
  }
  side.copy.to.strides.assign(side.copy.shape.size(), 1);
  for (size_t d = side.copy.shape.size(); d-- > 1;) {
    side.copy.to.strides[d - 1] = side.copy.to.strides[d] * std::max<int64_t>(side.copy.shape[d], 1);
  }
  return side;
}

// The contracting dimensions may be run through in any order; the one in which less is copied is taken.
void choose_sides(const Graph& graph, const Node& node, int64_t batch, Side& x, Side& y) {
  const std::vector<int64_t>& lhs = node.ints("lhsContract");
  const std::vector<int64_t>& rhs = node.ints("rhsContract");
  int64_t least = -1;
  for (const auto* key : {&lhs, &rhs}) {
    std::vector<size_t> order(key->size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return (*key)[a] < (*key)[b]; });
    const auto ordered = [&](const std::vector<int64_t>& list) {
      std::vector<int64_t> result;
      for (size_t i : order) result.push_back(list[i]);
      return result;
    };
    const Side a = side_of(cpu::make_operand(graph.aval(node.inputs[0]).shape, node.ints("lhsBatch"), ordered(lhs)), batch);
    const Side b = side_of(cpu::make_operand(graph.aval(node.inputs[1]).shape, node.ints("rhsBatch"), ordered(rhs)), batch);
    const int64_t copied = a.copy_elements + b.copy_elements;
    if (least >= 0 && copied >= least) continue;
    least = copied;
    x = a;
    y = b;
  }
}

size_t aligned(size_t bytes) { return (bytes + 255) / 256 * 256; }

void prepare_dot_general(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  int64_t batch = 1;
  for (int64_t i : node.ints("lhsBatch")) batch *= graph.aval(node.inputs[0]).shape[static_cast<size_t>(i)];
  Side x, y;
  choose_sides(graph, node, batch, x, y);
  FlaxenCudaGemm gemm{};
  gemm.batch = batch;
  gemm.m = x.rows;
  gemm.n = y.rows;
  gemm.k = x.columns;
  gemm.a_stride = x.stride;
  gemm.a_batch = x.batch_stride;
  gemm.a_transposed = x.crossed;
  gemm.b_stride = y.stride;
  gemm.b_batch = y.batch_stride;
  gemm.b_transposed = !y.crossed;
  gemm.precision = precision_of(node);
  const bool is_float = graph.aval(node.inputs[0]).dtype == DType::f32;
  const size_t x_bytes = aligned(static_cast<size_t>(x.copy_elements) * sizeof(float));
  const size_t y_bytes = aligned(static_cast<size_t>(y.copy_elements) * sizeof(float));
  prepared.scratch_bytes = x_bytes + y_bytes;
  if (is_float) prepared.scratch_bytes += library.gemm_scratch(&gemm, 0);
  prepared.note = note_of(gemm) + (x.copy_elements ? ", x copied" : "") + (y.copy_elements ? ", y copied" : "");
  prepared.launch = [=](const Buffers& b) {
    auto* scratch = static_cast<std::byte*>(b.scratch);
    const float *from = b.input<float>(0), *with = b.input<float>(1);
    if (x.copy_elements > 0) {
      if (const int error = x.copy.launch(b, scratch, from)) return error;
      from = reinterpret_cast<const float*>(scratch);
    }
    if (y.copy_elements > 0) {
      if (const int error = y.copy.launch(b, scratch + x_bytes, with)) return error;
      with = reinterpret_cast<const float*>(scratch + x_bytes);
    }
    if (!is_float) return b.library.gemm_integer(b.device, &gemm, from, with, b.out[0]);
    return b.library.gemm(b.device, &gemm, from, with, nullptr, b.output<float>(0), nullptr, nullptr, scratch + x_bytes + y_bytes);
  };
}

}  // namespace

bool prepare_matrix(const Library& library, const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op == "dense") {
    prepare_dense(library, graph, node, prepared);
  } else if (node.op == "fused.dense") {
    prepare_fused_dense(library, graph, node, prepared);
  } else if (node.op == "fused.denseGrad") {
    prepare_fused_dense_grad(library, graph, node, prepared);
  } else if (node.op == "dotGeneral") {
    prepare_dot_general(library, graph, node, prepared);
  } else {
    return false;
  }
  return true;
}

}  // namespace flaxen::cuda
