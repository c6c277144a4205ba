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

// An observer sees each element of C once, complete, in blocks of rows.
void observer(int64_t m, int64_t n, int64_t k, Layout la) {
  const std::string what = "observer of " + to_string(Shape{m, k, n});
  const Strided sa = strides(la, m, k);
  const Guarded<float> a = random_floats(sa.size, 1), b = random_floats(k * n, 2), bias = random_floats(n, 3);
  Guarded<float> c(m * n), seen(m * n), times(m * n);
  const Gemm gemm({.m = m, .n = n, .k = k, .a_row = sa.row, .a_col = sa.column, .b_row = n, .b_col = 1, .c_row = n}, chosen_isa(),
                  {.observed = true});
  Guarded<char> scratch(static_cast<int64_t>(gemm.scratch_bytes()));
  struct Context {
    const float* c;
    float *seen, *times;
    int64_t n;
  } context{c.data(), seen.data(), times.data(), n};
  const auto see = [](const void* to, int64_t row, int64_t rows, int64_t column, int64_t columns) {
    const Context& x = *static_cast<const Context*>(to);
    if (row % kBatchNormRows != 0 || rows > kBatchNormRows) return;  // found as an element never seen
    for (int64_t i = row; i < row + rows; ++i) {
      for (int64_t j = column; j < column + columns; ++j) {
        x.seen[i * x.n + j] = x.c[i * x.n + j];
        x.times[i * x.n + j] += 1;
      }
    }
  };
  for (int64_t i = 0; i < m * n; ++i) times[i] = 0;
  gemm.run(a.data(), b.data(), c.data(), {.bias = bias.data(), .relu = true, .observer = {&context, see}}, scratch.data());
  bool once = true;
  for (int64_t i = 0; i < m * n; ++i) once = once && times[i] == 1;
  check(once && same_bits(c, seen) && seen.intact() && scratch.intact(), what);
}

// Operands made while they are packed, of small whole numbers, so that the product is exact. They are stored as in a layer's gradient,
// x [k, m] and dy [k, n], or forward, x [m, k].
float made(int64_t row, int64_t column, int seed) { return static_cast<float>((row * 3 + column * 2 + seed) % 7 - 3); }

void sources(int64_t m, int64_t n, int64_t k, bool a_transposed, bool a_made, bool b_made) {
  const std::string what =
      "sources of " + to_string(Shape{m, k, n}) + (a_transposed ? " a by columns" : "") + (a_made ? " a" : "") + (b_made ? " b" : "");
  struct Context {
    int seed;
    int64_t rows, columns;
  } of_a{1, a_transposed ? k : m, a_transposed ? m : k}, of_b{2, k, n};
  const auto make = [](const void* from, int64_t row, int64_t column, int64_t rows, int64_t columns, float* to, int64_t stride) {
    const Context& x = *static_cast<const Context*>(from);
    check(row >= 0 && row + rows <= x.rows && column >= 0 && column + columns <= x.columns && columns <= stride, "a block of the source");
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t c = 0; c < columns; ++c) to[r * stride + c] = made(row + r, column + c, x.seed);
    }
  };
  Guarded<float> a(m * k), b(k * n), c(m * n), again(m * n);
  for (int64_t r = 0; r < of_a.rows; ++r) {
    for (int64_t q = 0; q < of_a.columns; ++q) a[r * of_a.columns + q] = made(r, q, 1);
  }
  for (int64_t p = 0; p < k; ++p) {
    for (int64_t j = 0; j < n; ++j) b[p * n + j] = made(p, j, 2);
  }
  GemmOptions options;
  Sources from;
  if (a_made) {
    options.a = a_transposed ? Made::by_columns : Made::by_rows;
    from.a = {&of_a, make};
  }
  if (b_made) {
    options.b = Made::by_rows;
    from.b = {&of_b, make};
  }
  const int64_t a_row = a_transposed ? 1 : k, a_col = a_transposed ? m : 1;
  const Gemm gemm({.m = m, .n = n, .k = k, .a_row = a_row, .a_col = a_col, .b_row = n, .b_col = 1, .c_row = n}, chosen_isa(), options);
  Guarded<char> scratch(static_cast<int64_t>(gemm.scratch_bytes()));
  const auto run = [&](Guarded<float>& to) {
    to.poison();
    gemm.run(a_made ? nullptr : a.data(), b_made ? nullptr : b.data(), to.data(), {}, scratch.data(), from);
  };
  run(c);
  on_one_thread([&] { run(again); });
  bool good = c.intact() && scratch.intact() && same_bits(c, again);
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      float sum = 0;
      for (int64_t p = 0; p < k; ++p) sum += (a_transposed ? made(p, i, 1) : made(i, p, 1)) * made(p, j, 2);
      good = good && sum == c[i * n + j];
    }
  }
  check(good, what + " (" + gemm.note() + ")");
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
                             {1100, 40, 0},
                             {1, 1000, 300},
                             {1000, 1, 300},
                             {3, 700, 65},
                             {700, 10, 300},
                             {10, 700, 600},
                             {13, 11, 5000},
                             {300, 600, 700},
                             {515, 130, 1030},
                             {600, 70, 40},
                             {64, 10, 4100}}) {
        if (quick && m * n * k > 3000000) continue;
        product(m, n, k, la, lb, true, false, 0);
        product(m, n, k, la, lb, false, true, 1);
      }
    }
  }
  for (auto [m, n, k] : {std::array<int64_t, 3>{1, 1, 1},
                         {32, 4, 3},
                         {129, 33, 40},
                         {600, 100, 50},
                         {300, 10, 700},
                         {700, 600, 90},
                         {10, 300, 7},
                         {200, 1, 2000},
                         {90, 10, 3001},
                         {130, 150, 2500}}) {
    observer(m, n, k, Layout::rows);
    observer(m, n, k, Layout::columns);
    for (int variant = 1; variant < 8; ++variant) sources(m, n, k, (variant & 1) != 0, (variant & 2) != 0, (variant & 4) != 0);
  }
  non_finite();
  return report("gemm");
}
