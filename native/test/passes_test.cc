// What each pass makes of a graph.
#include "compiler/passes.h"

#include <limits>

#include "graph_builder.h"
#include "kernel_check.h"
#include "runtime/evaluate.h"

namespace {

using namespace flaxen;
using namespace flaxen::test;
using List = std::vector<int64_t>;

std::string ops(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) text += (text.empty() ? "" : " ") + node.op;
  return text;
}

void expect_ops(Graph graph, const std::string& wanted, const std::string& what) {
  simplify(graph, evaluate_scalar);
  remove_dead_code(graph);
  check(ops(graph) == wanted, what + ": '" + ops(graph) + "' instead of '" + wanted + "'");
}

Params value(double v) { return {{"value", v}}; }

// A graph of one input, whose output is what `make` returns.
template <typename Make>
Graph graph_of(Aval input, Make make) {
  GraphBuilder b;
  const ValueId x = b.input(std::move(input));
  b.graph.outputs = {make(b, x)};
  return std::move(b.graph);
}

void test_arithmetic() {
  const auto with_constant = [](const char* op, double c, bool constant_first) {
    return graph_of(f32({2}), [&](GraphBuilder& b, ValueId x) {
      const ValueId k = b.node("full", {}, value(c), {f32({2})});
      return constant_first ? b.map(op, {k, x}) : b.map(op, {x, k});
    });
  };
  expect_ops(with_constant("mul", 1, false), "", "x * 1");
  expect_ops(with_constant("mul", 1, true), "", "1 * x");
  expect_ops(with_constant("div", 1, false), "", "x / 1");
  expect_ops(with_constant("div", 1, true), "full div", "1 / x");
  expect_ops(with_constant("sub", 0, false), "", "x - 0");
  expect_ops(with_constant("add", 0, false), "full add", "x + 0 turns -0 into 0");
  expect_ops(with_constant("add", -0.0, false), "", "x + -0");
  expect_ops(with_constant("mul", 0, false), "full mul", "x * 0 may be NaN");
  expect_ops(graph_of(i32({2}),
                      [](GraphBuilder& b, ValueId x) {
                        const ValueId k = b.node("full", {}, value(0), {i32({2})});
                        return b.map("add", {x, k});
                      }),
             "", "integer x + 0");
  expect_ops(graph_of(f32({2}), [](GraphBuilder& b, ValueId x) { return b.map("neg", {b.map("neg", {x})}); }), "", "-(-x)");
}

void test_constants() {
  Graph graph = graph_of(f32({2}), [](GraphBuilder& b, ValueId) {
    const ValueId two = b.node("full", {}, value(2), {f32({})});
    const ValueId wide = b.node("broadcast", {two}, {{"dims", List{}}}, {f32({3, 4})});
    const ValueId third = b.node("full", {}, value(1.0 / 3), {f32({3, 4})});
    const ValueId root = b.map("sqrt", {wide});
    return b.node("convert", {b.map("mul", {root, third})}, {}, {f32({3, 4})});
  });
  simplify(graph, evaluate_scalar);
  remove_dead_code(graph);
  const float wanted = 1.41421356f * static_cast<float>(1.0 / 3);
  check(ops(graph) == "full" && graph.nodes[0].number("value") == static_cast<double>(wanted), "constants fold to the kernels' bits");

  expect_ops(graph_of(f32({2}),
                      [](GraphBuilder& b, ValueId) {
                        const ValueId nan = b.node("full", {}, value(std::numeric_limits<double>::quiet_NaN()), {f32({2})});
                        return b.map("neg", {nan});
                      }),
             "full neg", "a NaN is left to the run");
}

void test_layout() {
  const auto transpose = [](GraphBuilder& b, ValueId x, List perm) {
    Shape shape;
    for (int64_t p : perm) shape.push_back(b.graph.aval(x).shape[static_cast<size_t>(p)]);
    return b.node("transpose", {x}, {{"perm", perm}}, {f32(shape)});
  };
  expect_ops(graph_of(f32({2, 3, 4}),
                      [&](GraphBuilder& b, ValueId x) {
                        return transpose(b, transpose(b, x, {2, 0, 1}), {1, 2, 0});
                      }),
             "", "a transpose and back");
  Graph twice = graph_of(f32({2, 3, 4}), [&](GraphBuilder& b, ValueId x) { return transpose(b, transpose(b, x, {2, 0, 1}), {0, 2, 1}); });
  simplify(twice, evaluate_scalar);
  remove_dead_code(twice);
  check(ops(twice) == "transpose" && twice.nodes[0].ints("perm") == List{2, 1, 0}, "two transposes are one");
  expect_ops(graph_of(f32({1, 5, 1}),
                      [&](GraphBuilder& b, ValueId x) {
                        return transpose(b, x, {1, 2, 0});
                      }),
             "reshape", "a transpose of one long dimension moves nothing");
  expect_ops(graph_of(f32({2, 3}),
                      [](GraphBuilder& b, ValueId x) {
                        const ValueId flat = b.node("reshape", {x}, {}, {f32({6})});
                        return b.node("reshape", {flat}, {}, {f32({2, 3})});
                      }),
             "", "a reshape and back");
  expect_ops(graph_of(f32({2, 3}),
                      [](GraphBuilder& b, ValueId x) {
                        return b.node("broadcast", {x}, {{"dims", List{0, 2}}}, {f32({2, 1, 3})});
                      }),
             "reshape", "a broadcast that adds dimensions of 1");
  expect_ops(graph_of(f32({2, 1}),
                      [](GraphBuilder& b, ValueId x) {
                        return b.node("reduceSum", {x}, {{"axes", List{1}}}, {f32({2})});
                      }),
             "reshape", "a sum over one element");
  expect_ops(graph_of(f32({3}),
                      [](GraphBuilder& b, ValueId x) {
                        const ValueId rows = b.node("broadcast", {x}, {{"dims", List{1}}}, {f32({2, 3})});
                        return b.node("broadcast", {rows}, {{"dims", List{0, 2}}}, {f32({2, 5, 3})});
                      }),
             "broadcast", "two broadcasts are one");
}

void test_products() {
  Graph graph = graph_of(f32({5, 3}), [](GraphBuilder& b, ValueId x) {
    const ValueId t = b.node("transpose", {x}, {{"perm", List{1, 0}}}, {f32({3, 5})});
    const Params params = {{"lhsContract", List{1}}, {"rhsContract", List{0}}, {"lhsBatch", List{}}, {"rhsBatch", List{}}};
    return b.node("dotGeneral", {t, x}, params, {f32({3, 3})});
  });
  fold_transposes(graph);
  remove_dead_code(graph);
  check(ops(graph) == "dotGeneral" && graph.nodes[0].ints("lhsContract") == List{0}, "a product reads its operand transposed");

  Graph kept = graph_of(f32({5, 3, 2}), [](GraphBuilder& b, ValueId x) {
    const ValueId t = b.node("transpose", {x}, {{"perm", List{0, 2, 1}}}, {f32({5, 2, 3})});
    const Params params = {{"lhsContract", List{0}}, {"rhsContract", List{0}}, {"lhsBatch", List{}}, {"rhsBatch", List{}}};
    return b.node("dotGeneral", {t, x}, params, {f32({2, 3, 3, 2})});
  });
  fold_transposes(kept);
  check(kept.nodes[1].inputs[0] == kept.nodes[0].outputs[0], "a transpose of free axes stays");
}

// transpose, batchNorm, transpose back; and the gradient between the same.
struct Norms : GraphBuilder {
  explicit Norms(List perm, List back) {
    const Shape apart{2, 3, 5};
    Shape shape;
    for (int64_t d : perm) shape.push_back(apart[static_cast<size_t>(d)]);
    const Aval there = f32(apart), all = f32(shape), features = f32({shape.back()});
    const Params params = {{"epsilon", 1e-5}, {"fastVariance", true}};
    const ValueId x = input(there), dy = input(there), scale = input(features), bias = input(features);
    const auto moved = [&](ValueId v, const List& by, const Aval& to) { return node("transpose", {v}, {{"perm", by}}, {to}); };
    const ValueId t = moved(x, perm, all);
    y = node("batchNorm", {t, scale, bias}, params, {all, features, features});
    dx = node("batchNormGrad", {moved(dy, perm, all), t, scale, y + 1, y + 2}, params, {all, features, features});
    graph.outputs = {moved(y, back, there), moved(dx, back, there), dx + 1, dx + 2};
  }
  ValueId y, dx;
};

void test_features() {
  Norms first({0, 2, 1}, {0, 2, 1});
  fold_norm_transposes(first.graph);
  check(ops(first.graph) == "batchNorm batchNormGrad", "features in the middle stay there: " + ops(first.graph));
  for (const Node& node : first.graph.nodes) {
    check(node.fused && node.fused->text() == "features along axis 1", node.op + " knows where they are");
    check(first.graph.aval(node.outputs[0]).shape == Shape({2, 3, 5}), node.op + " gives what lies as its input");
  }
  check(first.graph.outputs[0] == first.y && first.graph.outputs[1] == first.dx, "what was moved back is returned as it is");
  check(first.graph.nodes[1].inputs[0] == 1 && first.graph.nodes[1].inputs[1] == 0, "the gradient reads the arrays as they lie");

  const std::string kept = "transpose batchNorm transpose batchNormGrad transpose transpose";
  Norms other({1, 2, 0}, {1, 2, 0});  // no inverse: the outputs' shapes do not matter to the pass
  fold_norm_transposes(other.graph);
  check(ops(other.graph) == kept, "another permutation behind it: " + ops(other.graph));
  Norms returned({0, 2, 1}, {0, 2, 1});
  returned.graph.outputs.push_back(returned.y);
  returned.graph.outputs.push_back(returned.dx);
  fold_norm_transposes(returned.graph);
  check(ops(returned.graph) == kept, "results that are returned as they are: " + ops(returned.graph));
}

void test_sharing() {
  Graph graph = graph_of(f32({2}), [](GraphBuilder& b, ValueId x) {
    const ValueId a = b.map("exp", {x}), c = b.map("exp", {x});
    b.map("log", {x});
    return b.map("add", {b.map("sin", {a}), b.map("sin", {c})});
  });
  merge_common_subexpressions(graph);
  remove_dead_code(graph);
  check(ops(graph) == "exp sin add", "common subexpressions and dead code: " + ops(graph));

  Graph zeros = graph_of(f32({2}), [](GraphBuilder& b, ValueId) {
    return b.map("div", {b.node("full", {}, value(0), {f32({2})}), b.node("full", {}, value(-0.0), {f32({2})})});
  });
  merge_common_subexpressions(zeros);
  remove_dead_code(zeros);
  check(ops(zeros) == "full full div", "0 and -0 differ");
}

void test_sinking() {
  Graph graph = graph_of(f32({2}), [](GraphBuilder& b, ValueId x) {
    const ValueId k = b.node("full", {}, value(3), {f32({2})});
    return b.map("add", {b.map("exp", {x}), k});
  });
  sink_cheap_nodes(graph);
  check(ops(graph) == "exp full add", "a constant comes right before its reader: " + ops(graph));
}

}  // namespace

int main() {
  test_arithmetic();
  test_constants();
  test_layout();
  test_products();
  test_features();
  test_sharing();
  test_sinking();
  return report("passes");
}
