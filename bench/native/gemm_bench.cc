// Throughput of the matrix products that a training step is made of, beside the machine's own limit (measured here, on registers alone).
// Usage: gemm_bench [milliseconds a shape]; FLAXEN_NUM_THREADS and FLAXEN_ISA as everywhere.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "cpu/gemm.h"
#include "runtime/thread_pool.h"

using namespace flaxen;
using namespace flaxen::cpu;

namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The fastest of many runs, as other work on the machine only ever adds time.
double best_seconds(double budget, const std::function<void()>& run) {
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
  return best;
}

// A tile that never leaves the first-level cache, on every thread: as fast as multiply-adds go.
double peak(double budget) {
  const GemmTileTable& table = gemm_tile_table(chosen_isa());
  const int threads = ThreadPool::shared().threads();
  const int64_t k = 128, width = table.vectors * table.lanes;
  struct Work {
    std::vector<float> a, b, c;
  };
  std::vector<Work> work(static_cast<size_t>(threads));
  for (Work& w : work) w = {std::vector<float>(k * 16), std::vector<float>(k * 64), std::vector<float>(64 * 64)};
  const auto run = [&](int64_t thread) {
    Work& w = work[static_cast<size_t>(thread)];
    const Tile tile{k, w.a.data(), 1, table.rows, w.b.data(), width, w.c.data(), width, width, true, nullptr, false};
    for (int i = 0; i < 100; ++i) table.tile[table.rows][1](tile);
  };
  const double seconds = best_seconds(budget, [&] { ThreadPool::shared().parallel(threads, run); });
  return 100.0 * threads * 2 * static_cast<double>(k) * table.rows * static_cast<double>(width) / seconds * 1e-9;
}

// Floats from a cache line's beginning, as arrays of programs are, with small values that repeat.
class Aligned {
 public:
  Aligned(int64_t size, int64_t period) : all_(static_cast<size_t>(size) + kLine) {
    for (int64_t i = 0; i < size; ++i) data()[i] = static_cast<float>(i % period) - static_cast<float>(period / 2);
  }
  float* data() const { return const_cast<float*>(all_.data()) + (kLine - reinterpret_cast<uintptr_t>(all_.data()) / sizeof(float) % kLine); }

 private:
  static constexpr size_t kLine = 16;
  std::vector<float> all_;
};

enum class Kind { forward, input_gradient, weight_gradient };

void measure(int64_t m, int64_t k, int64_t n, Kind kind, double budget, double peak_gflops) {
  GemmShape shape{};
  const char* name = "x * W";
  switch (kind) {
    case Kind::forward:
      shape = {.m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n};
      break;
    case Kind::input_gradient:  // dy [m, n] * W^T
      shape = {.m = m, .n = k, .k = n, .a_row = n, .a_col = 1, .b_row = 1, .b_col = n, .c_row = k};
      name = "dy * W^T";
      break;
    case Kind::weight_gradient:  // x^T * dy
      shape = {.m = k, .n = n, .k = m, .a_row = 1, .a_col = k, .b_row = n, .b_col = 1, .c_row = n};
      name = "x^T * dy";
      break;
  }
  const Gemm gemm(shape, chosen_isa());
  const Aligned a(shape.m * shape.k, 7), b(shape.k * shape.n, 5), c(shape.m * shape.n, 1);
  const Aligned scratch(static_cast<int64_t>(gemm.scratch_bytes() / sizeof(float)) + 1, 1);
  const double seconds = best_seconds(budget, [&] { gemm.run(a.data(), b.data(), c.data(), {}, scratch.data()); });
  const double gflops = 2.0 * static_cast<double>(m) * static_cast<double>(k) * static_cast<double>(n) / seconds * 1e-9;
  std::printf("%5lldx%4lldx%4lld %-9s %9.2f us %7.1f GFLOP/s %4.0f%%  %s\n", static_cast<long long>(m), static_cast<long long>(k),
              static_cast<long long>(n), name, seconds * 1e6, gflops, 100 * gflops / peak_gflops, gemm.note().c_str());
}

}  // namespace

int main(int argc, char** argv) {
  const double budget = (argc > 1 ? std::atof(argv[1]) : 100) * 1e-3;
  const double limit = peak(0.2);
  std::printf("%s, %d threads: multiply-adds alone %.1f GFLOP/s\n", name_of(chosen_isa()), ThreadPool::shared().threads(), limit);
  const int64_t shapes[][3] = {{512, 512, 512},  {1024, 1024, 1024}, {2048, 2048, 2048}, {128, 784, 512},  {128, 512, 256}, {128, 256, 10},
                               {1024, 1024, 10}, {8192, 256, 256},   {8192, 256, 10},    {64, 64, 128},    {64, 128, 128},  {32, 3, 4},
                               {32, 4, 2},       {1, 784, 512},      {1, 512, 10},       {512, 4096, 4096}};
  for (const auto& [m, k, n] : shapes) {
    if (argc > 2 && std::atoll(argv[2]) != m) continue;
    for (Kind kind : {Kind::forward, Kind::input_gradient, Kind::weight_gradient}) measure(m, k, n, kind, budget, limit);
  }
}
