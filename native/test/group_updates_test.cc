// Updates of many leaves become one step, with the bits that each has alone.
#include <algorithm>

#include "compiler/elementwise_program.h"
#include "compiler/fuse_elementwise.h"
#include "compiler/passes.h"
#include "graph_builder.h"
#include "op_check.h"
#include "runtime/program.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

struct Leaf {
  ValueId gradient, parameter, momentum, new_parameter, new_momentum;
};

// Momentum for a leaf: two results, both in place.
Leaf add_leaf(GraphBuilder& b, const Shape& shape) {
  Leaf leaf{};
  leaf.gradient = b.input(f32(shape));
  leaf.parameter = b.input(f32(shape));
  leaf.momentum = b.input(f32(shape));
  return leaf;
}
void update(GraphBuilder& b, Leaf& leaf) {
  const Aval aval = b.graph.aval(leaf.gradient);
  const ValueId decay = b.node("full", {}, {{"value", 0.9}}, {aval}), rate = b.node("full", {}, {{"value", 0.1}}, {aval});
  leaf.new_momentum = b.map("add", {b.map("mul", {leaf.momentum, decay}), leaf.gradient});
  leaf.new_parameter = b.map("sub", {leaf.parameter, b.map("mul", {leaf.new_momentum, rate})});
}

void test_leaves() {
  GraphBuilder b;
  std::vector<Leaf> leaves;
  for (const Shape& shape : {Shape{3}, {301, 257}, {}, {0, 4}, {64, 64}}) leaves.push_back(add_leaf(b, shape));
  for (Leaf& leaf : leaves) {
    update(b, leaf);
    b.graph.outputs.insert(b.graph.outputs.end(), {leaf.new_parameter, leaf.new_momentum});
    b.graph.donated.insert(b.graph.donated.end(), {leaf.parameter, leaf.momentum});
  }
  std::vector<std::vector<float>> arrays;
  std::mt19937 random(1);
  for (int32_t i = 0; i < b.graph.inputs; ++i) {
    arrays.emplace_back(static_cast<size_t>(b.graph.aval(i).count()));
    for (float& x : arrays.back()) x = std::uniform_real_distribution<float>(-1, 1)(random);
  }
  const auto before = arrays;

  Program program(b.graph);
  check(program.text().find("1 steps") != std::string::npos, "five leaves are one step:\n" + program.text());
  std::vector<void*> pointers;
  for (auto& array : arrays) pointers.push_back(array.data());
  for (size_t k = 0; k < program.outputs().size(); ++k) {
    const int32_t alias = program.aliases()[k];
    check(alias >= 0 || program.outputs()[k].bytes() == 0, "every result lies where its input lay");
    pointers.push_back(alias >= 0 ? pointers[static_cast<size_t>(alias)] : nullptr);
  }
  Arena arena;
  program.run(pointers.data(), arena);
  for (const Leaf& leaf : leaves) {
    const auto of = [](const auto& lists, ValueId v) { return lists[static_cast<size_t>(v)]; };
    const auto g = of(before, leaf.gradient), p = of(before, leaf.parameter), m = of(before, leaf.momentum);
    bool same = of(arrays, leaf.gradient) == g;
    for (size_t i = 0; i < g.size(); ++i) {
      const float momentum = m[i] * 0.9f + g[i], step = momentum * 0.1f;
      same = same && of(arrays, leaf.momentum)[i] == momentum && of(arrays, leaf.parameter)[i] == p[i] - step;
    }
    check(same, "a leaf's update has the bits of float arithmetic");
  }
}

// What another node reads stays where it is, and so does what is no elementwise program.
void test_readers() {
  GraphBuilder b;
  const ValueId x = b.input(f32({4}));
  const ValueId read = b.map("exp", {x}), total = b.node("reduceSum", {read}, {{"axes", std::vector<int64_t>{0}}}, {f32({})});
  const ValueId first = b.map("neg", {x}), second = b.map("sqrt", {total});
  b.graph.outputs = {read, first, second, total};
  fuse_elementwise(b.graph);
  group_updates(b.graph);
  check(b.graph.nodes.size() == 3 && b.graph.nodes[2].op == "fused.elementwiseGroup", "exp, reduceSum and a group");
  check(b.graph.nodes.back().outputs == std::vector<ValueId>{first, second}, "the group has what nobody reads");
}

}  // namespace

int main() {
  test_leaves();
  test_readers();
  return report("group_updates");
}
