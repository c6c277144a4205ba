// Batch normalisation, its gradients and its inference form against float64, with and without relu.
#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

constexpr float kEpsilon = 1e-5f;

using Doubles = std::vector<double>;

struct Problem {
  int64_t rows, columns;
  std::vector<float> x, dy, scale, bias;

  Problem(int64_t rows_, int64_t columns_, float mean = 0, float deviation = 1) : rows(rows_), columns(columns_) {
    x = random_values(rows * columns, 1, mean, deviation);
    dy = random_values(rows * columns, 2);
    scale = random_values(columns, 3, 1);
    bias = random_values(columns, 4);
  }
  std::string text() const { return std::to_string(rows) + " x " + std::to_string(columns); }
  double at(const std::vector<float>& v, int64_t i, int64_t j) const {
    return static_cast<double>(v[static_cast<size_t>(i * columns + j)]);
  }
};

struct Statistics {
  Doubles mean, var;
  explicit Statistics(const Problem& p) {
    for (int64_t j = 0; j < p.columns; ++j) {
      double sum = 0, square = 0;
      for (int64_t i = 0; i < p.rows; ++i) sum += p.at(p.x, i, j);
      mean.push_back(sum / static_cast<double>(p.rows));
      for (int64_t i = 0; i < p.rows; ++i) square += std::pow(p.at(p.x, i, j) - mean.back(), 2);
      var.push_back(square / static_cast<double>(p.rows));
    }
  }
};

// relu's edge: an element so near to zero that float32 may see it on the other side.
bool near_zero(double y) { return std::abs(y) < 1e-5; }

double normalized(const Problem& p, double mean, double var, int64_t i, int64_t j) {
  const auto c = static_cast<size_t>(j);
  return (p.at(p.x, i, j) - mean) / std::sqrt(var + static_cast<double>(kEpsilon)) * static_cast<double>(p.scale[c]) +
         static_cast<double>(p.bias[c]);
}

void forward(const Problem& p, bool relu, double tolerance, int64_t skew, Effort effort = Effort::usual) {
  const std::string what = "batch norm " + p.text() + (relu ? " relu" : "");
  const Statistics s(p);
  Doubles wanted;
  for (int64_t i = 0; i < p.rows; ++i) {
    for (int64_t j = 0; j < p.columns; ++j) {
      const double y = normalized(p, s.mean[static_cast<size_t>(j)], s.var[static_cast<size_t>(j)], i, j);
      wanted.push_back(relu && y < 0 ? 0 : y);
    }
  }
  on_schedules(
      [&] {
        const DeviceArray<float> x(p.x, skew), scale(p.scale), bias(p.bias), y(p.rows * p.columns, skew), mean(p.columns), var(p.columns);
        const DeviceArray<uint8_t> scratch(static_cast<int64_t>(flaxen_cuda_batch_norm_scratch(p.rows, p.columns)));
        check_call(flaxen_cuda_batch_norm(&device(), p.rows, p.columns, x.data(), scale.data(), bias.data(), kEpsilon, relu, y.data(),
                                          mean.data(), var.data(), scratch.data()),
                   what);
        check_close(mean.read(), s.mean, tolerance, what + ", mean");
        check_close(var.read(), s.var, tolerance, what + ", var");
        check_close(y.read(), wanted, tolerance, what);
        const std::vector<float> first = y.read();
        // With these statistics given, and in place.
        check_call(flaxen_cuda_batch_norm_inference(&device(), p.rows, p.columns, x.data(), mean.data(), var.data(), scale.data(),
                                                    bias.data(), kEpsilon, relu, x.data()),
                   what);
        check(x.read() == first, what + ", with given statistics");
      },
      what, effort);
}

void backward(const Problem& p, bool relu, int64_t skew, Effort effort = Effort::usual) {
  const std::string what = "batch norm gradient " + p.text() + (relu ? " relu" : "");
  const Statistics s(p);
  const std::vector<float> mean(s.mean.begin(), s.mean.end()), var(s.var.begin(), s.var.end());
  Doubles dx(static_cast<size_t>(p.rows * p.columns)), dscale, dbias;
  std::vector<float> dy = p.dy;
  for (int64_t j = 0; j < p.columns; ++j) {
    const auto c = static_cast<size_t>(j);
    const double inverse = 1 / std::sqrt(s.var[c] + static_cast<double>(kEpsilon)), n = static_cast<double>(p.rows);
    double sum = 0, product = 0;
    Doubles d;
    for (int64_t i = 0; i < p.rows; ++i) {
      const double y = normalized(p, s.mean[c], s.var[c], i, j);
      float& cotangent = dy[static_cast<size_t>(i * p.columns + j)];
      if (relu && near_zero(y)) cotangent = 0;
      d.push_back(relu && y <= 0 ? 0 : static_cast<double>(cotangent));
      sum += d.back();
      product += d.back() * (p.at(p.x, i, j) - s.mean[c]) * inverse;
    }
    dbias.push_back(sum);
    dscale.push_back(product);
    // With one row all x equal the mean: the variance is 0, and max(var, 0) hands on half a gradient, which x - mean = 0 silences.
    for (int64_t i = 0; i < p.rows; ++i) {
      const double normal = (p.at(p.x, i, j) - s.mean[c]) * inverse;
      dx[static_cast<size_t>(i * p.columns + j)] =
          static_cast<double>(p.scale[c]) * inverse * (d[static_cast<size_t>(i)] - sum / n - normal * product / n);
    }
  }
  on_schedules(
      [&] {
        const DeviceArray<float> x(p.x, skew), cotangent(dy, skew), scale(p.scale), bias(p.bias), means(mean), vars(var);
        const DeviceArray<float> got_dx(p.rows * p.columns, skew), got_dscale(p.columns), got_dbias(p.columns);
        const DeviceArray<uint8_t> scratch(static_cast<int64_t>(flaxen_cuda_batch_norm_grad_scratch(p.rows, p.columns)));
        const auto run = [&](float* to) {
          check_call(flaxen_cuda_batch_norm_grad(&device(), p.rows, p.columns, cotangent.data(), x.data(), scale.data(), means.data(),
                                                 vars.data(), relu ? bias.data() : nullptr, kEpsilon, 1, to, got_dscale.data(),
                                                 got_dbias.data(), scratch.data()),
                     what);
        };
        run(got_dx.data());
        const double scale_of_dx = 1e-5 * (p.rows == 1 ? 100 : 1);
        check_close(got_dx.read(), dx, scale_of_dx, what + ", dx");
        check_close(got_dscale.read(), dscale, 2e-5, what + ", dscale");
        check_close(got_dbias.read(), dbias, 2e-5, what + ", dbias");
        const std::vector<float> first = got_dx.read();
        run(cotangent.data());
        check(cotangent.read() == first, what + ", in place");
      },
      what, effort);
}

// The part through the variance where it is zero or less, as docs/primitives.md has it.
void split_variance() {
  const std::vector<float> x{1, 3, 1, 3}, dy{1, 0, 1, 0}, one{1, 1}, mean{2, 2};  // 2 x 2: rows {1, 3}, {1, 3}
  for (const auto& [var, part] : {std::pair{1.0f, 1.0}, std::pair{0.0f, 0.5}, std::pair{-1.0f, 0.0}}) {
    for (int fast : {0, 1}) {
      on_schedules(
          [&, variance = var, share = part] {
            const DeviceArray<float> xs(x), dys(dy), scale(one), means(mean), vars(std::vector<float>{variance, variance});
            const DeviceArray<float> dx(4), dscale(2), dbias(2);
            const DeviceArray<uint8_t> scratch(static_cast<int64_t>(flaxen_cuda_batch_norm_grad_scratch(2, 2)));
            check_call(flaxen_cuda_batch_norm_grad(&device(), 2, 2, dys.data(), xs.data(), scale.data(), means.data(), vars.data(), nullptr,
                                                   1.0f, fast, dx.data(), dscale.data(), dbias.data(), scratch.data()),
                       "split variance");
            const double inverse = 1 / std::sqrt(std::max(0.0, static_cast<double>(variance)) + 1);
            const double slope = -1 * inverse * inverse * inverse * (fast ? share : 1);  // mean(d c) = -1 in column 0
            check_close(dx.read(), {slope, 0, slope, 0}, 1e-6, "the gradient through a variance of " + std::to_string(variance));
          },
          "split variance");
    }
  }
}

const Family family("batch norm", [] {
  for (const auto& [rows, columns] : {std::pair<int64_t, int64_t>{1, 3},
                                      {3, 1},
                                      {31, 33},
                                      {33, 4},
                                      {64, 64},
                                      {127, 31},
                                      {129, 132},
                                      {257, 5},
                                      {512, 8},
                                      {700, 36},
                                      {1100, 5}}) {
    const Problem p(rows, columns);
    const Effort effort = rows == 129 || rows == 257 ? Effort::thorough : Effort::usual;
    forward(p, false, 4e-6, 0);
    forward(p, true, 4e-6, rows % 2, effort);
    backward(p, false, 0);
    backward(p, true, rows % 2, effort);
  }
  forward(Problem(300, 5, 1000, 1), false, 1e-3, 0);  // y is within 1000 x 2^-24 of its place
  split_variance();
  for (int64_t rows : {0, 5}) {
    const DeviceArray<float> none(0);
    check_call(flaxen_cuda_batch_norm(&device(), rows, 0, none.data(), none.data(), none.data(), kEpsilon, 0, none.data(), none.data(),
                                      none.data(), none.data()),
               "no columns");
  }
  check(flaxen_cuda_batch_norm(&device(), -1, 3, nullptr, nullptr, nullptr, kEpsilon, 0, nullptr, nullptr, nullptr, nullptr) ==
            FLAXEN_CUDA_BAD_ARGUMENT,
        "a negative size");
});

}  // namespace
