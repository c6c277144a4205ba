// Products against float64, in float32, tf32 and bfloat16: layouts, batches, splits, and everything that the epilogue does.
#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

struct Problem {
  FlaxenCudaGemm g{};
  bool bf16 = false;  // the inputs are rounded to bfloat16, and given as such
  std::vector<float> a, b, bias;

  Problem(int64_t m, int64_t n, int64_t k, bool a_transposed = false, bool b_transposed = false, int64_t batch = 1, int64_t padding = 0) {
    g.batch = batch;
    g.m = m;
    g.n = n;
    g.k = k;
    g.a_transposed = a_transposed;
    g.b_transposed = b_transposed;
    g.a_stride = (a_transposed ? m : k) + padding;
    g.b_stride = (b_transposed ? k : n) + padding;
    g.a_batch = g.a_stride * (a_transposed ? k : m);
    g.b_batch = g.b_stride * (b_transposed ? n : k);
    a = random_values(g.a_batch * batch, 1);
    b = random_values(g.b_batch * batch, 2);
    bias = random_values(n, 3);
  }
  double a_at(int64_t q, int64_t i, int64_t k) const {
    return static_cast<double>(a[static_cast<size_t>(q * g.a_batch + (g.a_transposed ? k * g.a_stride + i : i * g.a_stride + k))]);
  }
  double b_at(int64_t q, int64_t k, int64_t j) const {
    return static_cast<double>(b[static_cast<size_t>(q * g.b_batch + (g.b_transposed ? j * g.b_stride + k : k * g.b_stride + j))]);
  }
  std::string text() const {
    return std::to_string(g.batch) + " x (" + std::to_string(g.m) + " x " + std::to_string(g.k) + " * " + std::to_string(g.n) + ")" +
           (g.a_transposed ? " a'" : "") + (g.b_transposed ? " b'" : "") +
           (g.precision == FLAXEN_CUDA_FLOAT32    ? " precise"
            : g.precision == FLAXEN_CUDA_BFLOAT16 ? " rounded"
                                                  : "") +
           (bf16 ? " bfloat16" : "");
  }
};

struct Extras {
  bool bias = false, relu = false, moments = false, b_sums = false;
};

bool on_tensor_cores(const Problem& p) { return device().capability >= 80 && p.g.precision != FLAXEN_CUDA_FLOAT32; }

// To 10 bits of mantissa, halves away from zero: what the kernel's cvt.rna does, so that only the sums' own rounding is left to tolerate.
float rounded_to_tf32(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x1000) & ~0x1fffu;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

// To 7 bits of mantissa, halves to even: the kernel's cvt.rn.
float rounded_to_bf16(float x) {
  uint32_t bits;
  std::memcpy(&bits, &x, sizeof bits);
  bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}

std::vector<uint16_t> upper_halves(const std::vector<float>& x) {
  std::vector<uint16_t> halves;
  for (float v : x) {
    uint32_t bits;
    std::memcpy(&bits, &v, sizeof bits);
    halves.push_back(static_cast<uint16_t>(bits >> 16));
  }
  return halves;
}

// A tensor core may cut its sum off after every 8 of k.
double tolerance(const Problem& p) { return on_tensor_cores(p) ? 2e-6 * (2 + static_cast<double>(p.g.k) / 8) : 4e-6; }

void check_moments(const std::vector<float>& moments, const std::vector<float>& c, const FlaxenCudaGemm& g, const std::string& what) {
  const int64_t rows = flaxen_cuda_gemm_moment_rows(&g);
  for (int64_t block = 0; block * rows < g.m; ++block) {
    for (int64_t j = 0; j < g.n; ++j) {
      const auto moment = [&](int64_t w) { return static_cast<double>(moments[static_cast<size_t>((block * 3 + w) * g.n + j)]); };
      const auto at = [&](int64_t i) { return static_cast<double>(c[static_cast<size_t>(i * g.n + j)]); };
      double sum = 0, square = 0;
      for (int64_t i = block * rows; i < std::min(g.m, (block + 1) * rows); ++i) {
        const double d = at(i) - at(block * rows);
        sum += d;
        square += d * d;
      }
      check(moment(0) == at(block * rows), what + ", shift");
      check(difference(moment(1), sum) < 3e-6, what + ", sum of a column");
      check(difference(moment(2), square) < 3e-6, what + ", sum of its squares");
    }
  }
}

void run(Problem p, const Extras& extras, int64_t skew = 0, Effort effort = Effort::usual) {
  p.g.relu = extras.relu;
  const FlaxenCudaGemm& g = p.g;
  const Problem given = p;
  if (on_tensor_cores(p) && !p.bf16) {
    const auto rounded = g.precision == FLAXEN_CUDA_BFLOAT16 ? rounded_to_bf16 : rounded_to_tf32;
    for (std::vector<float>* values : {&p.a, &p.b}) {
      for (float& v : *values) v = rounded(v);
    }
  }
  std::vector<double> wanted, b_sums(static_cast<size_t>(g.n));
  for (int64_t q = 0; q < g.batch; ++q) {
    for (int64_t i = 0; i < g.m; ++i) {
      for (int64_t j = 0; j < g.n; ++j) {
        double v = extras.bias ? static_cast<double>(p.bias[static_cast<size_t>(j)]) : 0;
        for (int64_t k = 0; k < g.k; ++k) v += p.a_at(q, i, k) * p.b_at(q, k, j);
        wanted.push_back(extras.relu && v < 0 ? 0 : v);
      }
    }
  }
  for (int64_t k = 0; k < g.k; ++k) {
    for (int64_t j = 0; j < g.n; ++j) b_sums[static_cast<size_t>(j)] += given.b_at(0, k, j);
  }
  const std::string what =
      "gemm " + p.text() + (extras.bias ? " bias" : "") + (extras.relu ? " relu" : "") + (extras.moments ? " moments" : "");
  on_schedules(
      [&] {
        const DeviceArray<float> bias(p.bias), c(g.batch * g.m * g.n), sums(g.n);
        const int64_t rows = flaxen_cuda_gemm_moment_rows(&g);
        const DeviceArray<float> moments((g.m + rows - 1) / rows * 3 * g.n);
        const DeviceArray<uint8_t> scratch(static_cast<int64_t>(flaxen_cuda_gemm_scratch(&g, extras.moments)));
        const auto call = [&](auto gemm, const auto& a, const auto& b) {
          const int launches = launches_of([&] {
            check_call(gemm(&device(), &g, a.data(), b.data(), extras.bias ? bias.data() : nullptr, c.data(),
                            extras.moments ? moments.data() : nullptr, extras.b_sums ? sums.data() : nullptr, scratch.data()),
                       what);
          });
          check(launches <= 2, what + ": a product, and at most one launch that joins its parts");
        };
        if (p.bf16) {
          call(flaxen_cuda_gemm_bf16, DeviceArray<uint16_t>(upper_halves(given.a), skew),
               DeviceArray<uint16_t>(upper_halves(given.b), skew));
        } else {
          call(flaxen_cuda_gemm, DeviceArray<float>(given.a, skew), DeviceArray<float>(given.b, skew));
        }
        check_close(c.read(), wanted, tolerance(p), what);
        if (extras.moments) check_moments(moments.read(), c.read(), g, what);
        if (extras.b_sums) check_close(sums.read(), b_sums, 4e-6, what + ", sums of b");
      },
      what, effort);
}

// Small integers: exact in every precision.
void exact() {
  Problem p(40, 36, 24);
  for (float& v : p.a) v = std::round(v * 8);
  for (float& v : p.b) v = std::round(v * 8);
  on_schedules(
      [&] {
        const DeviceArray<float> a(p.a), b(p.b), c(p.g.m * p.g.n);
        check_call(flaxen_cuda_gemm(&device(), &p.g, a.data(), b.data(), nullptr, c.data(), nullptr, nullptr, nullptr), "integers");
        const std::vector<float> got = c.read();
        for (int64_t i = 0; i < p.g.m; ++i) {
          for (int64_t j = 0; j < p.g.n; ++j) {
            double v = 0;
            for (int64_t k = 0; k < p.g.k; ++k) v += p.a_at(0, i, k) * p.b_at(0, k, j);
            check(static_cast<double>(got[static_cast<size_t>(i * p.g.n + j)]) == v, "a product of small integers is exact");
          }
        }
      },
      "integers");
}

Problem precise(Problem p) {
  p.g.precision = FLAXEN_CUDA_FLOAT32;
  return p;
}

// The kernel rounds to bfloat16.
Problem rounded(Problem p) {
  p.g.precision = FLAXEN_CUDA_BFLOAT16;
  return p;
}

Problem in_bf16(Problem p) {
  p.bf16 = true;
  for (std::vector<float>* values : {&p.a, &p.b}) {
    for (float& v : *values) {
      uint32_t bits;
      std::memcpy(&bits, &v, sizeof bits);
      bits &= 0xffff0000u;
      std::memcpy(&v, &bits, sizeof v);
    }
  }
  return p;
}

const Family family("gemm", [] {
  const bool tensor_cores = device().capability >= 80;
  for (const auto& [m, n, k] :
       {std::array<int64_t, 3>{1, 1, 1}, {3, 31, 33}, {33, 3, 31}, {64, 64, 64}, {31, 127, 17}, {129, 33, 64}, {65, 129, 48}}) {
    for (int layout = 0; layout < 4; ++layout) {
      const Problem p(m, n, k, layout & 1, layout & 2);
      const Extras extras{.bias = (layout & 1) != 0, .relu = layout == 3, .b_sums = layout == 1};
      run(p, extras, 0, m == 33 ? Effort::thorough : Effort::usual);
      if (tensor_cores && (m == 64 || m == 31)) run(precise(p), extras);
      if (tensor_cores && (m == 3 || m == 64 || m == 65)) run(rounded(p), extras, 0, m == 3 ? Effort::thorough : Effort::usual);
      if (m == 3 || m == 64 || m == 65) run(in_bf16(p), extras, 0, m == 3 ? Effort::thorough : Effort::usual);
    }
  }
  exact();
  // Strides that 16 bytes do and do not divide, and addresses that they do not.
  run(Problem(60, 68, 36, false, false, 1, 4), {.bias = true});
  run(Problem(60, 68, 36, true, true, 1, 3), {.bias = true});
  run(Problem(60, 68, 36), {.bias = true}, 1);
  run(Problem(30, 20, 40, false, true, 3), {.bias = true});
  run(Problem(8, 8, 0), {.bias = true, .relu = true});
  run(in_bf16(Problem(24, 40, 72, false, true, 2, 8)), {.bias = true});
  run(in_bf16(Problem(24, 40, 72, true, false, 1, 4)), {.bias = true, .b_sums = true});
  run(in_bf16(Problem(24, 40, 72)), {.bias = true}, 3);
  if (tensor_cores) run(in_bf16(precise(Problem(31, 66, 40))), {.bias = true, .relu = true});
  // Splits of k, one of them short.
  run(in_bf16(Problem(20, 12, 700, true)), {.bias = true, .relu = true, .b_sums = true}, 0, Effort::thorough);
  run(Problem(20, 12, 700, true), {.bias = true, .relu = true, .b_sums = true}, 0, Effort::thorough);
  run(rounded(Problem(20, 12, 700, true)), {.bias = true, .relu = true, .b_sums = true});  // the sums are of what was given
  run(Problem(5, 6, 515), {.bias = true}, 1);
  // Moments for a batch norm behind.
  run(Problem(130, 70, 20), {.bias = true, .moments = true}, 0, Effort::thorough);
  run(Problem(129, 33, 64), {.bias = true, .moments = true});  // ends with the tile whose memory the moments take
  run(Problem(1, 5, 600), {.bias = true, .relu = true, .moments = true});
  run(Problem(512, 127, 33), {.bias = true, .moments = true}, 0, Effort::once);
  run(in_bf16(Problem(130, 70, 20)), {.bias = true, .moments = true});
  run(rounded(Problem(130, 70, 20)), {.bias = true, .moments = true});
  // The large tile, which only large matrices get: 96 blocks of 128 x 128.
  for (int layout = 0; layout < 4; ++layout) {
    Problem p(127, 127, 20, layout & 1, layout & 2, 96);
    p.g.a_batch = p.g.b_batch = 0;  // one product 96 times
    run(p, {.bias = true, .relu = layout == 0}, 0, Effort::once);
    if (tensor_cores && layout == 0) run(precise(p), {}, 0, Effort::once);
    if (layout == 1) run(in_bf16(p), {.relu = true}, 0, Effort::once);
    if (tensor_cores && layout == 2) run(rounded(p), {.relu = true}, 0, Effort::once);
  }
  FlaxenCudaGemm g = Problem(4, 4, 4).g;
  g.a_stride = 3;
  check(flaxen_cuda_gemm(&device(), &g, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT,
        "rows that overlap");
  g = Problem(4, 4, 4).g;
  g.precision = static_cast<FlaxenCudaPrecision>(3);
  check(flaxen_cuda_gemm(&device(), &g, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT,
        "no such precision");
  g = Problem(4, 4, 4).g;
  g.m = int64_t{1} << 30;
  check(flaxen_cuda_gemm(&device(), &g, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr, nullptr) == FLAXEN_CUDA_TOO_LARGE,
        "2^32 elements");
});

}  // namespace
