// softmaxCrossEntropy and its gradient against long double, its edge cases, and the same bits on every instruction set.
#include "cpu/loss_kernels.h"
#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

void test_random(int64_t rows, int64_t classes, double scale, double mean) {
  Array logits = random_array(DType::f32, {rows, classes}, 1, 1);
  for (int64_t i = 0; i < logits.size(); ++i) logits.set(i, mean + scale * logits.at(i));
  const Array labels = filled(DType::i32, {rows}, [&](int64_t i) { return static_cast<double>((i * 7) % (2 * classes) - classes); });
  const Aval out{DType::f32, {rows}};
  const std::string what = "rows " + std::to_string(rows) + " classes " + std::to_string(classes);
  const std::vector<Array> results = run_op("softmaxCrossEntropy", {&logits, &labels}, {}, {out, out}, 1);
  for (int64_t r = 0; r < rows; ++r) {
    long double top = -INFINITY, sum = 0;
    for (int64_t c = 0; c < classes; ++c) top = std::max(top, static_cast<long double>(logits.at(r * classes + c)));
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(static_cast<long double>(logits.at(r * classes + c)) - top);
    const long double lse = top + std::log(sum);
    const auto label = static_cast<int64_t>(labels.at(r));
    const long double loss = lse - static_cast<long double>(logits.at(r * classes + (label < 0 ? label + classes : label)));
    const double allowed = 3e-7 * std::max(1.0, std::abs(static_cast<double>(lse)));
    check(std::abs(results[1].at(r) - static_cast<double>(lse)) <= allowed, "logsumexp, " + what);
    check(std::abs(results[0].at(r) - static_cast<double>(loss)) <= 2 * allowed, "loss, " + what);
  }
  std::vector<Array> losses;
  for (Isa isa : runnable_isas()) {
    Array loss(DType::f32, {rows}), lse(DType::f32, {rows});
    loss_table(isa).softmax_cross_entropy(loss.data<float>(), lse.data<float>(), logits.data<float>(), labels.data<int32_t>(), rows,
                                          classes);
    check(loss.same_as(results[0]) && lse.same_as(results[1]), what + " differs on " + name_of(isa));
  }
}

void test_gradient(int64_t rows, int64_t classes, double scale) {
  Array logits = random_array(DType::f32, {rows, classes}, 1, 1);
  for (int64_t i = 0; i < logits.size(); ++i) logits.set(i, scale * logits.at(i));
  // Every other row's label counts from the end, every seventh lies outside.
  const Array labels = filled(DType::i32, {rows}, [&](int64_t r) {
    return static_cast<double>(r % 7 == 6 ? classes + r : r % 2 ? (r * 5) % classes - classes : (r * 5) % classes);
  });
  const Array dloss = random_array(DType::f32, {rows}, 2, 1);
  const Aval row{DType::f32, {rows}}, all{DType::f32, {rows, classes}};
  const std::vector<Array> forward = run_op("softmaxCrossEntropy", {&logits, &labels}, {}, {row, row});
  const Array& lse = forward[1];
  const std::string what = "gradient, rows " + std::to_string(rows) + " classes " + std::to_string(classes);
  for (const bool one : {false, true}) {
    const std::vector<const Array*> inputs =
        one ? std::vector<const Array*>{&logits, &labels, &lse} : std::vector<const Array*>{&dloss, &logits, &labels, &lse};
    const Params params = one ? Params{{"dloss", 0.25}} : Params{};
    const std::vector<Array> results = run_op(one ? "fused.softmaxCrossEntropyGrad" : "softmaxCrossEntropyGrad", inputs, params, {all}, 1);
    const Array& got = results[0];
    for (int64_t r = 0; r < rows; ++r) {
      const auto at = [&](int64_t c) { return static_cast<long double>(logits.at(r * classes + c)); };
      long double top = -INFINITY, sum = 0;
      for (int64_t c = 0; c < classes; ++c) top = std::max(top, at(c));
      for (int64_t c = 0; c < classes; ++c) sum += std::exp(at(c) - top);
      const auto given = static_cast<int64_t>(labels.at(r)), label = given < 0 ? given + classes : given;
      const long double d = one ? 0.25L : static_cast<long double>(dloss.at(r));
      for (int64_t c = 0; c < classes; ++c) {
        const long double expected = (std::exp(at(c) - top) / sum - (c == label)) * d;
        const double error = std::abs(got.at(r * classes + c) - static_cast<double>(expected));
        check(error <= 4e-7 * std::abs(static_cast<double>(d)) * std::max(1.0, scale), what + (one ? " of a mean" : ""));
      }
    }
    for (Isa isa : runnable_isas()) {
      Array dlogits(DType::f32, {rows, classes});
      const float constant = 0.25f;
      loss_table(isa).softmax_cross_entropy_grad(dlogits.data<float>(), one ? &constant : dloss.data<float>(), one, logits.data<float>(),
                                                 labels.data<int32_t>(), lse.data<float>(), rows, classes);
      check(dlogits.same_as(got), what + " differs on " + name_of(isa));
    }
  }
}

void test_edges() {
  const double inf = INFINITY;
  const double rows[][3] = {{1, 2, 3}, {1, 2, 3}, {-inf, -inf, -inf}, {-inf, 0, -inf}, {inf, 0, 0}, {NAN, 0, 0}, {200, -200, 0}};
  const double label[] = {3, -4, 0, 0, 0, 1, 1};
  const Array logits = filled(DType::f32, {7, 3}, [&](int64_t i) { return rows[i / 3][i % 3]; });
  const Array labels = filled(DType::i32, {7}, [&](int64_t i) { return label[i]; });
  const Aval out{DType::f32, {7}};
  const std::vector<Array> y = run_op("softmaxCrossEntropy", {&logits, &labels}, {}, {out, out});
  check(std::isnan(y[0].at(0)) && std::isnan(y[0].at(1)), "labels outside the classes give NaN");
  check(std::abs(y[1].at(0) - 3.4076059644443806) < 1e-6, "logsumexp of a row with a label outside");
  check(y[1].at(2) == -inf, "logsumexp of nothing but -inf");
  check(y[1].at(3) == 0 && y[0].at(3) == inf, "the loss of an impossible class");
  check(y[1].at(4) == inf, "logsumexp of +inf");
  check(std::isnan(y[0].at(5)) && std::isnan(y[1].at(5)), "NaN stays");
  check(y[1].at(6) == 200 && y[0].at(6) == 400, "large logits do not overflow");
}

}  // namespace

int main() {
  for (int64_t rows : {0, 1, 4, 17, 100}) {
    for (int64_t classes : {1, 2, 10, 15, 16, 33, 1000, 5000}) test_random(rows, classes, 2, 0);
  }
  for (int64_t rows : {0, 1, 4, 17, 100}) {
    for (int64_t classes : {1, 2, 10, 24, 25, 33, 1000, 5000}) test_gradient(rows, classes, 2);
  }
  test_gradient(3000, 10, 20);
  test_random(3000, 10, 20, 0);
  test_random(50, 100, 1, 500);
  test_edges();
  return report("loss");
}
