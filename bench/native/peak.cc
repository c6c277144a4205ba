// What this machine can do at most: float32 fused multiply-adds a second, and bytes copied a second at several sizes.
//   peak THREADS  prints one JSON object.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int kBytes = 64;
#elif defined(__AVX__)
constexpr int kBytes = 32;
#else
constexpr int kBytes = 16;
#endif
typedef float Vector __attribute__((vector_size(kBytes)));
constexpr int kLanes = kBytes / sizeof(float);
constexpr int kChains = kBytes == 32 ? 12 : 16;  // enough to hide the latency, few enough for the registers

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

float multiply_add(long rounds) {
  volatile float unknown = 1;  // else the compiler sees that all chains are one
  Vector sum[kChains];
#pragma GCC unroll 16
  for (int c = 0; c < kChains; ++c) sum[c] = Vector{} + unknown;
  const Vector x = Vector{} + 1.0000001f;
  const Vector y = Vector{} + 0.9999999f;
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < kChains; ++c) sum[c] = sum[c] * x + y;
    asm volatile("" : "+r"(r));  // the loop stays a loop
  }
  Vector total = sum[0];
#pragma GCC unroll 16
  for (int c = 1; c < kChains; ++c) total += sum[c];
  float result = 0;
  for (int i = 0; i < kLanes; ++i) result += total[i];
  return result;
}

// The shortest of some runs of `work(thread)` on all threads at once, from a common start.
double shortest(int threads, int runs, const std::function<void(int)>& work) {
  double best = 1e30;
  for (int run = 0; run < runs; ++run) {
    std::atomic<int> waiting{0};
    std::vector<double> begin(static_cast<size_t>(threads)), end(static_cast<size_t>(threads));
    std::vector<std::thread> team;
    for (int t = 0; t < threads; ++t) {
      team.emplace_back([&, t] {
        waiting.fetch_add(1);
        while (waiting.load() < threads) std::this_thread::yield();
        begin[static_cast<size_t>(t)] = now();
        work(t);
        end[static_cast<size_t>(t)] = now();
      });
    }
    for (auto& member : team) member.join();
    best = std::min(best, *std::max_element(end.begin(), end.end()) - *std::min_element(begin.begin(), begin.end()));
  }
  return best;
}

double gflops(int threads) {
  constexpr long kRounds = 2'000'000;
  std::atomic<float> sink{0};
  const double seconds = shortest(threads, 25, [&](int) { sink = multiply_add(kRounds); });
  return 2.0 * kRounds * kChains * kLanes * threads / seconds / 1e9;
}

// Bytes read plus bytes written a second, of copies whose source and target together take `footprint` bytes.
double gbytes(int threads, size_t footprint) {
  const size_t share = footprint / 2 / static_cast<size_t>(threads);
  std::vector<std::vector<char>> from, to;
  for (int t = 0; t < threads; ++t) {
    from.emplace_back(share, 1);
    to.emplace_back(share, 2);
  }
  const int repeats = static_cast<int>(std::max<size_t>(1, (size_t{64} << 20) / footprint));
  const double seconds = shortest(threads, 7, [&](int t) {
    for (int r = 0; r < repeats; ++r) {
      std::memcpy(to[static_cast<size_t>(t)].data(), from[static_cast<size_t>(t)].data(), share);
      asm volatile("" : : "r"(to[static_cast<size_t>(t)].data()) : "memory");
    }
  });
  return 2.0 * static_cast<double>(share) * threads * repeats / seconds / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::max(1, std::atoi(argv[1])) : static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
  std::printf("{\"threads\": %d, \"vectorBits\": %d, \"gflops1\": %.1f, \"gflops\": %.1f, \"copy\": [", threads, kBytes * 8, gflops(1),
              gflops(threads));
  const char* separator = "";
  for (size_t kib : {256, 1024, 4096, 16384, 65536, 262144}) {
    std::printf("%s{\"bytes\": %zu, \"gbs\": %.1f}", separator, kib * 1024, gbytes(threads, kib * 1024));
    separator = ", ";
  }
  std::printf("]}\n");
}
