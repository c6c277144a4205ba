// dense and dotGeneral through `prepare_matrix`, against float64.
#include <algorithm>

#include "kernel_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

using Ints = std::vector<int64_t>;

Ints strides_of(const Shape& shape) {
  Ints strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  return strides;
}

// The index of a position, given in row-major order of `sizes`, in each of those dimensions.
Ints unravel(int64_t position, const Ints& sizes) {
  Ints index(sizes.size());
  for (size_t i = sizes.size(); i-- > 0;) {
    index[i] = position % sizes[i];
    position /= sizes[i];
  }
  return index;
}

Ints pick(const Ints& from, const Ints& which) {
  Ints result;
  for (int64_t i : which) result.push_back(from[static_cast<size_t>(i)]);
  return result;
}

Ints free_dims(const Shape& shape, const Ints& batch, const Ints& contract) {
  Ints result;
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
    if (std::count(batch.begin(), batch.end(), i) + std::count(contract.begin(), contract.end(), i) == 0) result.push_back(i);
  }
  return result;
}

int64_t dot(const Ints& a, const Ints& b) {
  int64_t sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

struct Case {
  Shape x, y;
  Ints lhs_contract, rhs_contract, lhs_batch, rhs_batch;
};

std::string text_of(const Case& c) { return "dotGeneral " + to_string(c.x) + " " + to_string(c.y) + " over " + to_string(c.lhs_contract); }

Graph dot_graph(const Case& c, DType dtype) {
  Graph graph;
  Node node{.op = "dotGeneral", .inputs = {0, 1}, .outputs = {2}, .params = {}, .fused = nullptr};
  node.params = {{"lhsContract", c.lhs_contract}, {"rhsContract", c.rhs_contract}, {"lhsBatch", c.lhs_batch}, {"rhsBatch", c.rhs_batch}};
  Shape out = pick(c.x, c.lhs_batch);
  for (int64_t d : pick(c.x, free_dims(c.x, c.lhs_batch, c.lhs_contract))) out.push_back(d);
  for (int64_t d : pick(c.y, free_dims(c.y, c.rhs_batch, c.rhs_contract))) out.push_back(d);
  for (const Shape& shape : {c.x, c.y, out}) graph.add_value({dtype, shape});
  graph.inputs = 2;
  graph.nodes = {node};
  graph.outputs = {2};
  return graph;
}

void launch(const Prepared& prepared, const void* x, const void* y, const void* z, void* out, const std::string& what) {
  Guarded<char> scratch(static_cast<int64_t>(prepared.scratch_bytes));
  scratch.poison();
  const void* in[] = {x, y, z};
  void* outs[] = {out};
  prepared.launch({in, outs, scratch.data()});
  check(scratch.intact(), what + ": wrote outside scratch");
}

// Calls term(output position, x offset, y offset) for each product in an output.
template <typename Term>
void each_term(const Case& c, const Graph& graph, Term term) {
  const Ints xs = strides_of(c.x), ys = strides_of(c.y);
  const Ints x_free = free_dims(c.x, c.lhs_batch, c.lhs_contract), y_free = free_dims(c.y, c.rhs_batch, c.rhs_contract);
  const Ints contract_sizes = pick(c.x, c.lhs_contract);
  const size_t nb = c.lhs_batch.size(), nx = x_free.size();
  for (int64_t position = 0; position < graph.aval(2).count(); ++position) {
    const Ints index = unravel(position, graph.aval(2).shape);
    const Ints batch(index.begin(), index.begin() + static_cast<int64_t>(nb));
    const Ints xi(index.begin() + static_cast<int64_t>(nb), index.begin() + static_cast<int64_t>(nb + nx));
    const Ints yi(index.begin() + static_cast<int64_t>(nb + nx), index.end());
    const int64_t x_base = dot(batch, pick(xs, c.lhs_batch)) + dot(xi, pick(xs, x_free));
    const int64_t y_base = dot(batch, pick(ys, c.rhs_batch)) + dot(yi, pick(ys, y_free));
    for (int64_t p = 0; p < count(contract_sizes); ++p) {
      const Ints pi = unravel(p, contract_sizes);
      term(position, x_base + dot(pi, pick(xs, c.lhs_contract)), y_base + dot(pi, pick(ys, c.rhs_contract)));
    }
  }
}

void dot_general_float(const Case& c) {
  const Graph graph = dot_graph(c, DType::f32);
  Prepared prepared;
  check(prepare_matrix(graph, graph.nodes[0], prepared), "prepare_matrix knows dotGeneral");
  const Guarded<float> x = random_floats(count(c.x), 1, 1), y = random_floats(count(c.y), 2, 2);
  Guarded<float> out(graph.aval(2).count(), 3);
  out.poison();
  launch(prepared, x.data(), y.data(), nullptr, out.data(), text_of(c));
  check(out.intact(), text_of(c) + ": wrote outside the output");
  std::vector<double> sums(static_cast<size_t>(out.size())), sizes(sums.size());
  each_term(c, graph, [&](int64_t position, int64_t i, int64_t j) {
    const double product = static_cast<double>(x[i]) * static_cast<double>(y[j]);
    sums[static_cast<size_t>(position)] += product;
    sizes[static_cast<size_t>(position)] += std::abs(product);
  });
  bool good = true;
  for (int64_t i = 0; i < out.size(); ++i) {
    good = good && std::abs(sums[static_cast<size_t>(i)] - static_cast<double>(out[i])) <= 4e-7 * (1 + sizes[static_cast<size_t>(i)]);
  }
  check(good, text_of(c) + " (" + prepared.note + ")");
}

void dot_general_integer(const Case& c, DType dtype) {
  const Graph graph = dot_graph(c, dtype);
  Prepared prepared;
  prepare_matrix(graph, graph.nodes[0], prepared);
  Guarded<uint32_t> x(count(c.x)), y(count(c.y)), out(graph.aval(2).count());
  std::mt19937 engine(5);
  for (int64_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint32_t>(engine());
  for (int64_t i = 0; i < y.size(); ++i) y[i] = static_cast<uint32_t>(engine());
  out.poison();
  launch(prepared, x.data(), y.data(), nullptr, out.data(), text_of(c));
  std::vector<uint32_t> sums(static_cast<size_t>(out.size()));
  each_term(c, graph, [&](int64_t position, int64_t i, int64_t j) { sums[static_cast<size_t>(position)] += x[i] * y[j]; });
  bool good = out.intact();
  for (int64_t i = 0; i < out.size(); ++i) good = good && sums[static_cast<size_t>(i)] == out[i];
  check(good, "integer " + text_of(c));
}

void dense(const Shape& x_shape, int64_t features, bool bias) {
  const std::string what = "dense " + to_string(x_shape) + " to " + std::to_string(features) + (bias ? " bias" : "");
  const int64_t k = x_shape.back();
  Shape out_shape = x_shape;
  out_shape.back() = features;
  Graph graph;
  for (const Shape& shape : {x_shape, Shape{k, features}, Shape{features}, out_shape}) graph.add_value({DType::f32, shape});
  const Node node{.op = "dense",
                  .inputs = bias ? std::vector<ValueId>{0, 1, 2} : std::vector<ValueId>{0, 1},
                  .outputs = {3},
                  .params = {},
                  .fused = nullptr};
  Prepared prepared;
  check(prepare_matrix(graph, node, prepared), "prepare_matrix knows dense");
  const Guarded<float> x = random_floats(count(x_shape), 1), w = random_floats(k * features, 2), b = random_floats(features, 3, 1);
  Guarded<float> out(count(out_shape));
  out.poison();
  launch(prepared, x.data(), w.data(), b.data(), out.data(), what);
  bool good = out.intact();
  for (int64_t i = 0; i < out.size(); ++i) {
    double sum = bias ? static_cast<double>(b[i % features]) : 0;
    double size = 1;
    for (int64_t p = 0; p < k; ++p) {
      const double term = static_cast<double>(x[i / features * k + p]) * static_cast<double>(w[p * features + i % features]);
      sum += term;
      size += std::abs(term);
    }
    good = good && std::abs(sum - static_cast<double>(out[i])) <= 4e-7 * size;
  }
  check(good, what + " (" + prepared.note + ")");
}

}  // namespace

int main() {
  if (!runs_here()) return kSkipped;
  const Case cases[] = {
      {{3, 4}, {4, 5}, {1}, {0}, {}, {}},
      {{4, 3}, {5, 4}, {0}, {1}, {}, {}},
      {{7}, {7}, {0}, {0}, {}, {}},
      {{7}, {9}, {}, {}, {}, {}},
      {{}, {3, 2}, {}, {}, {}, {}},
      {{6, 3, 4}, {6, 4, 5}, {2}, {1}, {0}, {0}},
      {{3, 6, 4}, {4, 5, 6}, {2}, {0}, {1}, {2}},
      {{2, 3, 4, 5}, {5, 3, 2, 6}, {3, 1}, {0, 1}, {0}, {2}},
      {{2, 3, 4, 5}, {3, 5, 6}, {1, 3}, {0, 1}, {}, {}},
      {{5, 4, 3, 2}, {2, 4, 7}, {3, 1}, {0, 1}, {}, {}},
      {{2, 3, 4}, {2, 3, 4}, {}, {}, {0, 1, 2}, {0, 1, 2}},
      {{2, 1, 4, 1, 3}, {3, 1, 4, 2}, {2, 4, 1}, {2, 0, 1}, {0}, {3}},
      {{17, 33}, {33, 65}, {1}, {0}, {}, {}},
      {{40, 12, 20}, {40, 20, 30}, {2}, {1}, {0}, {0}},
      {{4, 70, 80}, {4, 80, 90}, {2}, {1}, {0}, {0}},
      {{8, 2, 50, 16}, {8, 2, 50, 16}, {3}, {3}, {0, 1}, {0, 1}},
      {{8, 50, 2, 16}, {8, 50, 2, 16}, {3}, {3}, {0, 2}, {0, 2}},
      {{0, 4}, {4, 5}, {1}, {0}, {}, {}},
      {{3, 0}, {0, 5}, {1}, {0}, {}, {}},
      {{0, 3, 4}, {0, 4, 5}, {2}, {1}, {0}, {0}},
      {{2, 0, 3, 2}, {2, 0, 5}, {1}, {1}, {0}, {0}},
      {{3, 0, 4, 2}, {4, 0}, {2}, {0}, {1}, {1}},
  };
  for (const Case& c : cases) {
    dot_general_float(c);
    dot_general_integer(c, DType::i32);
    dot_general_integer(c, DType::u32);
  }
  for (bool bias : {false, true}) {
    for (const Shape& x :
         {Shape{32, 3}, Shape{32, 4}, Shape{5}, Shape{2, 3, 4}, Shape{128, 100}, Shape{1, 300}, Shape{0, 4}, Shape{3, 0}}) {
      for (int64_t features : {0, 1, 2, 4, 10, 33, 130}) dense(x, features, bias);
    }
  }
  return report("dense");
}
