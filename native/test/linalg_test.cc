// QR: q r = x, q orthonormal, r upper triangular, and the signs of LAPACK.
#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

void test_qr(const Array& x) {
  const int64_t m = x.aval.shape[0], n = x.aval.shape[1], k = std::min(m, n);
  const std::vector<Array> y = run_op("qr", {&x}, {}, {{DType::f32, {m, k}}, {DType::f32, {k, n}}}, 1);
  const Array &q = y[0], &r = y[1];
  const std::string what = "qr " + to_string(x.aval.shape);
  double scale = 1;
  for (int64_t i = 0; i < x.size(); ++i) scale = std::max(scale, std::abs(x.at(i)));
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += q.at(i * k + p) * r.at(p * n + j);
      check(std::abs(sum - x.at(i * n + j)) <= 1e-6 * scale * static_cast<double>(k + 1), what + ": q r is not x");
    }
  }
  for (int64_t a = 0; a < k; ++a) {
    for (int64_t b = 0; b < k; ++b) {
      double sum = 0;
      for (int64_t i = 0; i < m; ++i) sum += q.at(i * k + a) * q.at(i * k + b);
      check(std::abs(sum - (a == b)) <= 1e-6, what + ": q is not orthonormal");
    }
    for (int64_t b = 0; b < a; ++b) check(r.at(a * n + b) == 0, what + ": r is not triangular");
  }
}

}  // namespace

int main() {
  const Shape shapes[] = {{1, 1}, {3, 3}, {5, 2}, {2, 5}, {1, 4}, {4, 1}, {33, 20}, {20, 33}, {64, 64}, {0, 3}, {3, 0}};
  for (const Shape& shape : shapes) test_qr(random_array(DType::f32, shape, 5, 1));
  test_qr(filled(DType::f32, {4, 3}, [](int64_t) { return 0.0; }));
  test_qr(filled(DType::f32, {4, 4}, [](int64_t i) { return i % 5 == 0 ? 2.0 : 0.0; }));
  // A column [3, 4] reflects to -5; the last row of a square matrix, and a column that is zero below the diagonal, keep their sign.
  const Array x = filled(DType::f32, {2, 2}, [](int64_t i) { return std::vector<double>{3, 1, 4, 2}[static_cast<size_t>(i)]; });
  const std::vector<Array> y = run_op("qr", {&x}, {}, {x.aval, x.aval});
  check(std::abs(y[1].at(0) + 5) < 1e-6 && std::abs(y[1].at(1) + 2.2) < 1e-6 && std::abs(y[1].at(3) - 0.4) < 1e-6, "the signs of r");
  const Array upper = filled(DType::f32, {2, 2}, [](int64_t i) { return std::vector<double>{3, 1, 0, -2}[static_cast<size_t>(i)]; });
  const std::vector<Array> same = run_op("qr", {&upper}, {}, {x.aval, x.aval});
  check(same[1].at(0) == 3 && same[1].at(3) == -2 && same[0].at(0) == 1 && same[0].at(3) == 1, "a triangular matrix stays");
  return report("linalg");
}
