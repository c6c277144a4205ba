// Whole programs against the same kernels run one by one in memory of their own: whatever passes, fusion, memory plan and donation do, the
// bits must stay.
#include "runtime/program.h"

#include <algorithm>
#include <set>

#include "compiler/validate.h"
#include "graph_builder.h"
#include "kernel_check.h"

namespace {

using namespace flaxen;
using namespace flaxen::test;
using List = std::vector<int64_t>;
using Bytes = std::vector<unsigned char>;

// Values as the unoptimized graph has them.
std::vector<Bytes> interpret(const Graph& graph, const std::vector<Bytes>& inputs) {
  std::vector<Bytes> values(inputs);
  for (size_t v = inputs.size(); v < graph.values.size(); ++v) values.emplace_back(graph.values[v].bytes());
  for (const Node& node : graph.nodes) {
    const cpu::Prepared kernel = cpu::prepare(graph, node);
    std::vector<const void*> in;
    std::vector<void*> out;
    for (ValueId v : node.inputs) in.push_back(values[static_cast<size_t>(v)].data());
    for (ValueId v : node.outputs) out.push_back(values[static_cast<size_t>(v)].data());
    Guarded<unsigned char> scratch(static_cast<int64_t>(kernel.scratch_bytes));
    kernel.launch({in.data(), out.data(), scratch.data()});
  }
  return values;
}

// A graph of integers and exact float operations, so that no order of sums matters.
Graph random_graph(std::mt19937& random) {
  const auto below = [&](size_t n) { return static_cast<size_t>(random() % n); };
  GraphBuilder b;
  const std::vector<Shape> shapes = {{2, 3}, {3, 2}, {6}, {1, 6}, {3}, {}, {40, 3}, {0, 2}};
  const size_t inputs = 1 + below(5);
  for (size_t i = 0; i < inputs; ++i) b.input({below(2) ? DType::f32 : DType::i32, shapes[below(shapes.size())]});
  const auto any = [&] { return static_cast<ValueId>(below(b.graph.values.size())); };
  const auto like = [&](const Aval& aval) {
    std::vector<ValueId> same;
    for (size_t v = 0; v < b.graph.values.size(); ++v) {
      if (b.graph.values[v] == aval) same.push_back(static_cast<ValueId>(v));
    }
    return same[below(same.size())];
  };
  for (size_t n = below(20); n > 0; --n) {
    const ValueId x = any();
    const Aval aval = b.graph.aval(x);
    const bool number = aval.dtype != DType::boolean;
    switch (below(12)) {
      case 0:
      case 1:
      case 2:
        if (number) b.map(std::vector{"add", "mul", "sub", "max"}[below(4)], {x, like(aval)});
        break;
      case 3:
        if (number) b.map("neg", {x});
        break;
      case 4:
        if (aval.count() == 6) b.node("reshape", {x}, {}, {{aval.dtype, shapes[below(4)]}});
        break;
      case 5:
        if (aval.shape.size() == 2) {
          b.node("transpose", {x}, {{"perm", List{1, 0}}}, {{aval.dtype, {aval.shape[1], aval.shape[0]}}});
        }
        break;
      case 6:
        b.node("full", {}, {{"value", static_cast<double>(below(3)) - 1}}, {aval});
        break;
      case 7:
        if (aval.shape.empty()) b.node("broadcast", {x}, {{"dims", List{}}}, {{aval.dtype, shapes[below(shapes.size())]}});
        break;
      case 8:
        if (aval.dtype == DType::i32 && aval.shape.size() == 2) {
          b.node("reduceSum", {x}, {{"axes", List{0}}}, {{aval.dtype, {aval.shape[1]}}});
        }
        break;
      case 9:
        if (aval.dtype == DType::i32 && aval.shape == Shape{2, 3}) {
          const Params params = {{"lhsContract", List{1}}, {"rhsContract", List{1}}, {"lhsBatch", List{}}, {"rhsBatch", List{}}};
          b.node("dotGeneral", {x, like(aval)}, params, {i32({2, 2})});
        }
        break;
      case 10: {
        const ValueId mask = b.node("lt", {x, like(aval)}, {}, {{DType::boolean, aval.shape}});
        b.node("select", {mask, x, like(aval)}, {}, {aval});
        break;
      }
      case 11:
        if (aval.dtype == DType::i32) b.node("bitcast", {x}, {}, {{DType::u32, aval.shape}});
        break;
    }
  }
  for (size_t k = 1 + below(6); k > 0; --k) b.graph.outputs.push_back(any());
  for (int32_t i = 0; i < b.graph.inputs; ++i) {
    if (below(2)) b.graph.donated.push_back(i);
  }
  return std::move(b.graph);
}

void fill(const Aval& aval, unsigned char* to, std::mt19937& random) {
  for (int64_t i = 0; i < aval.count(); ++i) {
    const auto small = static_cast<int32_t>(random() % 7) - 3;
    if (aval.dtype == DType::f32) {
      const float f = static_cast<float>(small);
      std::memcpy(to + i * 4, &f, 4);
    } else {
      std::memcpy(to + i * 4, &small, 4);
    }
  }
}

void test_random_graphs() {
  Arena arena;
  int aliased = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    const Graph graph = random_graph(random);
    const std::string name = "seed " + std::to_string(seed);
    validate(graph);
    Program program(graph);
    std::vector<Bytes> inputs;
    for (const Aval& aval : program.inputs()) {
      inputs.emplace_back(aval.bytes());
      fill(aval, inputs.back().data(), random);
    }
    const std::vector<Bytes> values = interpret(graph, inputs);

    std::vector<Bytes> arrays(inputs);
    std::vector<void*> pointers;
    std::set<int32_t> taken;
    for (size_t k = 0; k < graph.outputs.size(); ++k) arrays.emplace_back(program.outputs()[k].bytes(), 0xff);
    for (Bytes& array : arrays) pointers.push_back(array.data());
    for (size_t k = 0; k < graph.outputs.size(); ++k) {
      const int32_t alias = program.aliases()[k];
      if (alias < 0) continue;
      ++aliased;
      const bool donated = std::find(graph.donated.begin(), graph.donated.end(), alias) != graph.donated.end();
      check(donated && taken.insert(alias).second, name + ": an output takes a donated input for itself");
      check(program.outputs()[k].dtype == program.inputs()[static_cast<size_t>(alias)].dtype, name + ": of its dtype");
      pointers[inputs.size() + k] = pointers[static_cast<size_t>(alias)];
    }
    program.run(pointers.data(), arena);
    for (size_t k = 0; k < graph.outputs.size(); ++k) {
      const Bytes& wanted = values[static_cast<size_t>(graph.outputs[k])];
      check(wanted.empty() || std::memcmp(wanted.data(), pointers[inputs.size() + k], wanted.size()) == 0,
            name + ": output " + std::to_string(k) + " differs\n" + program.text());
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      check(taken.contains(static_cast<int32_t>(i)) || arrays[i] == inputs[i], name + ": an input was written");
    }
  }
  check(aliased > 1000, "donation was tried");
}

// The arena of a chain needs room for two links, however long it is.
void test_reuse() {
  GraphBuilder b;
  ValueId x = b.input(f32({64, 64}));
  for (int i = 0; i < 10; ++i)
    x = b.node("transpose", {b.node("sort", {x}, {{"axis", 0.0}, {"numKeys", 1.0}}, {f32({64, 64})})}, {{"perm", List{1, 0}}},
               {f32({64, 64})});
  b.graph.outputs = {x};
  const Program program(b.graph);
  check(program.arena_bytes() >= 2 * 64 * 64 * 4 && program.arena_bytes() < 4 * 64 * 64 * 4,
        "a chain reuses memory: " + std::to_string(program.arena_bytes()));
}

void test_views_are_free() {
  GraphBuilder b;
  const ValueId x = b.input(f32({6}));
  const ValueId rows = b.node("reshape", {x}, {}, {f32({2, 3})});
  const ValueId sums = b.node("cumsum", {rows}, {{"axis", 1.0}, {"reverse", false}}, {f32({2, 3})});
  b.graph.outputs = {b.node("reshape", {sums}, {}, {f32({3, 2})})};
  const Program program(b.graph);
  check(program.arena_bytes() == 0 && program.text().find("1 steps") != std::string::npos, "views cost nothing: " + program.text());
}

}  // namespace

int main() {
  test_random_graphs();
  test_reuse();
  test_views_are_free();
  return report("program");
}
