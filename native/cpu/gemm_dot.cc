#include "cpu/gemm_interleave.h"
#include "cpu/gemm_kernels.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

// A tile of kRows x kColumns running sums, as the registers allow.
constexpr int kRows = 4;
#if FLAXEN_ISA_avx512 || FLAXEN_ISA_neon
constexpr int kColumns = 4;
#else
constexpr int kColumns = 2;
#endif

template <int rows, int columns>
FLAXEN_INLINE void add_products(const float* a, int64_t a_row, const float* b, int64_t b_col, auto lanes, VecF (&sums)[rows * columns]) {
  VecF y[columns];
  FLAXEN_UNROLL
  for (int j = 0; j < columns; ++j) y[j] = load(b + j * b_col, lanes);
  FLAXEN_UNROLL
  for (int i = 0; i < rows; ++i) {
    const VecF x = load(a + i * a_row, lanes);
    FLAXEN_UNROLL
    for (int j = 0; j < columns; ++j) sums[i * columns + j] = muladd(x, y[j], sums[i * columns + j]);
  }
}

template <int rows, int columns>
void tile(const Dots& d, int64_t i0, int64_t j0) {
  const float* a = d.a + i0 * d.a_row;
  const float* b = d.b + j0 * d.b_col;
  VecF sums[rows * columns];
  FLAXEN_UNROLL
  for (int i = 0; i < rows * columns; ++i) sums[i] = splat(0.0f);
  int64_t p = 0;
  for (; p + kLanes <= d.k; p += kLanes) add_products<rows, columns>(a + p, d.a_row, b + p, d.b_col, All{}, sums);
  if (p < d.k) add_products<rows, columns>(a + p, d.a_row, b + p, d.b_col, static_cast<int>(d.k - p), sums);

  float totals[(rows * columns + kLanes - 1) / kLanes * kLanes];
  FLAXEN_UNROLL
  for (int first = 0; first < rows * columns; first += kLanes) {
    VecF group[kLanes];
    FLAXEN_UNROLL
    for (int i = 0; i < kLanes; ++i) group[i] = first + i < rows * columns ? sums[first + i] : splat(0.0f);
    store(totals + first, sums_of(group));
  }
  for (int i = 0; i < rows; ++i) {
    for (int j = 0; j < columns; ++j) {
      float x = totals[i * columns + j];
      if (d.bias) x += d.bias[j0 + j];
      if (d.relu && x <= 0) x = 0;
      d.c[(i0 + i) * d.c_row + j0 + j] = x;
    }
  }
}

template <int rows>
void row_of_tiles(const Dots& d, int64_t i) {
  int64_t j = 0;
  for (; j + kColumns <= d.columns; j += kColumns) tile<rows, kColumns>(d, i, j);
  if constexpr (kColumns > 2) {
    for (; j + 2 <= d.columns; j += 2) tile<rows, 2>(d, i, j);
  }
  for (; j < d.columns; ++j) tile<rows, 1>(d, i, j);
}

void dots(const Dots& d) {
  int64_t i = 0;
  for (; i + kRows <= d.rows; i += kRows) row_of_tiles<kRows>(d, i);
  for (; i + 2 <= d.rows; i += 2) row_of_tiles<2>(d, i);
  for (; i < d.rows; ++i) row_of_tiles<1>(d, i);
}

}  // namespace

extern const GemmDotTable gemm_dot_table = {.dots = dots};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
