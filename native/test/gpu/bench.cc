// flaxen_gpu_bench: what each kernel takes on the card, and what the card can do at most, as one JSON object. bench/gpu.ts makes a table of
// it. Times are medians of rounds, each of as many calls as take some milliseconds, by the device's clock.
#include <algorithm>
#include <cstdio>
#include <functional>
#include <memory>
#include <sstream>

#include "cuda/adam_program.h"
#include "cuda/device_array.h"
#include "cuda/elementwise_encode.h"
#include "gpu/card.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

using Floats = DeviceArray<float>;
using Scratch = DeviceArray<uint8_t>;

constexpr double kRoundMs = 10;
constexpr int kRounds = 9, kMostCalls = 2000;

double median_ms(const std::function<void()>& call) {
  call();  // loads the code
  const double once = std::max(milliseconds_of(call), 1e-4);
  const int calls = std::clamp(static_cast<int>(kRoundMs / once), 1, kMostCalls);
  const int count = scaled(1024) == 1024 ? kRounds : 1;  // simulated: no time to measure
  std::vector<double> rounds;
  for (int r = 0; r < count; ++r) {
    const auto round = [&] {
      for (int c = 0; c < calls; ++c) call();
    };
    rounds.push_back(milliseconds_of(round) / calls);
  }
  std::sort(rounds.begin(), rounds.end());
  return rounds[rounds.size() / 2];
}

// Which of the card's rates bounds the arithmetic.
enum class Unit { tf32, fp32, bf16 };

struct Row {
  std::string name;
  double ms, bytes, operations;
  Unit unit;
};
std::vector<Row> rows;

void measure(const std::string& name, double bytes, double operations, Unit unit, const std::function<int()>& call) {
  const double ms = median_ms([&] { check_call(call(), name); });
  rows.push_back({name, ms, bytes, operations, unit});
}

Floats values(int64_t size, uint32_t seed = 1) { return Floats(random_values(size, seed)); }

FlaxenCudaGemm gemm_of(int64_t m, int64_t n, int64_t k, bool a_transposed = false, bool b_transposed = false,
                       FlaxenCudaPrecision precision = FLAXEN_CUDA_TF32) {
  FlaxenCudaGemm g{};
  g.batch = 1;
  g.m = m;
  g.n = n;
  g.k = k;
  g.a_stride = a_transposed ? m : k;
  g.b_stride = b_transposed ? k : n;
  g.a_transposed = a_transposed;
  g.b_transposed = b_transposed;
  g.precision = precision;
  return g;
}

Unit unit_of(const FlaxenCudaGemm& g) { return g.precision == FLAXEN_CUDA_FLOAT32 || device().capability < 80 ? Unit::fp32 : Unit::tf32; }

void product(const std::string& name, const FlaxenCudaGemm& g, bool relu_bias, bool b_sums) {
  const Floats a = values(g.m * g.k), b = values(g.k * g.n, 2), bias = values(g.n, 3), c(g.m * g.n), sums(g.n);
  const Scratch scratch(static_cast<int64_t>(flaxen_cuda_gemm_scratch(&g, 0)));
  const double m = static_cast<double>(g.m), n = static_cast<double>(g.n), k = static_cast<double>(g.k);
  measure(name, 4 * (m * k + k * n + m * n), 2 * m * n * k, unit_of(g), [&] {
    return flaxen_cuda_gemm(&device(), &g, a.data(), b.data(), relu_bias ? bias.data() : nullptr, c.data(), nullptr,
                            b_sums ? sums.data() : nullptr, scratch.data());
  });
}

void batch_norms(const std::string& name, int64_t n, int64_t columns) {
  const Floats x = values(n * columns), dy = values(n * columns, 2), scale = values(columns, 3), bias = values(columns, 4);
  const Floats y(n * columns), mean(columns), var(columns), dscale(columns), dbias(columns);
  const Scratch scratch(
      static_cast<int64_t>(std::max(flaxen_cuda_batch_norm_scratch(n, columns), flaxen_cuda_batch_norm_grad_scratch(n, columns))));
  const double elements = static_cast<double>(n * columns);
  measure(name + " batch norm + relu", 12 * elements, 6 * elements, Unit::fp32, [&] {
    return flaxen_cuda_batch_norm(&device(), n, columns, x.data(), scale.data(), bias.data(), 1e-5f, 1, y.data(), mean.data(), var.data(),
                                  scratch.data());
  });
  measure(name + " batch norm gradient", 20 * elements, 15 * elements, Unit::fp32, [&] {
    return flaxen_cuda_batch_norm_grad(&device(), n, columns, dy.data(), x.data(), scale.data(), mean.data(), var.data(), bias.data(),
                                       1e-5f, 1, y.data(), dscale.data(), dbias.data(), scratch.data());
  });
}

// Adam over a tree of these leaves, in place.
void adam(const std::string& name, const std::vector<int64_t>& leaves) {
  const Floats rate(std::vector<float>{1e-3f});
  const FlaxenElementwiseCode code = cuda::encode(adam_program(), 5);
  std::vector<Floats> arrays;
  std::vector<void*> pointers;
  double elements = 0;
  for (int64_t n : leaves) {
    const size_t first = arrays.size();
    for (uint32_t k = 0; k < 3; ++k) arrays.push_back(values(n, k));
    arrays.emplace_back(random_values(n, 4, 2));
    for (size_t k : {0, 1, 2, 3}) pointers.push_back(arrays[first + k].data());
    pointers.push_back(rate.data());
    for (size_t k : {0, 2, 3}) pointers.push_back(arrays[first + k].data());
    elements += static_cast<double>(n);
  }
  const std::vector<FlaxenElementwiseSegment> segments = segments_of(leaves);
  measure(name + " Adam", 28 * elements, 12 * elements, Unit::fp32, [&] {
    return flaxen_cuda_elementwise(&device(), 1, &code, static_cast<int>(segments.size()), segments.data(), pointers.data());
  });
}

void losses(const std::string& name, int64_t n, int64_t classes) {
  const Floats logits = values(n * classes), dloss = values(n, 2), loss(n), total(n), dlogits(n * classes);
  const DeviceArray<int32_t> labels(std::vector<int32_t>(static_cast<size_t>(n), 1));
  const double elements = static_cast<double>(n * classes);
  measure(name + " cross entropy", 4 * elements + 12 * static_cast<double>(n), 15 * elements, Unit::fp32, [&] {
    return flaxen_cuda_softmax_cross_entropy(&device(), n, classes, logits.data(), labels.data(), loss.data(), total.data());
  });
  measure(name + " cross entropy gradient", 8 * elements + 12 * static_cast<double>(n), 30 * elements, Unit::fp32, [&] {
    return flaxen_cuda_softmax_cross_entropy_grad(&device(), n, classes, logits.data(), labels.data(), total.data(), dloss.data(), 0,
                                                  dlogits.data());
  });
}

void others() {
  const int64_t n = scaled(1 << 22), rows_ = scaled(2048), columns = scaled(2049);
  const double elements = static_cast<double>(n), matrix = static_cast<double>(rows_ * columns);
  const Floats x = values(n), out(n), sum(1), a = values(rows_ * columns), b(rows_ * columns);
  const Scratch reduce(static_cast<int64_t>(flaxen_cuda_reduce_scratch(1, n, 1))),
      scan(static_cast<int64_t>(flaxen_cuda_cumsum_scratch(1, n, 1))), sort(static_cast<int64_t>(flaxen_cuda_sort_scratch(1, n, 1)));
  const std::string size = std::to_string(n);
  measure("sum of " + size, 4 * elements, elements, Unit::fp32,
          [&] { return flaxen_cuda_reduce(&device(), FLAXEN_CUDA_SUM, FLAXEN_CUDA_F32, 1, n, 1, x.data(), sum.data(), reduce.data()); });
  measure("cumsum of " + size, 8 * elements, elements, Unit::fp32,
          [&] { return flaxen_cuda_cumsum(&device(), FLAXEN_CUDA_F32, 1, n, 1, 0, x.data(), out.data(), scan.data()); });
  const FlaxenCudaType type = FLAXEN_CUDA_F32;
  const void* from = x.data();
  void* to = out.data();
  measure("sort of " + size, 8 * elements, elements * 22, Unit::fp32,
          [&] { return flaxen_cuda_sort(&device(), 1, 1, &type, 1, n, 1, &from, &to, sort.data()); });
  const int64_t shape[] = {rows_, columns}, target[] = {columns, 1}, source[] = {1, rows_};
  measure("transpose of " + std::to_string(rows_) + " x " + std::to_string(columns), 8 * matrix, 0, Unit::fp32,
          [&] { return flaxen_cuda_copy(&device(), 4, 2, shape, b.data(), target, a.data(), source); });
}

struct Rates {
  double copy_gbs, tf32, fp32, bf16, rounded;  // 10^9 operations a second; `rounded` of float32 that is rounded to bfloat16
};

// The best of the card: a copy past the caches, and square products.
Rates rates() {
  const int64_t n = scaled(1 << 27), side = scaled(4096);
  Rates r{};
  {
    const Scratch from(n), to(n);
    check_call(cudaMemsetAsync(from.data(), 1, static_cast<size_t>(n), static_cast<cudaStream_t>(device().stream)), "cudaMemsetAsync");
    r.copy_gbs = 2e-6 * static_cast<double>(n) / median_ms([&] {
                   check_call(cudaMemcpyAsync(to.data(), from.data(), static_cast<size_t>(n), cudaMemcpyDeviceToDevice,
                                              static_cast<cudaStream_t>(device().stream)),
                              "copy");
                 });
  }
  const Floats a = values(side * side), b = values(side * side, 2), c(side * side);
  const DeviceArray<uint16_t> p(std::vector<uint16_t>(static_cast<size_t>(side * side), 0x3f80)), q(std::vector<uint16_t>(p.read()));
  const double operations = 2e-6 * static_cast<double>(side) * static_cast<double>(side) * static_cast<double>(side);
  const auto rate = [&](FlaxenCudaPrecision precision) {
    const FlaxenCudaGemm g = gemm_of(side, side, side, false, false, precision);
    const Scratch scratch(static_cast<int64_t>(flaxen_cuda_gemm_scratch(&g, 0)));
    return operations / median_ms([&] {
             check_call(flaxen_cuda_gemm(&device(), &g, a.data(), b.data(), nullptr, c.data(), nullptr, nullptr, scratch.data()), "gemm");
           });
  };
  r.tf32 = rate(FLAXEN_CUDA_TF32);
  r.fp32 = rate(FLAXEN_CUDA_FLOAT32);
  r.rounded = rate(FLAXEN_CUDA_BFLOAT16);
  const FlaxenCudaGemm g = gemm_of(side, side, side);
  const Scratch scratch(static_cast<int64_t>(flaxen_cuda_gemm_scratch(&g, 0)));
  r.bf16 =
      operations / median_ms([&] {
        check_call(flaxen_cuda_gemm_bf16(&device(), &g, p.data(), q.data(), nullptr, c.data(), nullptr, nullptr, scratch.data()), "gemm");
      });
  return r;
}

struct Case {
  const char* name;
  int64_t batch, input;
  std::vector<int64_t> widths;
};

void steps_kernels(const Case& c) {
  const std::string name = c.name;
  const int64_t batch = scaled(c.batch);
  int64_t input = scaled(c.input);
  std::vector<int64_t> leaves;
  for (size_t layer = 0; layer < c.widths.size(); ++layer) {
    const int64_t width = scaled(c.widths[layer]);
    const std::string dense = name + " dense " + std::to_string(batch) + " x " + std::to_string(input) + " x " + std::to_string(width);
    product(dense, gemm_of(batch, width, input), true, false);
    product(dense + ", dx", gemm_of(batch, input, width, false, true), false, false);
    product(dense + ", dw", gemm_of(input, width, batch, true, false), false, true);
    if (layer + 1 < c.widths.size()) batch_norms(name, batch, width);
    for (int64_t n : {input * width, width, width, width}) leaves.push_back(n);
    input = width;
  }
  losses(name, batch, input);
  adam(name, leaves);
}

const char* name_of(Unit unit) { return unit == Unit::tf32 ? "tf32" : unit == Unit::fp32 ? "fp32" : "bf16"; }

}  // namespace

int main(int argc, char** argv) {
  open_platform(argc, argv);
  seed_base = 0;
  const Rates r = rates();
  for (const Case& c : {Case{"seed", 32, 3, {4, 2}}, Case{"small", 64, 64, {128, 128, 10}}, Case{"mnist", 128, 784, {512, 256, 10}},
                        Case{"wide", 1024, 1024, {1024, 1024, 10}}, Case{"bnheavy", 8192, 256, {256, 256, 10}}}) {
    steps_kernels(c);
  }
  others();
  std::ostringstream out;
  out << "{\"card\":{" << card_json() << "},\"rates\":{\"copyGBs\":" << r.copy_gbs << ",\"tf32\":" << r.tf32 << ",\"fp32\":" << r.fp32
      << ",\"bf16\":" << r.bf16 << ",\"rounded\":" << r.rounded << "},\"kernels\":[";
  for (size_t i = 0; i < rows.size(); ++i) {
    out << (i ? "," : "") << "{\"name\":\"" << rows[i].name << "\",\"ms\":" << rows[i].ms << ",\"bytes\":" << rows[i].bytes
        << ",\"operations\":" << rows[i].operations << ",\"unit\":\"" << name_of(rows[i].unit) << "\"}";
  }
  out << "]}";
  std::printf("%s\n", out.str().c_str());
  return failures > 0 ? 1 : 0;
}
