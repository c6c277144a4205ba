// Layers and relu give the same bits fused and apart, forward and backward; and what is no such pair stays as it is.
#include <array>

#include "compiler/passes.h"
#include "graph_builder.h"
#include "graph_run.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

Params batch_norm_params(bool fast = true, double epsilon = 1e-5) { return {{"epsilon", epsilon}, {"fastVariance", fast}}; }

// relu(batchNorm(x)) and its gradient for the cotangent ct, by the names that the tests know the values by.
struct Layer : GraphBuilder {
  explicit Layer(Shape shape, bool fast = true) : all{DType::f32, shape}, features{DType::f32, {shape.back()}} {
    x = input(all), ct = input(all), scale = input(features), bias = input(features);
    y = node("batchNorm", {x, scale, bias}, batch_norm_params(fast), {all, features, features});
    mean = y + 1, var = y + 2;
    mask = node("le", {y, constant(0)}, {}, {{DType::boolean, shape}});
    relu = node("select", {mask, constant(0), y}, {}, {all});
    dy = node("select", {mask, constant(0), ct}, {}, {all});
    dx = node("batchNormGrad", {dy, x, scale, mean, var}, batch_norm_params(fast), {all, features, features});
    graph.outputs = {relu, mean, var, dx, dx + 1, dx + 2};
  }
  ValueId constant(double value) { return node("full", {}, {{"value", value}}, {all}); }

  Aval all, features;
  ValueId x, ct, scale, bias, y, mean, var, mask, relu, dy, dx;
};

std::string ops(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) {
    if (node.op != "full") text += (text.empty() ? "" : " ") + node.op;
  }
  return text;
}

// The same bits, but that any NaN is as good as another: which of several a sum hands on is the compiler's choice.
bool agree(const Array& a, const Array& b) {
  if (a.aval != b.aval) return false;
  if (a.aval.dtype != DType::f32) return a.same_as(b);
  for (int64_t i = 0; i < a.size(); ++i) {
    const float x = a.data<float>()[i], y = b.data<float>()[i];
    if (std::memcmp(&x, &y, sizeof x) != 0 && !(std::isnan(x) && std::isnan(y))) return false;
  }
  return true;
}

void same_bits_fused(const Graph& graph, const std::vector<Array>& inputs, const std::string& what) {
  Graph fused = graph;
  fuse_relu(fused);
  const std::vector<Array> wanted = run_nodes(graph, inputs), got = run_nodes(fused, inputs);
  for (size_t i = 0; i < wanted.size(); ++i) check(agree(got[i], wanted[i]), what + ": output " + std::to_string(i) + " changed");
  on_one_thread([&] {
    const std::vector<Array> alone = run_nodes(fused, inputs);
    for (size_t i = 0; i < got.size(); ++i) check(alone[i].same_as(got[i]), what + ": one thread differs");
  });
}

enum class Values { random, ties, odd };

std::vector<Array> inputs_of(const Layer& layer, Values kind) {
  const int64_t columns = layer.features.shape[0];
  std::vector<Array> inputs;
  for (ValueId v = 0; v < layer.graph.inputs; ++v) {
    inputs.push_back(random_array(DType::f32, layer.graph.aval(v).shape, static_cast<uint32_t>(v) + 1));
  }
  Array &x = inputs[0], &ct = inputs[1], &scale = inputs[2], &bias = inputs[3];
  if (kind == Values::ties) {
    // Constant columns normalise to their bias: y is 0, -0 or a number throughout.
    for (int64_t i = 0; i < x.size(); ++i) x.set(i, 0.5);
    const double biases[] = {0, -0.0, 1, -1};
    for (int64_t j = 0; j < columns; ++j) {
      bias.set(j, biases[j % 4]);
      if (j % 3 == 0) scale.set(j, -0.0);
    }
  } else if (kind == Values::odd) {
    const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
    const double odd[] = {inf, -inf, nan, 0, -0.0, 1e-42};
    for (int64_t i = 0; i < x.size(); i += 53) x.set(i, odd[i % 6]);
    for (int64_t i = 3; i < x.size(); i += 5) ct.set(i, odd[i % 6]);
    for (int64_t j = 1; j < columns; j += 4) bias.set(j, odd[j % 3]);
    for (int64_t j = 2; j < columns; j += 4) scale.set(j, odd[j % 3]);
  }
  return inputs;
}

void test_bits() {
  for (int64_t rows : {0, 1, 2, 7, 9, 32, 127, 129, 1000}) {
    for (int64_t columns : {1, 3, 8, 15, 16, 17, 64, 65, 257}) {
      for (Values kind : {Values::random, Values::ties, Values::odd}) {
        const Layer layer({rows, columns}, (rows + columns) % 2 == 0);
        const std::string what = to_string(layer.all.shape) + " kind " + std::to_string(static_cast<int>(kind));
        same_bits_fused(layer.graph, inputs_of(layer, kind), what);
      }
    }
  }
  const Layer deep({5, 7, 9});
  same_bits_fused(deep.graph, inputs_of(deep, Values::random), "three dimensions");
  const Layer flat({6});
  same_bits_fused(flat.graph, inputs_of(flat, Values::random), "one row without a dimension");
  const Layer narrow({5000, 4});
  same_bits_fused(narrow.graph, inputs_of(narrow, Values::random), "narrow");
}

// The layer, changed, becomes these ops and keeps its bits.
void becomes(const std::string& wanted, const std::string& what, const std::function<void(Layer&)>& change) {
  Layer layer({9, 5});
  change(layer);
  Graph fused = layer.graph;
  fuse_relu(fused);
  check(ops(fused) == wanted, what + ": " + ops(fused));
  same_bits_fused(layer.graph, inputs_of(layer, Values::random), what);
}

Node& maker(Layer& layer, ValueId v) {
  for (Node& node : layer.graph.nodes) {
    if (node.outputs[0] == v) return node;
  }
  throw std::logic_error("nobody makes the value");
}

void test_patterns() {
  const std::string apart = "batchNorm le select select batchNormGrad", both = "fused.batchNormRelu fused.batchNormReluGrad";
  becomes(both, "a layer", [](Layer&) {});
  becomes("fused.batchNormRelu le fused.batchNormReluGrad", "the mask is read elsewhere",
          [](Layer& l) { l.graph.outputs.push_back(l.mask); });
  becomes("batchNorm le select fused.batchNormReluGrad", "y is read elsewhere", [](Layer& l) { l.graph.outputs.push_back(l.y); });
  becomes("fused.batchNormRelu le select batchNormGrad", "dy is read elsewhere", [](Layer& l) { l.graph.outputs.push_back(l.dy); });
  becomes("fused.batchNormRelu", "no gradient", [](Layer& l) { l.graph.outputs = {l.relu, l.mean}; });
  becomes("fused.batchNormRelu exp", "relu is read by others", [](Layer& l) { l.graph.outputs = {l.map("exp", {l.relu})}; });
  becomes("batchNorm le select select batchNormGrad", "relu with -0", [](Layer& l) {
    for (Node& node : l.graph.nodes) {
      if (node.op == "full") node.params["value"] = -0.0;
    }
  });
  becomes(apart, "a threshold", [](Layer& l) {
    for (Node& node : l.graph.nodes) {
      if (node.op == "full") node.params["value"] = 0.25;
    }
  });
  becomes("fused.batchNormRelu le select batchNormGrad", "the gradient of another x", [](Layer& l) { maker(l, l.dx).inputs[1] = l.ct; });
  becomes("fused.batchNormRelu le select batchNormGrad", "the gradient with statistics exchanged",
          [](Layer& l) { std::swap(maker(l, l.dx).inputs[3], maker(l, l.dx).inputs[4]); });
  becomes("fused.batchNormRelu le select batchNormGrad", "the gradient with another epsilon",
          [](Layer& l) { maker(l, l.dx).params = batch_norm_params(true, 1e-3); });
}

// relu(dense(x)), and the cotangent of the layer's output that relu hands on of ct.
struct Dense : GraphBuilder {
  Dense(int64_t rows, int64_t inner, int64_t columns, bool biased) : all(f32({rows, columns})) {
    std::vector<ValueId> operands{input(f32({rows, inner})), input(f32({inner, columns}))};
    ct = input(all);
    if (biased) operands.push_back(input(f32({columns})));
    y = node("dense", operands, {}, {all});
    const ValueId zero = node("full", {}, {{"value", 0.0}}, {all});
    const ValueId mask = node("le", {y, zero}, {}, {{DType::boolean, all.shape}});
    relu = node("select", {mask, zero, y}, {}, {all});
    graph.outputs = {relu, node("select", {mask, zero, ct}, {}, {all})};
  }
  std::vector<Array> inputs(bool odd) const {
    std::vector<Array> arrays;
    for (ValueId v = 0; v < graph.inputs; ++v)
      arrays.push_back(random_array(DType::f32, graph.aval(v).shape, static_cast<uint32_t>(v) + 1));
    const double values[] = {INFINITY, NAN, 0, -0.0, -INFINITY, 1e-42};
    for (int64_t i = 0; odd && i < arrays[0].size(); i += 37) arrays[0].set(i, values[i % 6]);
    return arrays;
  }

  Aval all;
  ValueId ct, y, relu;
};

void test_dense() {
  // Products of all kinds: tiles, dots, parts of k, one row.
  for (const auto& [rows, inner, columns] : {std::array<int64_t, 3>{1, 1, 1},
                                             {1, 300, 17},
                                             {7, 5, 3},
                                             {64, 784, 10},
                                             {33, 64, 129},
                                             {0, 4, 3},
                                             {5, 0, 3},
                                             {9, 5000, 8},
                                             {200, 31, 65}}) {
    for (const bool biased : {true, false}) {
      const Dense layer(rows, inner, columns, biased);
      const std::string what = "dense " + std::to_string(rows) + "x" + std::to_string(columns) + "x" + std::to_string(inner);
      same_bits_fused(layer.graph, layer.inputs(false), what);
      same_bits_fused(layer.graph, layer.inputs(true), what + " with odd values");
    }
  }
  const auto becomes = [](const std::string& wanted, const std::string& what, Dense layer) {
    fuse_relu(layer.graph);
    check(ops(layer.graph) == wanted, what + ": " + ops(layer.graph));
  };
  becomes("fused.dense le select", "a layer", Dense(4, 3, 2, true));
  Dense read(4, 3, 2, true);
  read.graph.outputs.push_back(read.y);
  becomes("dense le select select", "y is read elsewhere", read);
}

}  // namespace

int main() {
  if (!runs_here()) return kSkipped;
  test_patterns();
  test_bits();
  test_dense();
  return report("fuse_relu");
}
