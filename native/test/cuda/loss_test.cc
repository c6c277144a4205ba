// Softmax cross entropy and its gradient against float64.
#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

void losses(int64_t rows, int64_t classes, float size) {
  const std::string what = "cross entropy of " + std::to_string(rows) + " x " + std::to_string(classes);
  const std::vector<float> x = random_values(rows * classes, 1, 0, size), d = random_values(rows, 2);
  std::vector<int32_t> labels;
  std::vector<double> loss, total, dx, dx_of_mean;
  std::mt19937 engine(seed_base + 4);
  for (int64_t r = 0; r < rows; ++r) {
    const auto at = [&](int64_t c) { return static_cast<double>(x[static_cast<size_t>(r * classes + c)]); };
    int64_t label = engine() % static_cast<uint32_t>(classes);
    labels.push_back(static_cast<int32_t>(r % 3 == 1 ? label - classes : label));  // counted from the end
    const bool outside = r % 7 == 5;
    if (outside) labels.back() = static_cast<int32_t>(r % 2 ? classes : -classes - 1);
    double top = -INFINITY, sum = 0;
    for (int64_t c = 0; c < classes; ++c) top = std::max(top, at(c));
    for (int64_t c = 0; c < classes; ++c) sum += std::exp(at(c) - top);
    total.push_back(top + std::log(sum));
    loss.push_back(outside ? NAN : total.back() - at(label));
    for (int64_t c = 0; c < classes; ++c) {
      const double p = std::exp(at(c) - total.back()), hit = !outside && c == label;
      dx.push_back((p - hit) * static_cast<double>(d[static_cast<size_t>(r)]));
      dx_of_mean.push_back((p - hit) * 0.25);
    }
  }
  std::vector<float> off;
  for (double t : total) off.push_back(static_cast<float>(t + 0.5));
  on_schedules(
      [&] {
        const DeviceArray<float> logits(x), got_loss(rows), got_total(rows), dloss(d), got(rows * classes);
        const DeviceArray<int32_t> label(labels);
        check_call(
            flaxen_cuda_softmax_cross_entropy(&device(), rows, classes, logits.data(), label.data(), got_loss.data(), got_total.data()),
            what);
        check_close(got_loss.read(), loss, 2e-6, what);
        check_close(got_total.read(), total, 2e-6, what + ", logsumexp");
        // What is divided by its own sum does not depend on the logsumexp.
        const DeviceArray<float> shifted(off);
        const auto gradient = [&](const float* of_row, const DeviceArray<float>& to) {
          check_call(flaxen_cuda_softmax_cross_entropy_grad(&device(), rows, classes, logits.data(), label.data(), shifted.data(), of_row,
                                                            0.25f, to.data()),
                     what);
          return to.read();
        };
        check_close(gradient(dloss.data(), got), dx, 4e-6, what + ", gradient");
        check_close(gradient(nullptr, got), dx_of_mean, 4e-6, what + ", gradient of the mean");
        check_close(gradient(dloss.data(), logits), dx, 4e-6, what + ", gradient in place of the logits");
      },
      what);
}

void infinite_logits() {
  const std::vector<float> x{INFINITY, 0, -INFINITY, -INFINITY, NAN, 1};
  on_schedules(
      [&] {
        const DeviceArray<float> logits(x), loss(3), total(3);
        const DeviceArray<int32_t> labels(std::vector<int32_t>{1, 0, 1});
        check_call(flaxen_cuda_softmax_cross_entropy(&device(), 3, 2, logits.data(), labels.data(), loss.data(), total.data()),
                   "infinities");
        check_close(total.read(), {INFINITY, -INFINITY, NAN}, 0, "logsumexp of infinities");
      },
      "infinities");
}

const Family family("loss", [] {
  for (const auto& [rows, classes] : {std::pair<int64_t, int64_t>{1, 1}, {3, 2}, {31, 10}, {64, 33}, {9, 127}, {7, 129}, {5, 1000}})
    losses(rows, classes, 4);
  losses(8, 10, 90);
  infinite_logits();
  check_call(flaxen_cuda_softmax_cross_entropy(&device(), 0, 10, nullptr, nullptr, nullptr, nullptr), "no rows");
  check(flaxen_cuda_softmax_cross_entropy(&device(), -1, 10, nullptr, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT,
        "negative rows");
});

}  // namespace
