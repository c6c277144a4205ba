// Batch normalisation and its gradient, alone and with relu, beside the time that copying the same memory takes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <vector>

#include "cpu/batch_norm.h"
#include "runtime/thread_pool.h"

using namespace flaxen;
using namespace flaxen::cpu;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double best_microseconds(double budget, const std::function<void()>& run) {
  double best = 1e9;
  const double end = now() + budget;
  int64_t repeat = 1;
  for (bool first = true; first || now() < end; first = false) {
    const double begin = now();
    for (int64_t i = 0; i < repeat; ++i) run();
    const double each = (now() - begin) / static_cast<double>(repeat);
    best = std::min(best, each);
    repeat = std::max<int64_t>(1, static_cast<int64_t>(50e-6 / each));
  }
  return best * 1e6;
}

// As the executor's arena.
class Aligned {
 public:
  explicit Aligned(size_t size) : memory_(size + 16) {}
  float* data() { return memory_.data() + (64 - reinterpret_cast<uintptr_t>(memory_.data()) % 64) / sizeof(float); }
  float& operator[](size_t i) { return data()[i]; }

 private:
  std::vector<float> memory_;
};

}  // namespace

int main(int argc, char** argv) {
  const double budget = (argc > 1 ? std::atof(argv[1]) : 100) * 1e-3;
  std::printf("%s, %d threads\n", name_of(chosen_isa()), ThreadPool::shared().threads());
  const int64_t shapes[][2] = {{32, 4}, {128, 64}, {128, 512}, {1024, 1024}, {8192, 256}, {65536, 4}, {65536, 3}, {16384, 10}};
  for (const auto& [rows, columns] : shapes) {
    const size_t size = static_cast<size_t>(rows * columns), features = static_cast<size_t>(columns);
    Aligned x(size), dy(size), y(size);
    std::vector<float> scale(features, 1), bias(features), mean(features), var(features);
    for (size_t i = 0; i < size; ++i) {
      x[i] = static_cast<float>(i % 17) - 8;
      dy[i] = static_cast<float>(i % 13) - 6;
    }
    const BatchNorm batch_norm(rows, columns, 1e-5f, true, chosen_isa());
    std::vector<double> scratch(std::max(batch_norm.forward_scratch_bytes(), batch_norm.grad_scratch_bytes()) / sizeof(double) + 1);
    std::vector<float> dscale(features), dbias(features);
    const double copy = best_microseconds(budget, [&] { std::memcpy(y.data(), x.data(), size * sizeof(float)); });
    const auto forward = [&](bool relu) {
      return best_microseconds(budget, [&] {
        batch_norm.forward(x.data(), scale.data(), bias.data(), y.data(), mean.data(), var.data(), scratch.data(), relu);
      });
    };
    const auto grad = [&](const float* relu_bias) {
      return best_microseconds(budget, [&] {
        batch_norm.grad(dy.data(), x.data(), scale.data(), mean.data(), var.data(), y.data(), dscale.data(), dbias.data(), scratch.data(),
                        relu_bias);
      });
    };
    const double alone = forward(false), with_relu = forward(true), grad_alone = grad(nullptr), grad_with_relu = grad(bias.data());
    std::printf(
        "%6lld x %-5lld copy %8.2f us  forward %8.2f us (%.1f copies), relu %8.2f us  gradient %8.2f us (%.1f copies), relu %8.2f us\n",
        static_cast<long long>(rows), static_cast<long long>(columns), copy, alone, alone / copy, with_relu, grad_alone, grad_alone / copy,
        grad_with_relu);
  }
}
