// One Adam update in place, as the elementwise interpreter runs it: nanoseconds an element and memory traffic, by size.
//   elementwise_bench [milliseconds a size]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "../../native/test/graph_builder.h"
#include "runtime/program.h"
#include "runtime/thread_pool.h"

namespace {

using namespace flaxen;
using Clock = std::chrono::steady_clock;

// Inputs: gradient, mean, variance, two scalar corrections, parameter; all but gradient and scalars donated.
Graph adam(int64_t n) {
  test::GraphBuilder b;
  const ValueId g = b.input(test::f32({n})), m = b.input(test::f32({n})), v = b.input(test::f32({n}));
  const ValueId c1 = b.input(test::f32({})), c2 = b.input(test::f32({})), p = b.input(test::f32({n}));
  const auto full = [&](double value) { return b.node("full", {}, {{"value", value}}, {test::f32({n})}); };
  const auto spread = [&](ValueId x) { return b.node("broadcast", {x}, {{"dims", std::vector<int64_t>{}}}, {test::f32({n})}); };
  const ValueId m2 = b.map("add", {b.map("mul", {g, full(0.1)}), b.map("mul", {m, full(0.9)})});
  const ValueId v2 = b.map("add", {b.map("mul", {b.map("mul", {g, g}), full(0.001)}), b.map("mul", {v, full(0.999)})});
  const ValueId root = b.map("add", {b.map("sqrt", {b.map("mul", {v2, spread(c2)})}), full(1e-8)});
  const ValueId step = b.map("div", {b.map("mul", {m2, spread(c1)}), root});
  const ValueId p2 = b.map("add", {p, b.map("mul", {step, full(-1e-3)})});
  b.graph.outputs = {m2, v2, p2};  // in the order of the donated inputs, so that each result lies over the array that it follows
  b.graph.donated = {m, v, p};
  return b.graph;
}

void measure(int64_t n, double budget_ms) {
  Program program(adam(n));
  std::vector<std::vector<float>> arrays(6, std::vector<float>(static_cast<size_t>(n), 0.5f));
  std::vector<void*> pointers;
  for (auto& array : arrays) pointers.push_back(array.data());
  for (size_t k = 0; k < 3; ++k) pointers.push_back(pointers[static_cast<size_t>(program.aliases()[k])]);
  Arena arena;
  std::vector<double> ns;
  const auto end = Clock::now() + std::chrono::duration<double, std::milli>(budget_ms);
  while (Clock::now() < end || ns.size() < 5) {
    const auto start = Clock::now();
    program.run(pointers.data(), arena);
    ns.push_back(std::chrono::duration<double, std::nano>(Clock::now() - start).count());
  }
  std::sort(ns.begin(), ns.end());
  const double median = ns[ns.size() / 2];
  std::printf("%9lld elements %9.2f us  %5.3f ns an element  %5.1f GB/s\n", static_cast<long long>(n), median / 1e3,
              median / static_cast<double>(n), 28 * static_cast<double>(n) / median);
}

}  // namespace

int main(int argc, char** argv) {
  const double budget_ms = argc > 1 ? std::atof(argv[1]) : 200;
  std::printf("%d threads\n", ThreadPool::shared().threads());
  for (int64_t n : {1280, 16384, 131072, 401408, 1048576, 4194304}) measure(n, budget_ms);
}
