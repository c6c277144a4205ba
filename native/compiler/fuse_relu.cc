#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "compiler/feature_axis.h"
#include "compiler/fused_dense.h"
#include "compiler/passes.h"
#include "compiler/rewriter.h"

namespace flaxen {

namespace {

class ReluFusion {
 public:
  explicit ReluFusion(Graph& graph) : graph_(graph), uses_(graph.values.size()), rectified_(graph.values.size()) {}

  void run() {
    count_uses();
    Rewriter rewriter(graph_);
    rewriter.walk([&](Node& node) {
      if ((node.op == "batchNorm" || node.op == "dense") && only_relu_reads(node.outputs[0])) {
        take_relu(node);
      } else if (is_relu(rewriter, node) && rectified_[static_cast<size_t>(node.inputs[2])]) {
        rewriter.replace(node.outputs[0], node.inputs[2]);
      } else if (node.op == "batchNormGrad") {
        fuse_gradient(rewriter, node);
      }
    });
    remove_dead_code(graph_);
  }

 private:
  struct Uses {
    int all = 0;
    int by_masks = 0, by_relu = 0;  // le(v, 0), select(le(v, 0), 0, v)
  };

  Uses& uses(ValueId v) { return uses_[static_cast<size_t>(v)]; }

  void count_uses() {
    Rewriter rewriter(graph_);
    rewriter.walk([&](Node& node) {
      for (ValueId v : node.inputs) ++uses(v).all;
      if (is_mask(rewriter, node)) ++uses(node.inputs[0]).by_masks;
      if (is_relu(rewriter, node)) ++uses(node.inputs[2]).by_relu;
    });
    for (ValueId v : graph_.outputs) ++uses(v).all;
  }

  bool only_relu_reads(ValueId v) { return uses(v).by_relu > 0 && uses(v).all == uses(v).by_masks + uses(v).by_relu; }

  // From here on the node's first output is relu(y). Masks that read it stay right: le(relu(y), 0) is le(y, 0), of a NaN too.
  void take_relu(Node& node) {
    rectified_[static_cast<size_t>(node.outputs[0])] = true;
    if (node.op == "batchNorm") {
      node.op = "fused.batchNormRelu";
      return;
    }
    auto fused = std::make_shared<FusedDense>();
    fused->bias = node.inputs.size() == 3;
    fused->relu = true;
    node.op = "fused.dense";
    node.fused = std::move(fused);
  }

  static bool is_zero(const Rewriter& rewriter, ValueId v) {
    const Node* full = rewriter.maker(v, "full");
    return full && full->number("value") == 0 && !std::signbit(full->number("value"));
  }

  static bool is_mask(const Rewriter& rewriter, const Node& node) { return node.op == "le" && is_zero(rewriter, node.inputs[1]); }

  // The le(v, 0) of select(le(v, 0), 0, ...), or null.
  static const Node* mask_of(const Rewriter& rewriter, const Node& node) {
    if (node.op != "select" || !is_zero(rewriter, node.inputs[1])) return nullptr;
    const Node* mask = rewriter.maker(node.inputs[0], "le");
    return mask && is_mask(rewriter, *mask) ? mask : nullptr;
  }

  static bool is_relu(const Rewriter& rewriter, const Node& node) {
    const Node* mask = mask_of(rewriter, node);
    return mask && mask->inputs[0] == node.inputs[2];
  }

  // The node of this op whose first output is v, or null.
  static const Node* output_of(const Rewriter& rewriter, ValueId v, const char* op) {
    const Node* maker = rewriter.maker(v, op);
    return maker && maker->outputs[0] == v ? maker : nullptr;
  }

  // The gradient finds the mask from what it reads anyway, if it is that of the very batch norm behind the mask.
  void fuse_gradient(const Rewriter& rewriter, Node& node) {
    const Node* masked = rewriter.maker(node.inputs[0], "select");
    const Node* mask = masked ? mask_of(rewriter, *masked) : nullptr;
    if (!mask || uses(node.inputs[0]).all > 1) return;
    const ValueId y = mask->inputs[0];
    const Node* forward = output_of(rewriter, y, "fused.batchNormRelu");
    if (!forward) forward = output_of(rewriter, y, "batchNorm");
    if (!forward) return;
    const std::vector<ValueId> known{forward->inputs[0], forward->inputs[1], forward->outputs[1], forward->outputs[2]};
    if (!std::equal(known.begin(), known.end(), node.inputs.begin() + 1)) return;
    if (forward->number("epsilon") != node.number("epsilon") || axis_of(*forward) != axis_of(node)) return;
    node.op = "fused.batchNormReluGrad";
    node.inputs[0] = masked->inputs[2];
    node.inputs.push_back(forward->inputs[2]);
  }

  // Of the features, or -1 for the last.
  static int64_t axis_of(const Node& norm) { return norm.fused ? static_cast<const FeatureAxis&>(*norm.fused).axis : -1; }

  Graph& graph_;
  std::vector<Uses> uses_;       // by value
  std::vector<bool> rectified_;  // by value
};

}  // namespace

void fuse_relu(Graph& graph) { ReluFusion(graph).run(); }

}  // namespace flaxen
