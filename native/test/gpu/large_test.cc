// Shapes that only a device has time for; the simulator runs them scaled down. References in float64, or the CPU's kernels where every bit
// is given.
#include "cuda/device_op.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

// Sums of n random terms wander off as their number's root; a factor of ten on top.
double tolerance_of_sum(int64_t n) { return 1e-6 * (4 + std::sqrt(static_cast<double>(n))); }

std::vector<double> product_of(const std::vector<float>& a, const std::vector<float>& b, int64_t m, int64_t n, int64_t k) {
  std::vector<double> c(static_cast<size_t>(m * n));
  for (int64_t i = 0; i < m; ++i) {
    double* to = c.data() + i * n;
    for (int64_t p = 0; p < k; ++p) {
      const double x = static_cast<double>(a[static_cast<size_t>(i * k + p)]);
      const float* row = b.data() + p * n;
      for (int64_t j = 0; j < n; ++j) to[j] += x * static_cast<double>(row[j]);
    }
  }
  return c;
}

void products(int64_t m, int64_t n, int64_t k, FlaxenCudaPrecision precision) {
  FlaxenCudaGemm g{};
  g.batch = 1;
  g.m = m;
  g.n = n;
  g.k = g.a_stride = k;
  g.b_stride = n;
  g.precision = precision;
  const std::string what = "gemm " + std::to_string(m) + " x " + std::to_string(n) + " x " + std::to_string(k);
  const std::vector<float> a = random_values(m * k, 1), b = random_values(k * n, 2);
  const std::vector<double> wanted = product_of(a, b, m, n, k);
  // tf32 keeps 11 bits of each factor, bfloat16 8.
  const double of_factor = device().capability < 80 || precision == FLAXEN_CUDA_FLOAT32 ? 0 : precision == FLAXEN_CUDA_TF32 ? 5e-4 : 4e-3;
  const double rounding = std::sqrt(static_cast<double>(k)) * of_factor;
  on_schedules(
      [&] {
        const DeviceArray<float> x(a), y(b), c(m * n);
        const DeviceArray<uint8_t> scratch(static_cast<int64_t>(flaxen_cuda_gemm_scratch(&g, 0)));
        check_call(flaxen_cuda_gemm(&device(), &g, x.data(), y.data(), nullptr, c.data(), nullptr, nullptr, scratch.data()), what);
        const std::vector<float> first = c.read();
        check_close(first, wanted, rounding + tolerance_of_sum(k), what);
        check_call(flaxen_cuda_gemm(&device(), &g, x.data(), y.data(), nullptr, c.data(), nullptr, nullptr, scratch.data()), what);
        check(c.read() == first, what + ": the same bits again");
      },
      what, Effort::once);
}

void batch_norms(int64_t rows, int64_t columns) {
  const std::string what = "batch norm " + std::to_string(rows) + " x " + std::to_string(columns);
  constexpr float kEpsilon = 1e-5f;
  const std::vector<float> x = random_values(rows * columns, 1, 30, 2), scale = random_values(columns, 2, 1),
                           bias = random_values(columns, 3);
  std::vector<double> mean(static_cast<size_t>(columns)), var(mean.size()), y;
  const auto at = [&](int64_t i, size_t j) { return static_cast<double>(x[static_cast<size_t>(i * columns) + j]); };
  for (size_t j = 0; j < mean.size(); ++j) {
    for (int64_t i = 0; i < rows; ++i) mean[j] += at(i, j) / static_cast<double>(rows);
    for (int64_t i = 0; i < rows; ++i) var[j] += std::pow(at(i, j) - mean[j], 2) / static_cast<double>(rows);
  }
  for (int64_t i = 0; i < rows; ++i) {
    for (size_t j = 0; j < mean.size(); ++j) {
      y.push_back((at(i, j) - mean[j]) / std::sqrt(var[j] + static_cast<double>(kEpsilon)) * static_cast<double>(scale[j]) +
                  static_cast<double>(bias[j]));
    }
  }
  on_schedules(
      [&] {
        const DeviceArray<float> xs(x), s(scale), b(bias), ys(rows * columns), means(columns), vars(columns);
        const DeviceArray<uint8_t> scratch(static_cast<int64_t>(flaxen_cuda_batch_norm_scratch(rows, columns)));
        check_call(flaxen_cuda_batch_norm(&device(), rows, columns, xs.data(), s.data(), b.data(), kEpsilon, 0, ys.data(), means.data(),
                                          vars.data(), scratch.data()),
                   what);
        check_close(means.read(), mean, 1e-6, what + ", mean");
        check_close(vars.read(), var, 1e-5, what + ", var");
        check_close(ys.read(), y, 2e-5, what);
      },
      what, Effort::once);
}

void sums(int64_t outer, int64_t n, int64_t inner) {
  const std::string what = "sum and cumsum of " + std::to_string(outer) + " x " + std::to_string(n) + " x " + std::to_string(inner);
  const std::vector<float> x = random_values(outer * n * inner, 1);
  std::vector<double> total(static_cast<size_t>(outer * inner)), running(x.size());
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t i = 0; i < n; ++i) {
      for (int64_t j = 0; j < inner; ++j) {
        const auto e = static_cast<size_t>((o * n + i) * inner + j);
        running[e] = total[static_cast<size_t>(o * inner + j)] += static_cast<double>(x[e]);
      }
    }
  }
  on_schedules(
      [&] {
        const DeviceArray<float> xs(x), sum(outer * inner), all(outer * n * inner);
        const DeviceArray<uint8_t> scratch(
            static_cast<int64_t>(std::max(flaxen_cuda_reduce_scratch(outer, n, inner), flaxen_cuda_cumsum_scratch(outer, n, inner))));
        check_call(flaxen_cuda_reduce(&device(), FLAXEN_CUDA_SUM, FLAXEN_CUDA_F32, outer, n, inner, xs.data(), sum.data(), scratch.data()),
                   what);
        check_close(sum.read(), total, tolerance_of_sum(n), what);
        check_call(flaxen_cuda_cumsum(&device(), FLAXEN_CUDA_F32, outer, n, inner, 0, xs.data(), all.data(), scratch.data()), what);
        check_close(all.read(), running, tolerance_of_sum(n), what + ", cumulative");
      },
      what, Effort::once);
}

void sorts(int64_t n) {
  const Array x = random_array(DType::f32, {n}, 1), y = random_array(DType::u32, {n}, 2);
  const std::vector<Array> wanted = run_op("sort", {&x, &y}, {{"axis", 0.0}, {"numKeys", 1.0}}, {x.aval, y.aval});
  on_schedules(
      [&] {
        const Bytes xs = upload(x), ys = upload(y), to_x = scratch_of(x.aval.bytes()), to_y = scratch_of(y.aval.bytes());
        const Bytes scratch = scratch_of(flaxen_cuda_sort_scratch(1, n, 1));
        const FlaxenCudaType types[] = {FLAXEN_CUDA_F32, FLAXEN_CUDA_U32};
        const void* from[] = {xs.data(), ys.data()};
        void* to[] = {to_x.data(), to_y.data()};
        check_call(flaxen_cuda_sort(&device(), 2, 1, types, 1, n, 1, from, to, scratch.data()), "sort");
        check_same(download(to_x, x.aval), wanted[0], 0, "a long sort");
        check_same(download(to_y, y.aval), wanted[1], 0, "a long sort, second operand");
      },
      "sort", Effort::once);
}

// As the gradient of an embedding.
void scatters(int64_t rows, int64_t features, int64_t updates) {
  const Array x = random_array(DType::f32, {rows, features}, 1), added = random_array(DType::f32, {updates, features}, 2);
  std::mt19937 engine(seed_base + 3);
  const Array indices = filled(DType::i32, {updates}, [&](int64_t) { return static_cast<double>(engine() % static_cast<uint32_t>(rows)); });
  const Array wanted = std::move(run_op("scatterAdd", {&x, &indices, &added}, {{"axis", 0.0}}, {x.aval})[0]);
  const FlaxenCudaGather g{FLAXEN_CUDA_F32, FLAXEN_CUDA_I32, 1, rows, features, updates, 0, 0};
  on_schedules(
      [&] {
        const Bytes xs = upload(x), at = upload(indices), more = upload(added);
        const Bytes scratch = scratch_of(flaxen_cuda_scatter_add_scratch(&g));
        check_call(flaxen_cuda_scatter_add(&device(), &g, xs.data(), at.data(), more.data(), xs.data(), scratch.data()), "scatterAdd");
        check_same(download(xs, x.aval), wanted, 0, "scatterAdd of many");
      },
      "scatterAdd", Effort::once);
}

const Family family("large shapes", [] {
  for (const auto precision : {FLAXEN_CUDA_TF32, FLAXEN_CUDA_FLOAT32, FLAXEN_CUDA_BFLOAT16}) {
    products(scaled(1030), scaled(777), scaled(1500), precision);
    products(scaled(8192), 10, 256, precision);
    products(scaled(40), scaled(33), scaled(20000), precision);
  }
  batch_norms(scaled(8192), scaled(257));
  batch_norms(scaled(100001), 10);
  sums(1, scaled(3000001), 1);
  sums(3, scaled(10007), scaled(65));
  sorts(scaled(300007));
  scatters(scaled(1000), scaled(65), scaled(100003));
});

}  // namespace
