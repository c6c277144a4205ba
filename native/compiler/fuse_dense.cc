#include <algorithm>
#include <utility>
#include <vector>

#include "compiler/fused_dense.h"
#include "compiler/passes.h"

namespace flaxen {

namespace {

// Where one pass over the rows pays: rows to share out, and factors small enough to stay in a core's cache beside a block of rows.
constexpr int64_t kLeastRows = 1024, kMostColumns = 512, kMostKernel = 64 * 1024;

class DenseFusion {
 public:
  DenseFusion(Graph& graph, bool operands) : graph_(graph), operands_(operands) {}

  void run() {
    index();
    for (size_t n = 0; n < graph_.nodes.size(); ++n) fuse_gradient(n);
    index();
    for (size_t n = 0; n < graph_.nodes.size(); ++n) fuse_norm(n);
    index();
    for (size_t n = 0; n < graph_.nodes.size(); ++n) fuse_sums(n);
    std::erase_if(graph_.nodes, is_gone);
  }

 private:
  struct Use {
    size_t node;
    size_t input;
  };
  static constexpr size_t kNobody = ~size_t{0};

  static bool is_gone(const Node& node) { return node.outputs.empty(); }
  // Of the rows of a matrix: one along another axis has that attached.
  static bool is_norm(const Node& node) { return !node.fused && (node.op == "batchNorm" || node.op == "fused.batchNormRelu"); }
  static bool is_norm_grad(const Node& node) { return !node.fused && (node.op == "batchNormGrad" || node.op == "fused.batchNormReluGrad"); }
  static FusedNorm norm_of(const Node& node) {
    return {node.number("epsilon"), node.op != "batchNorm" && node.op != "batchNormGrad", node.flag("fastVariance")};
  }

  void index() {
    std::erase_if(graph_.nodes, is_gone);
    maker_.assign(graph_.values.size(), kNobody);
    uses_.assign(graph_.values.size(), {});
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      for (size_t i = 0; i < node.inputs.size(); ++i) uses_[at(node.inputs[i])].push_back({n, i});
      for (ValueId v : node.outputs) maker_[at(v)] = n;
    }
    for (ValueId v : graph_.outputs) uses_[at(v)].push_back({kNobody, 0});
  }

  static size_t at(ValueId v) { return static_cast<size_t>(v); }
  const std::vector<Use>& uses(ValueId v) const { return uses_[at(v)]; }
  bool made_before(ValueId v, size_t node) const { return maker_[at(v)] == kNobody || maker_[at(v)] < node; }
  bool made_before(const std::vector<ValueId>& values, size_t node) const {
    return std::all_of(values.begin(), values.end(), [&](ValueId v) { return made_before(v, node); });
  }
  const Shape& shape(ValueId v) const { return graph_.aval(v).shape; }
  bool is_matrix(ValueId v) const { return graph_.aval(v).dtype == DType::f32 && shape(v).size() == 2; }

  static bool is_product(const Node& node, int64_t lhs, int64_t rhs) {
    return node.op == "dotGeneral" && node.ints("lhsBatch").empty() && node.ints("lhsContract") == std::vector<int64_t>{lhs} &&
           node.ints("rhsContract") == std::vector<int64_t>{rhs};
  }

  // Node n is x^T * dy: it becomes the whole gradient of the layer, with all that is made of dy.
  void fuse_gradient(size_t n) {
    const Node& dkernel = graph_.nodes[n];
    if (!is_product(dkernel, 0, 0) || !is_matrix(dkernel.inputs[0]) || !is_matrix(dkernel.inputs[1])) return;
    const ValueId x = dkernel.inputs[0], dy = dkernel.inputs[1];
    const int64_t rows = shape(x)[0], inputs = shape(x)[1], features = shape(dy)[1];
    if (rows * inputs * features == 0) return;
    if (operands_ && (rows < kLeastRows || std::max(inputs, features) > kMostColumns || inputs * features > kMostKernel)) return;
    size_t dx = kNobody, dbias = kNobody, first = n;
    for (const Use& use : uses(dy)) {
      if (use.node == kNobody) continue;
      const Node& node = graph_.nodes[use.node];
      if (is_gone(node)) continue;
      if (operands_ && dx == kNobody && use.input == 0 && is_product(node, 1, 1) && is_matrix(node.inputs[1]) &&
          shape(node.inputs[1])[0] == inputs) {
        dx = use.node;
      } else if (dbias == kNobody && node.op == "reduceSum" && node.ints("axes") == std::vector<int64_t>{0}) {
        dbias = use.node;
      }
    }
    auto fused = std::make_shared<FusedDenseGrad>();
    fused->dx = dx != kNobody;
    fused->dbias = dbias != kNobody;
    for (size_t part : {dx, dbias}) first = std::min(first, part);
    // dy itself need not be written if nothing else reads it.
    const size_t maker = maker_[at(dy)];
    const size_t parts = 1u + (fused->dx ? 1 : 0) + (fused->dbias ? 1 : 0);
    const bool through_norm = operands_ && maker != kNobody && is_norm_grad(graph_.nodes[maker]) && graph_.nodes[maker].outputs[0] == dy &&
                              uses(dy).size() == parts;
    if (!fused->dx && !fused->dbias && !through_norm) return;

    Node node{"fused.denseGrad", {dy}, {dkernel.outputs[0]}, {}, nullptr};
    if (const auto precision = dkernel.params.find("precision"); precision != dkernel.params.end()) node.params.insert(*precision);
    if (through_norm) {
      Node& grad = graph_.nodes[maker];
      fused->dy = norm_of(grad);
      node.inputs = {grad.inputs[0], grad.inputs[1], grad.inputs[2], grad.inputs[3], grad.inputs[4], grad.outputs[1], grad.outputs[2]};
      if (fused->dy->relu) node.inputs.push_back(grad.inputs[5]);
    }
    node.inputs.push_back(x);
    if (fused->dx) node.inputs.push_back(graph_.nodes[dx].inputs[1]);
    if (!made_before(node.inputs, first)) return;
    if (through_norm) {
      Node& grad = graph_.nodes[maker];
      grad.op = "fused.batchNormGradSums";
      grad.params["relu"] = fused->dy->relu;
      grad.outputs.erase(grad.outputs.begin());
    }
    if (fused->dbias) node.outputs.push_back(graph_.nodes[dbias].outputs[0]);
    if (fused->dx) node.outputs.push_back(graph_.nodes[dx].outputs[0]);
    node.fused = fused;
    for (size_t part : {n, dx, dbias}) {
      if (part != kNobody) graph_.nodes[part].outputs.clear();
    }
    graph_.nodes[first] = std::move(node);
  }

  // Node n is a batch norm behind a dense layer: the layer finds its statistics, and makes its output where that is read, if it can.
  void fuse_norm(size_t n) {
    if (!is_norm(graph_.nodes[n])) return;
    const Node norm = graph_.nodes[n];
    const ValueId z = norm.inputs[0], y = norm.outputs[0];
    const size_t layer = maker_[at(z)];
    if (layer == kNobody || graph_.aval(z).count() == 0) return;
    Node& dense = graph_.nodes[layer];
    if (dense.op != "dense" && dense.op != "fused.dense") return;
    if (operands_ && graph_.aval(z).count() / shape(z).back() < kLeastRows) return;
    if (!made_before({norm.inputs[1], norm.inputs[2]}, layer)) return;
    FusedDense fused = fused_dense(dense);
    if (fused.norm) return;
    fused.norm = norm_of(norm);
    fused.norm_written = !operands_ || !read_by_products_alone(y);
    dense.op = "fused.dense";
    dense.inputs.insert(dense.inputs.end(), {norm.inputs[1], norm.inputs[2]});
    dense.outputs.insert(dense.outputs.end(), {norm.outputs[1], norm.outputs[2]});
    if (fused.norm_written) dense.outputs.push_back(y);
    dense.fused = std::make_shared<FusedDense>(fused);
    graph_.nodes[n].outputs.clear();
    if (fused.norm_written) return;
    for (const Use& use : uses(y)) make_where_read(graph_.nodes[use.node], norm);
  }

  static FusedDense fused_dense(const Node& node) {
    FusedDense fused;
    if (node.fused) return static_cast<const FusedDense&>(*node.fused);
    fused.bias = node.inputs.size() == 3;
    return fused;
  }

  // Products that can make a batch norm's output read it, each once, and nothing else does.
  bool read_by_products_alone(ValueId y) const {
    if (!is_matrix(y)) return false;
    return !uses(y).empty() && std::all_of(uses(y).begin(), uses(y).end(), [&](const Use& use) {
      if (use.node == kNobody) return false;
      const Node& reader = graph_.nodes[use.node];
      if (std::count(reader.inputs.begin(), reader.inputs.end(), y) != 1) return false;
      if (reader.op == "dense" || reader.op == "fused.dense") return use.input == 0 && shape(reader.outputs[0]).back() <= kMostColumns;
      return reader.op == "fused.denseGrad" && use.input == place_of_x(reader);
    });
  }

  static size_t place_of_x(const Node& grad) {
    const auto& fused = static_cast<const FusedDenseGrad&>(*grad.fused);
    return !fused.dy ? 1 : fused.dy->relu ? 8 : 7;
  }

  static void make_where_read(Node& reader, const Node& norm) {
    const bool grad = reader.op == "fused.denseGrad";
    FusedDense dense = grad ? FusedDense{} : fused_dense(reader);
    const auto x = reader.inputs.begin() + static_cast<std::ptrdiff_t>(grad ? place_of_x(reader) : 0);
    *x = norm.inputs[0];
    reader.inputs.insert(x + 1, {norm.inputs[1], norm.inputs[2], norm.outputs[1], norm.outputs[2]});
    if (grad) {
      auto fused = std::make_shared<FusedDenseGrad>(static_cast<const FusedDenseGrad&>(*reader.fused));
      fused->x = norm_of(norm);
      reader.fused = fused;
    } else {
      dense.x = norm_of(norm);
      reader.fused = std::make_shared<FusedDense>(dense);
      reader.op = "fused.dense";
    }
  }

  // Node n finds the sums of a batch norm's gradient: the layer that makes the cotangent finds them on the way, as it reads all else
  // anyway.
  void fuse_sums(size_t n) {
    Node& sums = graph_.nodes[n];
    if (sums.op != "fused.batchNormGradSums") return;
    const ValueId cotangent = sums.inputs[0];
    const size_t maker = maker_[at(cotangent)];
    if (maker == kNobody || graph_.nodes[maker].op != "fused.denseGrad") return;
    Node& grad = graph_.nodes[maker];
    auto fused = std::make_shared<FusedDenseGrad>(static_cast<const FusedDenseGrad&>(*grad.fused));
    if (!fused->x || fused->x_sums || !fused->dx || grad.outputs[fused->dbias ? 2 : 1] != cotangent) return;
    const FusedNorm& norm = *fused->x;
    if (norm.relu != sums.flag("relu") || norm.epsilon != sums.number("epsilon")) return;
    const auto x = grad.inputs.begin() + static_cast<std::ptrdiff_t>(place_of_x(grad));  // then scale, bias, mean, var
    std::vector<ValueId> known{x[0], x[1], x[3], x[4]};
    if (norm.relu) known.push_back(x[2]);
    if (!std::equal(known.begin(), known.end(), sums.inputs.begin() + 1, sums.inputs.end())) return;
    fused->x_sums = true;
    grad.fused = fused;
    grad.outputs.insert(grad.outputs.end(), sums.outputs.begin(), sums.outputs.end());
    sums.outputs.clear();
  }

  Graph& graph_;
  const bool operands_;
  std::vector<size_t> maker_;           // by value: the node that makes it
  std::vector<std::vector<Use>> uses_;  // by value
};

}  // namespace

void fuse_dense(Graph& graph, bool operands) { DenseFusion(graph, operands).run(); }

}  // namespace flaxen
