// Matrix products on every kind of stride against float64, with guard zones, poisoned outputs and scratch, and one thread against many.
#include "cpu/gemm.h"

#include <algorithm>
#include <array>

#include "cpu/batch_norm_kernels.h"
#include "kernel_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

enum class Layout { rows, columns, strided };  // of an operand: row-major, column-major, neither

struct Strided {
  int64_t row, column, size;
};

Strided strides(Layout layout, int64_t rows, int64_t columns) {
  const int64_t none = rows == 0 || columns == 0;
  switch (layout) {
    case Layout::rows:
      return {columns, 1, rows * columns};
    case Layout::columns:
      return {1, rows, rows * columns};
    default:
      return {2 * columns + 1, 2, none ? 0 : (rows - 1) * (2 * columns + 1) + (columns - 1) * 2 + 1};
  }
}

void product(int64_t m, int64_t n, int64_t k, Layout la, Layout lb, bool bias, bool relu, int64_t gap) {
  const std::string what = std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n) + " layouts " +
                           std::to_string(static_cast<int>(la)) + std::to_string(static_cast<int>(lb)) + (bias ? " bias" : "") +
                           (relu ? " relu" : "");
  const Strided sa = strides(la, m, k), sb = strides(lb, k, n);
  const Guarded<float> a = random_floats(sa.size, 1, 1), b = random_floats(sb.size, 2, 3), offsets = random_floats(n, 3, 5);
  const int64_t c_row = n + gap;
  const int64_t c_size = m == 0 ? 0 : (m - 1) * c_row + n;
  const Gemm gemm({.m = m, .n = n, .k = k, .a_row = sa.row, .a_col = sa.column, .b_row = sb.row, .b_col = sb.column, .c_row = c_row},
                  chosen_isa());
  Epilogue epilogue{.bias = bias ? offsets.data() : nullptr, .relu = relu};
  const auto run = [&](Guarded<float>& c, Guarded<char>& scratch) {
    c.poison();
    scratch.poison();
    gemm.run(a.data(), b.data(), c.data(), epilogue, scratch.data());
    check(c.intact(), what + ": wrote outside C");
    check(scratch.intact(), what + ": wrote outside scratch");
  };
  Guarded<float> c(c_size, 1), again(c_size, 0);
  Guarded<char> scratch(static_cast<int64_t>(gemm.scratch_bytes()));
  run(c, scratch);
  on_one_thread([&] { run(again, scratch); });
  check(same_bits(c, again), what + ": one thread differs");

  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      double sum = 0, size = 0;
      for (int64_t p = 0; p < k; ++p) {
        const double term = static_cast<double>(a[i * sa.row + p * sa.column]) * static_cast<double>(b[p * sb.row + j * sb.column]);
        sum += term;
        size += std::abs(term);
      }
      if (bias) sum += static_cast<double>(offsets[j]);
      if (relu && sum < 0) sum = 0;
      const double error = std::abs(sum - static_cast<double>(c[i * c_row + j]));
      if (!(error <= 4e-7 * (size + 1))) {
        check(false, what + " (" + gemm.note() + ") at " + std::to_string(i) + "," + std::to_string(j) + ": " +
                         std::to_string(c[i * c_row + j]) + " for " + std::to_string(sum));
        return;
      }
    }
    for (int64_t j = n; j < c_row && i + 1 < m; ++j) {
      uint32_t bits;
      std::memcpy(&bits, &c[i * c_row + j], 4);
      check(bits == 0xffffffff, what + ": wrote between rows");
    }
  }
}

// Column statistics of what was stored equal those of batch normalisation's own pass.
void moments(int64_t m, int64_t n, int64_t k) {
  const std::string what = "moments of " + to_string(Shape{m, n});
  const Guarded<float> a = random_floats(m * k, 1), b = random_floats(k * n, 2), bias = random_floats(n, 3);
  const int64_t blocks = (m + kBatchNormRows - 1) / kBatchNormRows;
  Guarded<float> c(m * n), found(blocks * 3 * n), wanted(blocks * 3 * n);
  const Gemm gemm({.m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n}, chosen_isa());
  Guarded<char> scratch(static_cast<int64_t>(gemm.scratch_bytes()));
  found.poison();
  gemm.run(a.data(), b.data(), c.data(), {.bias = bias.data(), .moments = found.data()}, scratch.data());
  for (int64_t block = 0; block < blocks; ++block) {
    float* shift = wanted.data() + block * 3 * n;
    const int64_t first = block * kBatchNormRows;
    batch_norm_table(chosen_isa())
        .moments(c.data() + first * n, n, std::min(kBatchNormRows, m - first), n, shift, shift + n, shift + 2 * n);
  }
  check(found.intact() && same_bits(found, wanted), what);
}

// Operands made while they are packed, of small whole numbers, so that the product is exact.
float made_a(int64_t i, int64_t p) { return static_cast<float>((i + 2 * p) % 7 - 3); }
float made_b(int64_t p, int64_t j) { return static_cast<float>((p + 3 * j) % 5 - 2); }

void prologue(int64_t m, int64_t n, int64_t k) {
  const Gemm gemm({.m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n}, chosen_isa(), {.prologue = true});
  Prologue made;
  made.pack_a = [](const void*, int64_t i, int64_t p, int64_t rows, int64_t length, float* packed) {
    for (int64_t q = 0; q < length; ++q) {
      for (int64_t r = 0; r < rows; ++r) packed[q * rows + r] = made_a(i + r, p + q);
    }
  };
  made.pack_b = [](const void*, int64_t p, int64_t j, int64_t length, int64_t columns, int64_t width, float* packed) {
    for (int64_t q = 0; q < length; ++q) {
      for (int64_t c = 0; c < width; ++c) packed[q * width + c] = c < columns ? made_b(p + q, j + c) : 0;
    }
  };
  Guarded<float> c(m * n);
  c.poison();
  Guarded<char> scratch(static_cast<int64_t>(gemm.scratch_bytes()));
  gemm.run(nullptr, nullptr, c.data(), {}, scratch.data(), made);
  bool good = c.intact() && scratch.intact();
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += made_a(i, p) * made_b(p, j);
      good = good && sum == c[i * n + j];
    }
  }
  check(good, "prologue " + to_string(Shape{m, k, n}));
}

// NaN and infinity pass through; what lies beside the operands does not.
void non_finite() {
  const int64_t m = 5, n = 19, k = 33;
  Guarded<float> a = random_floats(m * k, 1), b = random_floats(k * n, 2), c(m * n);
  a[2 * k + 7] = std::numeric_limits<float>::quiet_NaN();
  b[3 * n + 11] = std::numeric_limits<float>::infinity();
  const Gemm gemm({.m = m, .n = n, .k = k, .a_row = k, .a_col = 1, .b_row = n, .b_col = 1, .c_row = n}, chosen_isa());
  Guarded<char> scratch(static_cast<int64_t>(gemm.scratch_bytes()));
  gemm.run(a.data(), b.data(), c.data(), {.relu = true}, scratch.data());
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      const float x = c[i * n + j];
      if (i == 2) {
        check(std::isnan(x), "NaN in A reaches its row, through relu too");
      } else if (j == 11) {
        check(std::isinf(x) || x == 0, "infinity in B reaches its column");
      } else {
        check(std::isfinite(x), "other elements stay finite");
      }
    }
  }
}

}  // namespace

int main(int argc, char**) {
  if (!runs_here()) return kSkipped;
  const bool quick = argc > 1;  // any argument: fewer shapes, for the sanitizers
  const int64_t sizes[] = {1, 2, 3, 7, 15, 16, 17, 31, 33, 64, 65, 127, 129, 257};
  const Layout layouts[] = {Layout::rows, Layout::columns, Layout::strided};
  int variant = 0;
  for (int64_t m : sizes) {
    for (int64_t n : sizes) {
      for (int64_t k : sizes) {
        if (quick && (m * 7 + n * 3 + k) % 11 != 0) continue;
        for (Layout la : layouts) {
          for (Layout lb : layouts) {
            // The strided ones and the largest only now and then.
            ++variant;
            if ((la == Layout::strided || lb == Layout::strided || m * n * k > 1000000) && variant % 7 != 0) continue;
            product(m, n, k, la, lb, variant % 2 == 0, variant % 3 == 0, variant % 5 == 0 ? 3 : 0);
          }
        }
      }
    }
  }
  for (Layout la : layouts) {
    for (Layout lb : layouts) {
      for (auto [m, n, k] : {std::array<int64_t, 3>{0, 5, 3},
                             {5, 0, 3},
                             {5, 3, 0},
                             {0, 0, 0},
                             {1, 1000, 300},
                             {1000, 1, 300},
                             {3, 700, 65},
                             {700, 10, 300},
                             {10, 700, 600},
                             {13, 11, 5000},
                             {300, 600, 700},
                             {515, 130, 1030},
                             {64, 10, 4100}}) {
        if (quick && m * n * k > 3000000) continue;
        product(m, n, k, la, lb, true, false, 0);
        product(m, n, k, la, lb, false, true, 1);
      }
    }
  }
  for (auto [m, n, k] : {std::array<int64_t, 3>{1, 1, 1}, {32, 4, 3}, {129, 33, 40}, {600, 100, 50}, {300, 10, 700}}) {
    moments(m, n, k);
    prologue(m, n, k);
  }
  non_finite();
  return report("gemm");
}
