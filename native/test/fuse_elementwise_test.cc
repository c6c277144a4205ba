// Random graphs give the same bits with and without fusion, and known graphs become the programs one expects.
#include "compiler/fuse_elementwise.h"

#include <algorithm>

#include "compiler/elementwise_program.h"
#include "graph_builder.h"
#include "op_check.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

void check_in_place(const Graph& graph, const Node& node, const cpu::Prepared& prepared, const std::vector<Array>& values) {
  std::vector<const Array*> in;
  std::vector<Aval> out;
  for (ValueId v : node.inputs) in.push_back(&values[static_cast<size_t>(v)]);
  for (ValueId v : node.outputs) out.push_back(graph.aval(v));
  const std::vector<Array> again = run_prepared(prepared, in, out, node.fused->text());
  for (size_t i = 0; i < again.size(); ++i) check(again[i].same_as(values[static_cast<size_t>(node.outputs[i])]), "a second run differs");
}

// Runs node after node, each output in memory of its own.
std::vector<Array> run_graph(const Graph& graph, const std::vector<Array>& inputs) {
  std::vector<Array> values;
  for (const Aval& aval : graph.values) values.emplace_back(aval.dtype, aval.shape, 1);
  for (size_t i = 0; i < inputs.size(); ++i) std::memcpy(values[i].data<uint8_t>(), inputs[i].data<uint8_t>(), inputs[i].aval.bytes());
  for (const Node& node : graph.nodes) {
    std::vector<const void*> in;
    std::vector<void*> out;
    for (ValueId v : node.inputs) in.push_back(values[static_cast<size_t>(v)].data<uint8_t>());
    for (ValueId v : node.outputs) out.push_back(values[static_cast<size_t>(v)].data<uint8_t>());
    const cpu::Prepared prepared = cpu::prepare(graph, node);
    launch(prepared, in, out, node.op);
    if (node.fused) check_in_place(graph, node, prepared, values);
  }
  for (const Array& a : values) check(a.intact(), "a node wrote around its output");
  std::vector<Array> results;
  for (ValueId v : graph.outputs) {
    results.emplace_back(graph.aval(v).dtype, graph.aval(v).shape);
    std::memcpy(results.back().data<uint8_t>(), values[static_cast<size_t>(v)].data<uint8_t>(), graph.aval(v).bytes());
  }
  return results;
}

void check_order(const Graph& graph, const std::string& what) {
  std::vector<bool> made(graph.values.size(), false);
  for (int32_t i = 0; i < graph.inputs; ++i) made[static_cast<size_t>(i)] = true;
  for (const Node& node : graph.nodes) {
    for (ValueId v : node.inputs) check(made[static_cast<size_t>(v)], what + ": " + node.op + " reads a value before it is made");
    for (ValueId v : node.outputs) made[static_cast<size_t>(v)] = true;
  }
  for (ValueId v : graph.outputs) check(made[static_cast<size_t>(v)], what + ": an output is never made");
}

// Grows a graph by one node at a time; values are kept by dtype and shape.
class Growth {
 public:
  Growth(uint32_t seed, const std::vector<Shape>& shapes) : engine_(seed), shapes_(shapes) {
    for (const Shape& shape : shapes) {
      for (DType t : {DType::f32, DType::f32, DType::i32, DType::boolean})
        inputs.push_back(random_array(t, shape, static_cast<uint32_t>(engine_()), 1));
    }
    for (const Array& a : inputs) graph.add_value(a.aval);
    graph.inputs = static_cast<int32_t>(inputs.size());
  }

  void grow(int nodes) {
    for (int i = 0; i < nodes; ++i) add_random();
    for (size_t v = static_cast<size_t>(graph.inputs); v < graph.values.size(); ++v) {
      if (draw(4) == 0 || v + 1 == graph.values.size()) graph.outputs.push_back(static_cast<ValueId>(v));
    }
  }

  Graph graph;
  std::vector<Array> inputs;

 private:
  uint32_t draw(uint32_t n) { return static_cast<uint32_t>(engine_()) % n; }

  ValueId value(DType t, const Shape& shape) {
    std::vector<ValueId> fitting;
    for (size_t v = 0; v < graph.values.size(); ++v) {
      if (graph.values[v].dtype == t && graph.values[v].shape == shape) fitting.push_back(static_cast<ValueId>(v));
    }
    if (draw(6) == 0) return add("full", {}, {{"value", static_cast<double>(draw(5))}}, {t, shape});
    // Lately made values more often, so that long chains come about.
    const auto n = static_cast<uint32_t>(fitting.size());
    return draw(2) ? fitting[n - 1 - draw(std::min<uint32_t>(n, 3))] : fitting[draw(n)];
  }

  ValueId add(const std::string& op, const std::vector<ValueId>& in, const Params& params, const Aval& out) {
    const ValueId v = graph.add_value(out);
    graph.nodes.push_back({op, in, {v}, params, nullptr});
    return v;
  }

  void add_random() {
    const Shape shape = shapes_[draw(static_cast<uint32_t>(shapes_.size()))];
    const auto f = [&] { return value(DType::f32, shape); };
    const auto i = [&] { return value(DType::i32, shape); };
    const auto b = [&] { return value(DType::boolean, shape); };
    const Aval real{DType::f32, shape}, integer{DType::i32, shape}, boolean{DType::boolean, shape};
    switch (draw(13)) {
      case 0:
        add("add", {f(), f()}, {}, real);
        break;
      case 1:
        add("mul", {f(), f()}, {}, real);
        break;
      case 2:
        add("tanh", {f()}, {}, real);
        break;
      case 3:
        add("max", {f(), f()}, {}, real);
        break;
      case 4:
        add("lt", {f(), f()}, {}, boolean);
        break;
      case 5:
        add("select", {b(), f(), f()}, {}, real);
        break;
      case 6:
        add("convert", {draw(2) ? i() : b()}, {}, real);
        break;
      case 7:
        add("sub", {i(), i()}, {}, integer);
        break;
      case 8:
        add("not", {b()}, {}, boolean);
        break;
      case 9:
        add("pow", {f(), f()}, {}, real);
        break;
      case 10:
        if (!shape.empty())
          add("iota", {}, {{"axis", static_cast<double>(draw(static_cast<uint32_t>(shape.size())))}}, draw(2) ? real : integer);
        break;
      case 11:
        broadcast(shape);
        break;
      default:
        reduce(shape);
        break;
    }
  }

  // From any known shape that is a part of this one, dimension for dimension from the right.
  void broadcast(const Shape& to) {
    for (int attempt = 0; attempt < 4; ++attempt) {
      const Shape from = shapes_[draw(static_cast<uint32_t>(shapes_.size()))];
      if (from.size() > to.size()) continue;
      std::vector<int64_t> dims;
      bool fits = true;
      for (size_t d = 0; d < from.size(); ++d) {
        const size_t place = to.size() - from.size() + d;
        dims.push_back(static_cast<int64_t>(place));
        fits = fits && (from[d] == to[place] || from[d] == 1);
      }
      if (!fits) continue;
      const DType t = draw(3) ? DType::f32 : DType::boolean;
      add("broadcast", {value(t, from)}, {{"dims", dims}}, {t, to});
      return;
    }
  }

  void reduce(const Shape& from) {
    for (size_t axis = 0; axis < from.size(); ++axis) {
      Shape to = from;
      to.erase(to.begin() + static_cast<std::ptrdiff_t>(axis));
      if (std::find(shapes_.begin(), shapes_.end(), to) == shapes_.end()) continue;
      add("reduceMax", {value(DType::f32, from)}, {{"axes", std::vector<int64_t>{static_cast<int64_t>(axis)}}}, {DType::f32, to});
      return;
    }
  }

  std::mt19937 engine_;
  std::vector<Shape> shapes_;
};

void test_random_graphs() {
  const std::vector<std::vector<Shape>> families = {
      {{}, {5}, {3, 5}, {3, 1}},
      {{}, {7}, {1, 7}, {40, 7}, {40, 1}, {40}},
      {{}, {300}, {6, 300}, {6, 1}},
      {{4}, {3, 4}, {2, 3, 4}, {2, 1, 4}, {3, 1}},
      {{1100}, {1}, {}, {1, 1}},
      {{}, {0}, {3, 0}},
      {{130}, {2, 130}, {70, 2, 130}, {2, 1}, {}},
  };
  size_t before = 0, after = 0;
  for (uint32_t seed = 0; seed < 240; ++seed) {
    Growth growth(seed, families[seed % families.size()]);
    growth.grow(10 + static_cast<int>(seed % 90));
    const std::string what = "random graph " + std::to_string(seed);
    const std::vector<Array> wanted = run_graph(growth.graph, growth.inputs);
    Graph fused = growth.graph;
    fuse_elementwise(fused);
    check_order(fused, what);
    check(fused.outputs == growth.graph.outputs, what + " keeps its outputs");
    const std::vector<Array> got = run_graph(fused, growth.inputs);
    for (size_t i = 0; i < got.size(); ++i) check(got[i].same_as(wanted[i]), what + ": output " + std::to_string(i) + " changed");
    before += growth.graph.nodes.size();
    after += fused.nodes.size();
  }
  std::printf("  %zu nodes became %zu\n", before, after);
}

const ElementwiseProgram& program(const Node& node) { return static_cast<const ElementwiseProgram&>(*node.fused); }

// Adam's update of one parameter is one pass with three outputs, each of which may take over the memory of its old value.
void test_adam() {
  GraphBuilder s;
  const Aval a{DType::f32, {4, 3}}, scalar{DType::f32, {}};
  const ValueId p = s.input(a), mu = s.input(a), nu = s.input(a), g = s.input(a);
  const ValueId c1 = s.input(scalar), c2 = s.input(scalar);
  const auto constant = [&](double v) { return s.node("full", {}, {{"value", v}}, {a}); };
  const auto spread = [&](ValueId v) { return s.node("broadcast", {v}, {{"dims", std::vector<int64_t>{}}}, {a}); };
  const ValueId m1 = s.map("add", {s.map("mul", {constant(0.1), g}), s.map("mul", {constant(0.9), mu})});
  const ValueId v1 = s.map("add", {s.map("mul", {constant(0.001), s.map("mul", {g, g})}), s.map("mul", {constant(0.999), nu})});
  const ValueId mh = s.map("div", {m1, spread(c1)}), vh = s.map("div", {v1, spread(c2)});
  const ValueId u = s.map("div", {mh, s.map("add", {s.map("sqrt", {vh}), constant(1e-8)})});
  const ValueId p1 = s.map("add", {p, s.map("mul", {constant(-1e-3), u})});
  s.graph.outputs = {p1, m1, v1};
  fuse_elementwise(s.graph);
  check(s.graph.nodes.size() == 1, "Adam is one node, not " + std::to_string(s.graph.nodes.size()));
  if (s.graph.nodes.size() != 1) return;
  const Node& node = s.graph.nodes[0];
  check(node.op == "fused.elementwise" && program(node).stores.size() == 3, "Adam has three outputs");
  const auto pairs = cpu::prepare(s.graph, node).in_place;
  for (const auto& [in, out] : {std::pair{p, p1}, {mu, m1}, {nu, v1}}) {
    const auto i = std::find(node.inputs.begin(), node.inputs.end(), in) - node.inputs.begin();
    const auto o = std::find(node.outputs.begin(), node.outputs.end(), out) - node.outputs.begin();
    const bool found = std::find(pairs.begin(), pairs.end(), std::pair<int, int>(static_cast<int>(i), static_cast<int>(o))) != pairs.end();
    check(found, "Adam updates in place");
  }
  std::printf("  %s\n", program(node).text().c_str());
}

// y = x - broadcast(max(x)): the reduction lies between, so exp(x), which it reads, and the subtraction may not become one node.
void test_no_cycle() {
  GraphBuilder s;
  const Aval a{DType::f32, {4, 3}};
  const ValueId x = s.input(a);
  const ValueId e = s.map("exp", {x});
  const ValueId m = s.node("reduceMax", {e}, {{"axes", std::vector<int64_t>{1}}}, {f32({4})});
  const ValueId y = s.map("sub", {e, s.node("broadcast", {m}, {{"dims", std::vector<int64_t>{0}}}, {a})});
  s.graph.outputs = {y};
  fuse_elementwise(s.graph);
  check_order(s.graph, "the graph with a reduction between");
  check(s.graph.nodes.size() == 3 && s.graph.nodes[2].op == "fused.elementwise",
        "exp, reduceMax, and a subtraction that reads through the broadcast");
}

}  // namespace

int main() {
  test_adam();
  test_no_cycle();
  test_random_graphs();
  return report("fuse_elementwise");
}
