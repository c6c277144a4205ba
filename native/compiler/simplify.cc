#include <algorithm>
#include <cmath>

#include "compiler/passes.h"
#include "compiler/rewriter.h"
#include "compiler/simplify_layout.h"
#include "compiler/validate.h"

namespace flaxen {

namespace {

class Simplifier {
 public:
  Simplifier(Graph& graph, const Evaluate& evaluate) : graph_(graph), evaluate_(evaluate), rewriter_(graph) {}

  void run() {
    rewriter_.walk([&](Node& node) {
      simplify_layout(graph_, rewriter_, node);
      if (compute(node)) return;
      take_cotangent(node);
      if (const auto same = same_as(node); same && graph_.aval(*same) == graph_.aval(node.outputs[0])) {
        rewriter_.replace(node.outputs[0], *same);
      }
    });
  }

 private:
  // The value of a constant; nothing where the dtype cannot hold it.
  std::optional<double> constant(ValueId v) const {
    const Node* node = rewriter_.maker(v, "full");
    if (!node) return std::nullopt;
    const double value = node->number("value");
    if (std::isnan(value)) return std::nullopt;
    const auto integer_from = [&](double least, double most) {
      return value == std::floor(value) && value >= least && value <= most ? std::optional(value) : std::nullopt;
    };
    switch (graph_.aval(v).dtype) {
      case DType::f32:
        return static_cast<float>(value);
      case DType::i32:
        return integer_from(INT32_MIN, INT32_MAX);
      case DType::u32:
        return integer_from(0, UINT32_MAX);
      case DType::boolean:
        return integer_from(0, 1);
    }
    return std::nullopt;
  }

  bool is(ValueId v, double wanted) const {
    const auto value = constant(v);
    return value && *value == wanted && std::signbit(*value) == std::signbit(wanted);
  }

  // An elementwise primitive of constants is a constant.
  bool compute(Node& node) const {
    if (node.inputs.empty() || !elementwise_rules().contains(node.op)) return false;
    std::vector<double> operands;
    for (ValueId v : node.inputs) {
      const auto value = constant(v);
      if (!value) return false;
      operands.push_back(*value);
    }
    // The bits of a NaN are lost in a number.
    const auto value = evaluate_(graph_, node, operands);
    if (!value || std::isnan(*value)) return false;
    node.op = "full";
    node.inputs.clear();
    node.params = {{"value", *value}};
    return true;
  }

  // The gradient of a mean of losses has one cotangent for all: no array is made of it.
  void take_cotangent(Node& node) const {
    if (node.op != "softmaxCrossEntropyGrad") return;
    const auto value = constant(node.inputs[0]);
    if (!value) return;
    node.op = "fused.softmaxCrossEntropyGrad";
    node.params = {{"dloss", *value}};
    node.inputs.erase(node.inputs.begin());
  }

  // The value that the node's output equals, if it is there already.
  std::optional<ValueId> same_as(const Node& node) const {
    const std::string& op = node.op;
    const auto in = [&](size_t i) { return node.inputs[i]; };
    if (op == "convert" || op == "bitcast" || op == "reshape" || op == "transpose" || op == "broadcast") {
      const bool moves = op == "transpose" && !std::is_sorted(node.ints("perm").begin(), node.ints("perm").end());
      return moves ? std::nullopt : std::optional(in(0));
    }
    if (op == "slice" || op == "pad") return in(0);  // where the shape stays, nothing was cut or added
    if (op == "concatenate" && node.inputs.size() == 1) return in(0);
    if (op == "reverse" && node.ints("axes").empty()) return in(0);
    if (op == "neg" || op == "not") {
      const Node* inner = rewriter_.maker(in(0), op.c_str());
      return inner ? std::optional(inner->inputs[0]) : std::nullopt;
    }
    if (op == "mul" && is(in(1), 1)) return in(0);
    if (op == "mul" && is(in(0), 1)) return in(1);
    if (op == "div" && is(in(1), 1)) return in(0);
    // x + 0 is not x where x is -0; x - 0 and x + -0 are.
    const double zero = op == "add" && !node.outputs.empty() && graph_.aval(node.outputs[0]).dtype == DType::f32 ? -0.0 : 0.0;
    if ((op == "add" || op == "sub") && is(in(1), zero)) return in(0);
    if (op == "add" && is(in(0), zero)) return in(1);
    if ((op == "max" || op == "min" || op == "and" || op == "or") && in(0) == in(1)) return in(0);
    if (op == "select") {
      if (in(1) == in(2) || is(in(0), 1)) return in(1);
      if (is(in(0), 0)) return in(2);
    }
    return std::nullopt;
  }

  Graph& graph_;
  const Evaluate& evaluate_;
  Rewriter rewriter_;
};

}  // namespace

void simplify(Graph& graph, const Evaluate& evaluate) { Simplifier(graph, evaluate).run(); }

}  // namespace flaxen
