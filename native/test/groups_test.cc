// Updates of many leaves become one step, and so do small programs side by side, with the bits that each has alone.
#include <algorithm>

#include "compiler/elementwise_program.h"
#include "compiler/fuse_elementwise.h"
#include "compiler/passes.h"
#include "graph_builder.h"
#include "graph_run.h"
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
    const auto of = [](const auto& lists, ValueId v) -> const auto& { return lists[static_cast<size_t>(v)]; };
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

std::string ops(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) text += (text.empty() ? "" : " ") + node.op;
  return text;
}

// Small programs that do not wait for one another go together, where the earlier of them is or where the later is.
void test_programs() {
  const auto sum = [](GraphBuilder& b, ValueId v) { return b.node("reduceSum", {v}, {{"axes", std::vector<int64_t>{0}}}, {f32({})}); };
  {
    GraphBuilder b;
    const ValueId x = b.input(f32({4})), s = b.map("neg", {x}), total = sum(b, s), late = b.map("exp", {x});
    b.graph.outputs = {total, sum(b, late)};
    group_programs(b.graph);
    check(ops(b.graph) == "fused.elementwiseGroup reduceSum reduceSum", "the later one moves up: " + ops(b.graph));
  }
  {
    GraphBuilder b;
    const ValueId x = b.input(f32({4})), early = b.map("neg", {x}), total = sum(b, x), late = b.map("exp", {total});
    b.graph.outputs = {sum(b, early), b.map("log", {late})};
    group_programs(b.graph);
    check(ops(b.graph) == "reduceSum fused.elementwiseGroup reduceSum log", "the earlier one moves down: " + ops(b.graph));
  }
  {
    GraphBuilder b;
    const ValueId x = b.input(f32({4})), total = sum(b, b.map("neg", {x}));
    b.graph.outputs = {b.map("exp", {total})};
    group_programs(b.graph);
    check(ops(b.graph) == "neg reduceSum exp", "one that waits for the other: " + ops(b.graph));
  }
  {
    GraphBuilder b;
    const ValueId x = b.input(f32({1 << 15})), y = b.map("neg", {x}), z = b.map("exp", {x});
    b.graph.outputs = {sum(b, y), sum(b, z)};
    group_programs(b.graph);
    check(ops(b.graph) == "neg exp reduceSum reduceSum", "large arrays: " + ops(b.graph));
  }
}

// Whatever the graph, nobody reads what is not there yet, and the bits stay.
void test_random_programs() {
  std::mt19937 random(seed_base + 5);
  for (int round = 0; round < 300; ++round) {
    GraphBuilder b;
    std::vector<ValueId> values{b.input(f32({5})), b.input(f32({5}))};
    const auto any = [&] { return values[random() % values.size()]; };
    for (int n = 0; n < 14; ++n) {
      const uint32_t kind = random() % 4;
      values.push_back(kind == 0   ? b.map("neg", {any()})
                       : kind == 1 ? b.map("mul", {any(), any()})
                       : kind == 2 ? b.map("max", {any(), any()})
                                   : b.node("cumsum", {any()}, {{"axis", 0.0}, {"reverse", false}}, {f32({5})}));
    }
    b.graph.outputs.assign(values.begin() + 2, values.end());
    Graph grouped = b.graph;
    group_programs(grouped);
    std::vector<bool> made(grouped.values.size());
    made[0] = made[1] = true;
    bool in_order = true;
    for (const Node& node : grouped.nodes) {
      for (ValueId v : node.inputs) in_order = in_order && made[static_cast<size_t>(v)];
      for (ValueId v : node.outputs) made[static_cast<size_t>(v)] = true;
    }
    check(in_order && grouped.nodes.size() <= b.graph.nodes.size(), "round " + std::to_string(round) + " stays in order");
    if (!in_order) continue;
    std::vector<Array> inputs;
    for (uint32_t seed : {1u, 2u}) inputs.push_back(random_array(DType::f32, {5}, seed));
    const std::vector<Array> wanted = run_nodes(b.graph, inputs), got = run_nodes(grouped, inputs);
    for (size_t o = 0; o < wanted.size(); ++o) check(got[o].same_as(wanted[o]), "round " + std::to_string(round) + " changed a result");
  }
}

}  // namespace

int main() {
  test_leaves();
  test_readers();
  test_programs();
  test_random_programs();
  return report("groups");
}
