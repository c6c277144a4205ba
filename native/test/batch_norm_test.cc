// batchNorm and batchNormGrad through `prepare_batch_norm`, against float64.
#include "kernel_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

constexpr double kEpsilon = 1e-5;

struct Reference {
  std::vector<double> y, mean, var, dx, dscale, dbias;
};

Reference reference(const Guarded<float>& x, const Guarded<float>& dy, const Guarded<float>& scale, const Guarded<float>& bias,
                    int64_t rows, int64_t columns) {
  Reference r;
  r.y.resize(static_cast<size_t>(rows * columns));
  r.dx = r.y;
  for (int64_t j = 0; j < columns; ++j) {
    const double n = static_cast<double>(rows);
    double mean = 0, var = 0, dbias = 0, product = 0;
    for (int64_t i = 0; i < rows; ++i) mean += static_cast<double>(x[i * columns + j]) / n;
    for (int64_t i = 0; i < rows; ++i) var += std::pow(static_cast<double>(x[i * columns + j]) - mean, 2) / n;
    const double inverse = 1 / std::sqrt(var + kEpsilon), s = static_cast<double>(scale[j]);
    for (int64_t i = 0; i < rows; ++i) {
      dbias += static_cast<double>(dy[i * columns + j]);
      product += static_cast<double>(dy[i * columns + j]) * (static_cast<double>(x[i * columns + j]) - mean) * inverse;
    }
    for (int64_t i = 0; i < rows; ++i) {
      const size_t at = static_cast<size_t>(i * columns + j);
      const double hat = (static_cast<double>(x[i * columns + j]) - mean) * inverse;
      r.y[at] = hat * s + static_cast<double>(bias[j]);
      r.dx[at] = s * inverse * (static_cast<double>(dy[i * columns + j]) - dbias / n - hat * product / n);
    }
    r.mean.push_back(mean);
    r.var.push_back(var);
    r.dscale.push_back(product);
    r.dbias.push_back(dbias);
  }
  return r;
}

void near(const Guarded<float>& got, const std::vector<double>& wanted, double tolerance, const std::string& what) {
  double worst = 0;
  for (int64_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(static_cast<double>(got[i]) - wanted[static_cast<size_t>(i)]);
    worst = error <= worst ? worst : error;  // a NaN stays
  }
  check(worst <= tolerance, what + ": off by " + std::to_string(worst) + ", allowed " + std::to_string(tolerance));
}

struct Outputs {
  Guarded<float> a, b, c;
};

class Op {
 public:
  Op(bool grad, int64_t rows, int64_t columns, bool fast) : rows_(rows), columns_(columns) {
    const Shape matrix{rows, columns}, vector{columns};
    const std::vector<Shape> forward{matrix, vector, vector, matrix, vector, vector};
    const std::vector<Shape> backward{matrix, matrix, vector, vector, vector, matrix, vector, vector};
    Graph graph;
    for (const Shape& shape : grad ? backward : forward) graph.add_value({DType::f32, shape});
    Node node;
    node.op = grad ? "batchNormGrad" : "batchNorm";
    node.inputs = grad ? std::vector<ValueId>{0, 1, 2, 3, 4} : std::vector<ValueId>{0, 1, 2};
    node.outputs = grad ? std::vector<ValueId>{5, 6, 7} : std::vector<ValueId>{3, 4, 5};
    node.params = {{"epsilon", kEpsilon}, {"fastVariance", fast}};
    check(prepare_batch_norm(graph, node, prepared_), "prepare_batch_norm knows " + node.op);
  }

  Outputs run(std::vector<const float*> inputs) const {
    Outputs out{Guarded<float>(rows_ * columns_, 1), Guarded<float>(columns_, 2), Guarded<float>(columns_, 3)};
    for (auto* o : {&out.a, &out.b, &out.c}) o->poison();
    Guarded<char> scratch(static_cast<int64_t>(prepared_.scratch_bytes));
    scratch.poison();
    std::vector<const void*> in(inputs.begin(), inputs.end());
    void* outs[] = {out.a.data(), out.b.data(), out.c.data()};
    prepared_.launch({in.data(), outs, scratch.data()});
    check(scratch.intact() && out.a.intact() && out.b.intact() && out.c.intact(), "batch norm wrote outside its memory");
    return out;
  }

  // As run, with output 0 in the memory of input `shared`.
  Guarded<float> run_in_place(std::vector<const float*> inputs, int shared) const {
    Guarded<float> memory(rows_ * columns_), b(columns_), c(columns_);
    std::memcpy(memory.data(), inputs[static_cast<size_t>(shared)], static_cast<size_t>(memory.size()) * sizeof(float));
    inputs[static_cast<size_t>(shared)] = memory.data();
    Guarded<char> scratch(static_cast<int64_t>(prepared_.scratch_bytes));
    std::vector<const void*> in(inputs.begin(), inputs.end());
    void* outs[] = {memory.data(), b.data(), c.data()};
    prepared_.launch({in.data(), outs, scratch.data()});
    return memory;
  }

  const Prepared& prepared() const { return prepared_; }

 private:
  int64_t rows_, columns_;
  Prepared prepared_;
};

bool same(const Outputs& a, const Outputs& b) { return same_bits(a.a, b.a) && same_bits(a.b, b.b) && same_bits(a.c, b.c); }

void matches(int64_t rows, int64_t columns, float mean, float deviation) {
  const std::string what = to_string(Shape{rows, columns}) + " mean " + std::to_string(mean) + " ";
  const Guarded<float> x = random_floats(rows * columns, 1, 1, mean, deviation), dy = random_floats(rows * columns, 2, 3);
  const Guarded<float> scale = random_floats(columns, 3, 1, 1, 0.5f), bias = random_floats(columns, 4, 2);
  const Reference r = reference(x, dy, scale, bias, rows, columns);
  // Where the columns hardly vary, y hangs on the rounding of the mean.
  double slack = 1;
  for (double var : r.var) slack = std::max(slack, (1 + std::abs(static_cast<double>(mean)) / 8) / std::sqrt(var + kEpsilon));
  const double n = static_cast<double>(rows);

  const Op forward(false, rows, columns, true);
  const Outputs f = forward.run({x.data(), scale.data(), bias.data()});
  near(f.a, r.y, 2e-6 * slack, what + "y");
  near(f.b, r.mean, 1e-6 * (1 + std::abs(static_cast<double>(mean))), what + "mean");
  for (int64_t j = 0; j < columns; ++j) {
    check(std::abs(static_cast<double>(f.c[j]) - r.var[static_cast<size_t>(j)]) <= 1e-5 * r.var[static_cast<size_t>(j)], what + "var");
  }
  on_one_thread([&] { check(same(f, forward.run({x.data(), scale.data(), bias.data()})), what + "one thread differs"); });
  for (auto [in, out] : forward.prepared().in_place) {
    check(out == 0 && same_bits(f.a, forward.run_in_place({x.data(), scale.data(), bias.data()}, in)), what + "in place differs");
  }

  const Op backward(true, rows, columns, true);
  const std::vector<const float*> inputs{dy.data(), x.data(), scale.data(), f.b.data(), f.c.data()};
  const Outputs g = backward.run(inputs);
  near(g.a, r.dx, 4e-6 * slack * slack, what + "dx");
  near(g.b, r.dscale, 1e-6 * (n + 1) * slack, what + "dscale");
  near(g.c, r.dbias, 1e-6 * (n + 1), what + "dbias");
  on_one_thread([&] { check(same(g, backward.run(inputs)), what + "one thread differs in the gradient"); });
  for (auto [in, out] : backward.prepared().in_place) {
    check(out == 0 && same_bits(g.a, backward.run_in_place(inputs, in)), what + "in place gradient differs");
  }
}

// A large mean must not cost the variance its digits.
void large_mean() {
  for (float mean : {1e2f, 1e3f, 1e4f, -1e4f}) {
    for (int64_t rows : {64, 1000}) {
      const int64_t columns = 5;
      const Guarded<float> x = random_floats(rows * columns, 9, 0, mean, 1), ones = random_floats(columns, 1, 0, 1, 0);
      const Reference r = reference(x, x, ones, ones, rows, columns);
      const Outputs f = Op(false, rows, columns, true).run({x.data(), ones.data(), ones.data()});
      for (int64_t j = 0; j < columns; ++j) {
        const double var = r.var[static_cast<size_t>(j)], m = r.mean[static_cast<size_t>(j)];
        check(std::abs(static_cast<double>(f.c[j]) - var) <= 2e-6 * var, "large mean: variance");
        check(std::abs(static_cast<double>(f.b[j]) - m) <= 1e-7 * std::abs(m), "large mean: mean");
      }
    }
  }
}

// Constant columns have variance 0 exactly, and hand half the gradient through it where the variance is the fast one.
void constant_column() {
  const int64_t rows = 300, columns = 3;
  Guarded<float> x = random_floats(rows * columns, 1), dy = random_floats(rows * columns, 2);
  const Guarded<float> scale = random_floats(columns, 3, 0, 1, 0.5f);
  for (int64_t i = 0; i < rows; ++i) x[i * columns + 1] = 0.7f;
  const Outputs f = Op(false, rows, columns, true).run({x.data(), scale.data(), scale.data()});
  check(f.c[1] == 0 && f.b[1] == 0.7f, "a constant column has variance 0 and its value as mean");
  for (int64_t i = 0; i < rows; ++i) check(f.a[i * columns + 1] == scale[1], "a constant column normalises to the bias");
}

// The part of dx through the variance: whole above 0, half at 0, none below; always whole without fastVariance.
void variance_part() {
  const int64_t rows = 40, columns = 4;
  const Guarded<float> x = random_floats(rows * columns, 1), dy = random_floats(rows * columns, 2),
                       scale = random_floats(columns, 3, 0, 1, 0.5f);
  Guarded<float> mean(columns), var(columns);
  const float vars[] = {0.5f, 0, -0.25f, -0.0f};
  const double parts[] = {1, 0.5, 0, 0.5};
  for (int64_t j = 0; j < columns; ++j) {
    mean[j] = 0.1f;
    var[j] = vars[j];
  }
  for (bool fast : {true, false}) {
    const Outputs g = Op(true, rows, columns, fast).run({dy.data(), x.data(), scale.data(), mean.data(), var.data()});
    for (int64_t j = 0; j < columns; ++j) {
      const double inverse = 1 / std::sqrt(std::max(static_cast<double>(vars[j]), 0.0) + kEpsilon), s = static_cast<double>(scale[j]);
      double sum = 0, product = 0;
      for (int64_t i = 0; i < rows; ++i) {
        sum += static_cast<double>(dy[i * columns + j]);
        product += static_cast<double>(dy[i * columns + j]) * (static_cast<double>(x[i * columns + j]) - static_cast<double>(mean[j]));
      }
      for (int64_t i = 0; i < rows; ++i) {
        const double through_var =
            (static_cast<double>(x[i * columns + j]) - static_cast<double>(mean[j])) * inverse * inverse * product / rows;
        const double dx = s * inverse * (static_cast<double>(dy[i * columns + j]) - sum / rows - (fast ? parts[j] : 1) * through_var);
        const double scale_of_dx = s * inverse * (1 + std::abs(through_var) + inverse * inverse * 0.1);
        check(std::abs(static_cast<double>(g.a[i * columns + j]) - dx) <= 1e-5 * scale_of_dx,
              "dx through the variance, column " + std::to_string(j));
      }
    }
  }
}

void edge_cases() {
  Guarded<float> none(0), ones = random_floats(2, 1, 0, 1, 0);
  const Outputs empty = Op(false, 0, 2, true).run({none.data(), ones.data(), ones.data()});
  check(std::isnan(empty.b[0]) && std::isnan(empty.c[1]), "no rows: mean and var are 0 / 0");
  const Outputs empty_grad = Op(true, 0, 2, true).run({none.data(), none.data(), ones.data(), ones.data(), ones.data()});
  check(empty_grad.c[0] == 0 && empty_grad.b[1] == 0, "no rows: no gradient");
  Op(false, 3, 0, true).run({none.data(), none.data(), none.data()});
  Op(true, 3, 0, true).run({none.data(), none.data(), none.data(), none.data(), none.data()});

  const int64_t rows = 200, columns = 6;
  Guarded<float> x = random_floats(rows * columns, 1);
  x[0 * columns + 1] = std::numeric_limits<float>::infinity();
  x[150 * columns + 2] = -std::numeric_limits<float>::infinity();
  x[77 * columns + 3] = std::numeric_limits<float>::quiet_NaN();
  x[0 * columns + 4] = std::numeric_limits<float>::quiet_NaN();
  const Guarded<float> scale = random_floats(columns, 2, 0, 1, 0.5f);
  const Outputs f = Op(false, rows, columns, true).run({x.data(), scale.data(), scale.data()});
  check(std::isfinite(f.b[0]) && std::isfinite(f.c[5]) && std::isfinite(f.a[10 * columns]), "finite columns stay finite");
  check(std::isinf(f.b[1]) && f.b[1] > 0 && std::isnan(f.c[1]), "infinity: mean is infinite, var NaN");
  check(std::isinf(f.b[2]) && f.b[2] < 0 && std::isnan(f.c[2]), "-infinity: mean is infinite, var NaN");
  check(std::isnan(f.b[3]) && std::isnan(f.c[3]) && std::isnan(f.a[3]) && std::isnan(f.b[4]), "NaN reaches its column");
}

}  // namespace

int main() {
  if (!runs_here()) return kSkipped;
  for (int64_t rows : {2, 3, 7, 8, 9, 31, 32, 64, 127, 128, 129, 257, 1000}) {
    for (int64_t columns : {1, 2, 3, 4, 7, 8, 10, 15, 16, 17, 31, 33, 64, 129, 257}) matches(rows, columns, 0.3f, 1);
  }
  matches(1, 5, 0, 1);
  matches(32, 4, 10, 2);
  matches(5000, 4, -3, 2);
  matches(3000, 257, 1, 1);
  matches(7, 40000, 1, 1);
  large_mean();
  constant_column();
  variance_part();
  edge_cases();
  return report("batch_norm");
}
