#include "cpu/gemm_kernels.h"
#include "cpu/simd.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

// As many sums as the registers hold beside a row of B and an element of A.
#if FLAXEN_ISA_avx512
constexpr int kSums = 28, kRows = 14;
#elif FLAXEN_ISA_neon
constexpr int kSums = 24, kRows = 12;
#else
constexpr int kSums = 12, kRows = 6;
#endif
constexpr int kVectors = 2;

constexpr int widest(int rows) {
  int vectors = kVectors;
  while (vectors < 8 && rows * vectors * 2 <= kSums) vectors *= 2;
  return vectors;
}

// Partial: the last vector has fewer columns than lanes.
template <int rows, int vectors, bool partial>
FLAXEN_INLINE void compute(const Tile& t) {
  // Rows of A are reached from every fourth one, which leaves few pointers to carry along.
  constexpr int kAnchors = (rows + 3) / 4;
  // A small tile adds into several sets of sums in turn, for its additions would wait for one another.
  constexpr int kSets = rows * vectors >= 8 ? 1 : rows * vectors >= 4 ? 2 : 4;
  const int lanes = static_cast<int>(t.columns) - (vectors - 1) * kLanes;

  VecF sums[kSets][rows][vectors];
  FLAXEN_UNROLL
  for (int s = 0; s < kSets; ++s) {
    FLAXEN_UNROLL
    for (int i = 0; i < rows; ++i) {
      FLAXEN_UNROLL
      for (int v = 0; v < vectors; ++v) sums[s][i][v] = splat(0.0f);
    }
  }
  FLAXEN_UNROLL
  for (int i = 0; i < rows; ++i) {
    prefetch_write(t.c + i * t.c_row);
    prefetch_write(t.c + i * t.c_row + t.columns - 1);
  }

  const int64_t a_row = t.a_row, a_col = t.a_col, b_row = t.b_row;
  const float* a[kAnchors];
  FLAXEN_UNROLL
  for (int q = 0; q < kAnchors; ++q) a[q] = t.a + 4 * q * a_row;
  const float* b = t.b;
  const auto step = [&](int set) FLAXEN_INLINE_LAMBDA {
    VecF row[vectors];
    FLAXEN_UNROLL
    for (int v = 0; v < vectors; ++v) row[v] = partial && v == vectors - 1 ? load(b + v * kLanes, lanes) : load(b + v * kLanes);
    FLAXEN_UNROLL
    for (int i = 0; i < rows; ++i) {
      const VecF x = splat(a[i / 4][i % 4 * a_row]);
      FLAXEN_UNROLL
      for (int v = 0; v < vectors; ++v) sums[set][i][v] = muladd(x, row[v], sums[set][i][v]);
    }
    FLAXEN_UNROLL
    for (int q = 0; q < kAnchors; ++q) a[q] += a_col;
    b += b_row;
  };
  int64_t k = t.k;
  for (; k >= kSets; k -= kSets) {
    FLAXEN_UNROLL
    for (int s = 0; s < kSets; ++s) step(s);
  }
  for (; k > 0; --k) step(0);

  FLAXEN_UNROLL
  for (int v = 0; v < vectors; ++v) {
    const bool cut = partial && v == vectors - 1;
    VecF bias = splat(0.0f);
    if (t.bias) bias = cut ? load(t.bias + v * kLanes, lanes) : load(t.bias + v * kLanes);
    FLAXEN_UNROLL
    for (int i = 0; i < rows; ++i) {
      float* c = t.c + i * t.c_row + v * kLanes;
      VecF sum = sums[0][i][v];
      FLAXEN_UNROLL
      for (int s = 1; s < kSets; ++s) sum += sums[s][i][v];
      if (t.accumulate) sum += cut ? load(c, lanes) : load(c);
      if (t.bias) sum += bias;
      if (t.relu) sum = select(sum <= splat(0.0f), splat(0.0f), sum);
      if (cut) {
        store(c, sum, lanes);
      } else {
        store(c, sum);
      }
    }
  }
}

template <int rows, int vectors>
void tile(const Tile& t) {
  if (t.columns == vectors * kLanes) {
    compute<rows, vectors, false>(t);
  } else {
    compute<rows, vectors, true>(t);
  }
}

template <int rows, int vectors>
constexpr auto kernel() -> void (*)(const Tile&) {
  if constexpr (rows > kRows || rows == 0 || vectors > widest(rows)) {
    return nullptr;
  } else {
    return tile<rows, vectors>;
  }
}

#define FLAXEN_EACH_HEIGHT(each) \
  each(0), each(1), each(2), each(3), each(4), each(5), each(6), each(7), each(8), each(9), each(10), each(11), each(12), each(13), each(14)
#define FLAXEN_WIDEST(rows) (rows > kRows || rows == 0 ? 0 : widest(rows))
#define FLAXEN_KERNELS(rows) \
  { kernel<rows, 1>(), kernel<rows, 2>(), kernel<rows, 4>(), kernel<rows, 8>() }

}  // namespace

extern const GemmTileTable gemm_tile_table = {
    .lanes = kLanes,
    .rows = kRows,
    .vectors = kVectors,
    .most_vectors = {FLAXEN_EACH_HEIGHT(FLAXEN_WIDEST)},
    .tile = {FLAXEN_EACH_HEIGHT(FLAXEN_KERNELS)},
};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
