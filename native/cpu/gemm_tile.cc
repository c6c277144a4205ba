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

// A small tile adds into several sets of sums in turn, for its additions would wait for one another.
constexpr int sets_of(int rows, int vectors) { return rows * vectors >= 8 ? 1 : rows * vectors >= 4 ? 2 : 4; }

// A stride that is known when compiling.
template <int64_t n>
struct Constant {
  constexpr operator int64_t() const { return n; }
};

// How many turns of the loop become one, by how A lies: little but multiply-adds and loads should take the processor's slots, of which a
// thread has half where another shares its core.
#if FLAXEN_ISA_avx2
constexpr int kTurnsPacked = 2, kTurnsInPlace = 4;
#else
constexpr int kTurnsPacked = 1, kTurnsInPlace = 1;
#endif

// sum += x * y. The instruction is named where GCC would else take other forms of it, which cost copies and then spilled sums.
FLAXEN_INLINE void add_product(VecF& sum, VecF x, VecF y) {
#if FLAXEN_ISA_avx2 && FLAXEN_VECTOR_EXTENSION
  asm("vfmadd231ps %2, %1, %0" : "+x"(sum) : "x"(x), "x"(y));
#else
  sum = muladd(x, y, sum);
#endif
}

// Multiples of a stride. The compiler must not add to them outside of the loop, which would need more registers than there are.
template <int count>
struct Multiples {
  int64_t at[count];
  FLAXEN_INLINE explicit Multiples(int64_t stride) {
    FLAXEN_UNROLL
    for (int i = 0; i < count; ++i) at[i] = i * stride;
  }
  FLAXEN_INLINE int64_t operator[](int i) {
#if FLAXEN_ISA_avx2 && FLAXEN_VECTOR_EXTENSION
    if (i > 0) asm("" : "+r"(at[i]));
#endif
    return at[i];
  }
};
template <int64_t stride>
struct ConstantMultiples {
  FLAXEN_INLINE explicit ConstantMultiples(int64_t) {}
  constexpr int64_t operator[](int i) const { return i * stride; }
};

template <int turns, typename Below, int rows, int vectors, bool partial>
FLAXEN_INLINE void add_up(const Tile& t, auto a_row, auto a_col, int lanes, VecF (&sums)[sets_of(rows, vectors)][rows][vectors]) {
  // Rows of A are reached from every fourth one, which leaves few pointers to carry along.
  constexpr int kAnchors = (rows + 3) / 4;
  constexpr int kSets = sets_of(rows, vectors), kSteps = kSets > turns ? kSets : turns;
  static_assert(kSteps <= 2 * kSets || kSets == 1);
  Below below(a_row);
  Multiples<kSteps + 1> beside(t.b_row);
  const float* a[kAnchors];
  FLAXEN_UNROLL
  for (int q = 0; q < kAnchors; ++q) a[q] = t.a + 4 * q * a_row;
  const float* b = t.b;
  const auto step = [&](int set, int ahead) FLAXEN_INLINE_LAMBDA {
    const float* const from = b + beside[ahead];
    VecF row[vectors];
    FLAXEN_UNROLL
    for (int v = 0; v < vectors; ++v) row[v] = partial && v == vectors - 1 ? load(from + v * kLanes, lanes) : load(from + v * kLanes);
    FLAXEN_UNROLL
    for (int i = 0; i < rows; ++i) {
      const VecF x = splat(a[i / 4][below[i % 4] + ahead * a_col]);
      FLAXEN_UNROLL
      for (int v = 0; v < vectors; ++v) add_product(sums[set][i][v], x, row[v]);
    }
  };
  const auto advance = [&](int steps) FLAXEN_INLINE_LAMBDA {
    FLAXEN_UNROLL
    for (int q = 0; q < kAnchors; ++q) a[q] += steps * a_col;
    b += beside[steps];
  };
  int64_t k = t.k;
  for (; k >= kSteps; k -= kSteps) {
    FLAXEN_UNROLL
    for (int s = 0; s < kSteps; ++s) step(s % kSets, s);
    advance(kSteps);
  }
  if constexpr (kSteps > kSets && kSets > 1) {  // sums of the same terms for any number of turns
    if (k >= kSets) {
      FLAXEN_UNROLL
      for (int s = 0; s < kSets; ++s) step(s, s);
      advance(kSets);
      k -= kSets;
    }
  }
  for (; k > 0; --k) step(0, 0), advance(1);
}

// Partial: the last vector has fewer columns than lanes.
template <int rows, int vectors, bool partial>
FLAXEN_INLINE void compute(const Tile& t) {
  constexpr int kSets = sets_of(rows, vectors);
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

  if (t.a_row == 1 && t.a_col == rows) {
    add_up<kTurnsPacked, ConstantMultiples<1>, rows, vectors, partial>(t, Constant<1>{}, Constant<rows>{}, lanes, sums);
  } else if (t.a_col == 1) {
    add_up<kTurnsInPlace, Multiples<4>, rows, vectors, partial>(t, t.a_row, Constant<1>{}, lanes, sums);
  } else {
    add_up<1, Multiples<4>, rows, vectors, partial>(t, t.a_row, t.a_col, lanes, sums);
  }

  // Copies, since for all the compiler knows C lies over the tile.
  float* const c = t.c;
  const int64_t c_row = t.c_row;
  const bool accumulate = t.accumulate, relu = t.relu;
  const float* const bias = t.bias;
  const auto total = [&](int i, int v) FLAXEN_INLINE_LAMBDA {
    VecF sum = sums[0][i][v];
    FLAXEN_UNROLL
    for (int s = 1; s < kSets; ++s) sum += sums[s][i][v];
    return sum;
  };
  // Most tiles are just written: what else can be asked for costs a short one as much as its products.
  const bool plain = !accumulate && !bias && !relu;
  FLAXEN_UNROLL
  for (int v = 0; v < vectors; ++v) {
    const bool cut = partial && v == vectors - 1;
    if (plain) {
      FLAXEN_UNROLL
      for (int i = 0; i < rows; ++i) {
        if (cut) {
          store(c + i * c_row + v * kLanes, total(i, v), lanes);
        } else {
          store(c + i * c_row + v * kLanes, total(i, v));
        }
      }
      continue;
    }
    VecF more = splat(0.0f);
    if (bias) more = cut ? load(bias + v * kLanes, lanes) : load(bias + v * kLanes);
    FLAXEN_UNROLL
    for (int i = 0; i < rows; ++i) {
      float* to = c + i * c_row + v * kLanes;
      VecF sum = total(i, v);
      if (accumulate) sum += cut ? load(to, lanes) : load(to);
      if (bias) sum += more;
      if (relu) sum = select(sum <= splat(0.0f), splat(0.0f), sum);
      if (cut) {
        store(to, sum, lanes);
      } else {
        store(to, sum);
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
