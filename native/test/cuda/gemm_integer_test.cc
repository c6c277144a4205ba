// Products of integers against loops, bit for bit, modulo 2^32.
#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

void products(int64_t m, int64_t n, int64_t k, int layout, int64_t batch = 1, int64_t padding = 0, Effort effort = Effort::usual) {
  FlaxenCudaGemm g{};
  g.batch = batch;
  g.m = m;
  g.n = n;
  g.k = k;
  g.a_transposed = layout & 1;
  g.b_transposed = layout >> 1;
  g.a_stride = (g.a_transposed ? m : k) + padding;
  g.b_stride = (g.b_transposed ? k : n) + padding;
  g.a_batch = g.a_stride * (g.a_transposed ? k : m);
  g.b_batch = g.b_stride * (g.b_transposed ? n : k);
  const std::string what = "integer gemm of " + std::to_string(batch) + " x " + std::to_string(m) + " x " + std::to_string(n) + " x " +
                           std::to_string(k) + ", layout " + std::to_string(layout);
  std::mt19937 engine(seed_base + 7);
  std::vector<uint32_t> a(static_cast<size_t>(g.a_batch * batch)), b(static_cast<size_t>(g.b_batch * batch)), wanted;
  for (uint32_t& v : a) v = static_cast<uint32_t>(engine());
  for (uint32_t& v : b) v = static_cast<uint32_t>(engine());
  for (int64_t q = 0; q < batch; ++q) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        uint32_t sum = 0;
        for (int64_t p = 0; p < k; ++p) {
          sum += a[static_cast<size_t>(q * g.a_batch + (g.a_transposed ? p * g.a_stride + i : i * g.a_stride + p))] *
                 b[static_cast<size_t>(q * g.b_batch + (g.b_transposed ? j * g.b_stride + p : p * g.b_stride + j))];
        }
        wanted.push_back(sum);
      }
    }
  }
  on_schedules(
      [&] {
        const DeviceArray<uint32_t> x(a), y(b), c(batch * m * n);
        check_call(flaxen_cuda_gemm_integer(&device(), &g, x.data(), y.data(), c.data()), what);
        check(c.read() == wanted, what);
      },
      what, effort);
}

const Family family("gemm integer", [] {
  for (int layout = 0; layout < 4; ++layout) {
    products(1, 1, 1, layout);
    products(3, 31, 33, layout, 2, 1);
    products(33, 17, 16, layout, 1, 0, Effort::thorough);
    products(16, 64, 31, layout);
  }
  products(5, 4, 0, 0);
  FlaxenCudaGemm g{};
  g.batch = g.m = g.n = g.k = 4;
  g.a_stride = g.b_stride = 3;
  check(flaxen_cuda_gemm_integer(&device(), &g, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT, "rows that overlap");
});

}  // namespace
