// Dense layers fused with the batch norms around them against the same graphs as they were, and what of it can be fused and what cannot.
#include "compiler/fused_dense.h"
#include "compiler/passes.h"
#include "graph_builder.h"
#include "graph_run.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

// Dense, batch norm and relu for each width but the last, then dense; its gradient for the cotangent ct.
struct Net : GraphBuilder {
  struct Layer {
    ValueId x, kernel, bias, z, scale, shift, y, mean, var;
  };

  Net(int64_t rows, std::vector<int64_t> widths, bool relu = true, bool biased = true) : rows_(rows), relu_(relu) {
    x = input(f32({rows, widths[0]}));
    ct = input(f32({rows, widths.back()}));
    for (size_t i = 1; i < widths.size(); ++i) {
      Layer l{};
      l.kernel = input(f32({widths[i - 1], widths[i]}));
      l.bias = biased ? input(f32({widths[i]})) : -1;
      l.scale = input(f32({widths[i]}));
      l.shift = input(f32({widths[i]}));
      layers.push_back(l);
    }
    ValueId h = x;
    for (Layer& l : layers) h = forward(l, h, &l == &layers.back());
    graph.outputs = {h};
    ValueId d = ct;
    for (size_t i = layers.size(); i-- > 0;) d = backward(layers[i], d, i + 1 == layers.size(), i == 0);
    simplify(graph, [](const Graph&, const Node&, const std::vector<double>&) { return std::nullopt; });
    fuse_relu(graph);
  }

  ValueId x, ct;
  std::vector<Layer> layers;

 private:
  ValueId masked(ValueId y, ValueId value) {
    const Aval all = graph.aval(y);
    const ValueId zero = node("full", {}, {{"value", 0.0}}, {all});
    const ValueId mask = node("le", {y, zero}, {}, {{DType::boolean, all.shape}});
    return node("select", {mask, zero, value}, {}, {all});
  }

  ValueId forward(Layer& l, ValueId h, bool last) {
    const Aval all = f32({rows_, graph.aval(l.kernel).shape[1]}), features = f32({all.shape[1]});
    l.x = h;
    l.z = node("dense", l.bias < 0 ? std::vector<ValueId>{h, l.kernel} : std::vector<ValueId>{h, l.kernel, l.bias}, {}, {all});
    if (last) return l.z;
    l.y = node("batchNorm", {l.z, l.scale, l.shift}, params(), {all, features, features});
    l.mean = l.y + 1, l.var = l.y + 2;
    return relu_ ? masked(l.y, l.y) : l.y;
  }

  ValueId backward(const Layer& l, ValueId d, bool last, bool first) {
    const int64_t k = graph.aval(l.kernel).shape[0], n = graph.aval(l.kernel).shape[1];
    if (!last) {
      const Aval features = f32({n});
      if (relu_) d = masked(l.y, d);
      d = node("batchNormGrad", {d, l.z, l.scale, l.mean, l.var}, params(), {f32({rows_, n}), features, features});
      graph.outputs.insert(graph.outputs.end(), {d + 1, d + 2});
    }
    const std::vector<int64_t> none;
    const ValueId dkernel = node("dotGeneral", {l.x, d}, product(0, 0), {f32({k, n})});
    graph.outputs.push_back(dkernel);
    if (l.bias >= 0) graph.outputs.push_back(node("reduceSum", {d}, {{"axes", std::vector<int64_t>{0}}}, {f32({n})}));
    return first ? d : node("dotGeneral", {d, l.kernel}, product(1, 1), {f32({rows_, k})});
  }

  static Params params() { return {{"epsilon", 1e-5}, {"fastVariance", true}}; }
  static Params product(int64_t lhs, int64_t rhs) {
    const std::vector<int64_t> none;
    return {{"lhsContract", std::vector<int64_t>{lhs}}, {"rhsContract", std::vector<int64_t>{rhs}}, {"lhsBatch", none}, {"rhsBatch", none}};
  }

  int64_t rows_;
  bool relu_;
};

std::string ops(const Graph& graph) {
  std::string text;
  for (const Node& node : graph.nodes) {
    if (node.op != "full") text += (text.empty() ? "" : "\n") + node.op + (node.fused ? ": " + node.fused->text() : "");
  }
  return text;
}

std::vector<Array> inputs_of(const Net& net, double mean) {
  std::vector<Array> inputs;
  for (ValueId v = 0; v < net.graph.inputs; ++v) {
    inputs.push_back(random_array(DType::f32, net.graph.aval(v).shape, static_cast<uint32_t>(v) + 1));
  }
  for (int64_t i = 0; i < inputs[0].size(); ++i) inputs[0].set(i, inputs[0].at(i) + mean);
  return inputs;
}

// Every output within `tolerance` of its largest element; the gradient of a bias in front of a batch norm is the round-off of a sum over
// the rows, whose terms are a few hundredths and more.
void close(const std::vector<Array>& got, const std::vector<Array>& wanted, int64_t rows, const std::string& what) {
  constexpr double tolerance = 2e-5;
  const double least = 0.02 * static_cast<double>(rows);
  for (size_t o = 0; o < wanted.size(); ++o) {
    double most = 0, worst = 0;
    for (int64_t i = 0; i < wanted[o].size(); ++i) most = std::max(most, std::abs(wanted[o].at(i)));
    for (int64_t i = 0; i < wanted[o].size(); ++i) {
      const double error = std::abs(got[o].at(i) - wanted[o].at(i));
      worst = error <= worst ? worst : error;  // a NaN stays
    }
    check(worst <= tolerance * std::max(most, least),
          what + ": output " + std::to_string(o) + " off by " + std::to_string(worst) + " of " + std::to_string(most));
  }
}

void same_meaning(const Net& net, const std::string& what, double mean = 0) {
  Graph fused = net.graph;
  fuse_dense(fused);
  const std::vector<Array> inputs = inputs_of(net, mean);
  const std::vector<Array> wanted = run_nodes(net.graph, inputs), got = run_nodes(fused, inputs);
  close(got, wanted, net.graph.aval(net.x).shape[0], what);
  on_one_thread([&] {
    const std::vector<Array> alone = run_nodes(fused, inputs);
    for (size_t i = 0; i < got.size(); ++i) check(alone[i].same_as(got[i]), what + ": one thread differs, output " + std::to_string(i));
  });
}

void becomes(const std::string& wanted, const std::string& what, Net net) {
  Graph fused = net.graph;
  fuse_dense(fused);
  check(ops(fused) == wanted, what + ":\n" + ops(fused));
  same_meaning(net, what);
}

void test_decisions() {
  const std::string forward = "fused.dense: y = x * kernel + bias; statistics of y";
  const std::string last = "fused.dense: x through batch norm and relu; y = x * kernel + bias";
  const std::string last_grad =
      "fused.denseGrad: x through batch norm and relu; dkernel = x^T * dy; dbias; dx = dy * kernel^T; sums of dx for x's norm";
  const std::string first_grad = "fused.denseGrad: dy back through batch norm and relu; dkernel = x^T * dy; dbias";
  becomes(forward + "\n" + last + "\n" + last_grad + "\n" + first_grad, "two layers", Net(1030, {20, 24, 10}));
  becomes(forward + "\nfused.dense: x through batch norm and relu; y = x * kernel + bias; statistics of y\n" + last + "\n" + last_grad +
              "\nfused.denseGrad: dy back through batch norm and relu; x through batch norm and relu; dkernel = x^T * dy; dbias; dx = dy * "
              "kernel^T; sums of dx for x's norm\n" +
              first_grad,
          "three layers", Net(1024, {33, 17, 16, 5}));
  becomes("dense\nfused.batchNormRelu\ndense\ndotGeneral\nreduceSum\ndotGeneral\nfused.batchNormReluGrad\ndotGeneral\nreduceSum",
          "few rows", Net(1023, {20, 24, 10}));

  Net read(1024, {20, 24, 10});
  read.graph.outputs.push_back(read.layers[0].y);
  becomes(forward +
              "; y through batch norm and relu\ndense\nfused.denseGrad: dkernel = x^T * dy; dbias; dx = dy * "
              "kernel^T\nfused.batchNormGradSums\n" +
              first_grad,
          "the norm's output is read elsewhere", read);
}

void test_shapes() {
  for (int64_t rows : {1024, 1025, 1151, 2500, 8200}) {
    for (const std::vector<int64_t>& widths :
         {std::vector<int64_t>{3, 4, 2}, {1, 1, 1}, {16, 32, 10}, {31, 65, 129, 7}, {257, 254, 17, 1}}) {
      if (rows > 2000 && widths.size() > 3) continue;
      for (bool relu : {true, false}) {
        for (bool biased : {true, false}) {
          std::string what = std::to_string(rows) + " rows, widths" + (relu ? " relu" : "") + (biased ? " biased" : "");
          for (int64_t w : widths) what += " " + std::to_string(w);
          same_meaning(Net(rows, widths, relu, biased), what);
        }
      }
    }
  }
  same_meaning(Net(4096, {256, 256, 10}), "256 wide");
  same_meaning(Net(1100, {512, 128, 16, 3}), "512 wide");
}

// A batch norm of what relu left of a dense layer.
void test_norm_behind_relu() {
  for (int64_t rows : {1030, 2048}) {
    GraphBuilder b;
    const Aval all = f32({rows, 19}), features = f32({19});
    const std::vector<ValueId> in{b.input(f32({rows, 7})), b.input(f32({7, 19})), b.input(features), b.input(features), b.input(features)};
    const ValueId z = b.node("dense", {in[0], in[1], in[2]}, {}, {all});
    const ValueId zero = b.node("full", {}, {{"value", 0.0}}, {all});
    const ValueId relu = b.node("select", {b.node("le", {z, zero}, {}, {{DType::boolean, all.shape}}), zero, z}, {}, {all});
    const ValueId y = b.node("batchNorm", {relu, in[3], in[4]}, {{"epsilon", 1e-5}, {"fastVariance", true}}, {all, features, features});
    b.graph.outputs = {y, y + 1, y + 2};
    Graph fused = b.graph;
    fuse_relu(fused);
    fuse_dense(fused);
    check(ops(fused) == "fused.dense: y = relu(x * kernel + bias); statistics of y; y through batch norm",
          "a batch norm behind relu: " + ops(fused));
    std::vector<Array> inputs;
    for (ValueId v : in) inputs.push_back(random_array(DType::f32, b.graph.aval(v).shape, static_cast<uint32_t>(v) + 1));
    close(run_nodes(fused, inputs), run_nodes(b.graph, inputs), rows, "a batch norm behind relu");
  }
}

// The statistics of a layer whose results lie far from zero: as exact as those of the batch norm alone.
void test_large_mean() {
  const int64_t rows = 2000, k = 5, n = 19;
  Net net(rows, {k, n, 3});
  Graph fused = net.graph;
  fused.outputs = net.graph.outputs = {net.layers[0].mean, net.layers[0].var};
  fuse_dense(fused);
  std::vector<Array> inputs = inputs_of(net, 0);
  for (int64_t j = 0; j < n; ++j) inputs[3].set(j, 1e4 * (1 + j));  // the first layer's bias
  const std::vector<Array> wanted = run_nodes(net.graph, inputs), got = run_nodes(fused, inputs);
  check(fused.nodes[0].op == "fused.dense", "the layer is fused");
  for (size_t o = 0; o < 2; ++o) check(got[o].same_as(wanted[o]), "statistics far from zero, output " + std::to_string(o));
}

}  // namespace

int main() {
  if (!runs_here()) return kSkipped;
  test_decisions();
  test_shapes();
  test_norm_behind_relu();
  test_large_mean();
  return report("fuse_dense");
}
