// One block's part of a matrix product: how tiles of A and B come into shared memory, and how a block multiplies them, with float32 FMA or
// with tensor cores, which take tf32 or bfloat16 and sum in float32.
#pragma once

#include "cuda/port.cuh"

namespace flaxen::cuda {

// A bfloat16 is the upper half of a float32, and travels as its bits.
using Bf16 = uint16_t;

// How much of k a tile holds: 64 bytes.
template <typename T>
constexpr int kInner = 64 / static_cast<int>(sizeof(T));

// A tile of `extent` rows (of A) or columns (of B) by kInner, laid out as the matrix is, so that 16 bytes of the one are 16 of the other.
// The padding spreads what a warp reads at once over all banks.
template <typename T, int extent, bool along_k>
struct alignas(16) Tile;

template <typename T, int extent>
struct alignas(16) Tile<T, extent, true> {  // k is the dense dimension
  T v[extent][kInner<T> + 16 / static_cast<int>(sizeof(T))];
  FLAXEN_DEVICE T& at(int i, int k) { return v[i][k]; }
};
template <typename T, int extent>
struct alignas(16) Tile<T, extent, false> {
  T v[kInner<T>][extent + 8];
  FLAXEN_DEVICE T& at(int i, int k) { return v[k][i]; }
};

FLAXEN_DEVICE float widened(float x) { return x; }
FLAXEN_DEVICE float widened(Bf16 x) { return __uint_as_float(static_cast<uint32_t>(x) << 16); }
FLAXEN_DEVICE float4 widened_four(const float* p) { return *reinterpret_cast<const float4*>(p); }
FLAXEN_DEVICE float4 widened_four(const Bf16* p) {
  const uint2 v = *reinterpret_cast<const uint2*>(p);
  return make_float4(__uint_as_float(v.x << 16), __uint_as_float(v.x & 0xffff0000u), __uint_as_float(v.y << 16),
                     __uint_as_float(v.y & 0xffff0000u));
}

// A matrix in memory, seen with the dimension k last: `size` rows of `k`, of which the tiles before k_end are wanted.
template <typename T>
struct Operand {
  const T* data;
  int64_t size, stride, k_end;
  bool vectors;  // 16 bytes at a time: sizes, strides and the address are multiples of them
};

// Starts the copies of a tile, 16 bytes a thread at a time; zeros where the matrix ends.
template <int threads, typename T, int extent, bool along_k>
FLAXEN_DEVICE void load_tile(Tile<T, extent, along_k>& tile, const Operand<T>& from, int64_t first, int64_t k0) {
  constexpr int width = 16 / static_cast<int>(sizeof(T)), groups = extent * kInner<T> / width;
  static_assert(groups % threads == 0);
#pragma unroll
  for (int step = 0; step < groups / threads; ++step) {
    const int group = step * threads + static_cast<int>(threadIdx.x);
    const int i = along_k ? group / (kInner<T> / width) : group % (extent / width) * width;
    const int k = along_k ? group % (kInner<T> / width) * width : group / (extent / width);
    const int64_t row = first + i, inner = k0 + k;
    const T* source = from.data + (along_k ? row * from.stride + inner : inner * from.stride + row);
    if (from.vectors) {
      const bool inside = row < from.size && inner < from.k_end;
      copy_async<16>(&tile.at(i, k), inside ? source : from.data, inside);
    } else {
#pragma unroll
      for (int e = 0; e < width; ++e) {
        const bool inside = row + (along_k ? 0 : e) < from.size && inner + (along_k ? e : 0) < from.k_end;
        T& to = along_k ? tile.at(i, k + e) : tile.at(i + e, k);
        if constexpr (sizeof(T) == 4) {
          copy_async<4>(&to, inside ? source + e : from.data, inside);
        } else {  // cp.async knows no 2 bytes; the barrier before the tile is read orders these stores, too
          to = inside ? source[e] : T{0};
        }
      }
    }
  }
}

// What both ways of multiplying have: a thread holds kRows x kCols elements of the block's rows x columns; row(i) and column(j) say which.
// Threads with the same group() hold the same rows, and together all columns, once. kResident blocks at least shall fit a multiprocessor's
// registers: said to the compiler, as it spills by its own choice.

// 8 x 8 (large) or 8 x 4 elements a thread.
template <typename T, int rows, int columns, bool a_along_k, bool b_along_k>
struct FmaProduct {
  using Element = T;
  static constexpr int kThreadsX = 16, kRows = 8, kCols = columns / kThreadsX;
  static constexpr int kThreadsY = rows / kRows, kThreads = kThreadsX * kThreadsY, kGroups = kThreadsY, kStages = 2, kResident = 1;

  float sum[kRows][kCols] = {};
  int x = static_cast<int>(threadIdx.x) % kThreadsX, y = static_cast<int>(threadIdx.x) / kThreadsX;

  FLAXEN_DEVICE int group() const { return y; }
  FLAXEN_DEVICE int row(int i) const { return i / 4 * (kThreadsY * 4) + y * 4 + i % 4; }
  // Neighbours in x take neighbouring columns where k is dense, so that their reads fall into different banks; else neighbouring fours.
  FLAXEN_DEVICE int column(int j) const { return b_along_k ? x + kThreadsX * j : j / 4 * (kThreadsX * 4) + x * 4 + j % 4; }
  FLAXEN_DEVICE float& at(int i, int j) { return sum[i][j]; }

  // Four steps of k of `count` rows.
  template <int count, int extent, bool along_k, typename Place>
  static FLAXEN_DEVICE void read(float (&to)[4][count], Tile<T, extent, along_k>& tile, int k, Place place) {
    const auto put = [](float4 v, float& p, float& q, float& r, float& s) {
      p = v.x;
      q = v.y;
      r = v.z;
      s = v.w;
    };
    if constexpr (along_k) {
#pragma unroll
      for (int i = 0; i < count; ++i) {
        put(widened_four(&tile.at(place(i), k)), to[0][i], to[1][i], to[2][i], to[3][i]);
      }
    } else {
#pragma unroll
      for (int q = 0; q < 4; ++q) {
#pragma unroll
        for (int i = 0; i < count; i += 4) {
          put(widened_four(&tile.at(place(i), k + q)), to[q][i], to[q][i + 1], to[q][i + 2], to[q][i + 3]);
        }
      }
    }
  }

  FLAXEN_DEVICE void add(Tile<T, rows, a_along_k>& a, Tile<T, columns, b_along_k>& b) {
#pragma unroll 1  // unrolled, it takes up to 254 registers
    for (int k = 0; k < kInner<T>; k += 4) {
      float p[4][kRows], q[4][kCols];
      read(p, a, k, [&](int i) { return row(i); });
      read(q, b, k, [&](int j) { return column(j); });
#pragma unroll
      for (int s = 0; s < 4; ++s) {
#pragma unroll
        for (int i = 0; i < kRows; ++i) {
#pragma unroll
          for (int j = 0; j < kCols; ++j) sum[i][j] = fmaf(p[s][i], q[s][j], sum[i][j]);
        }
      }
    }
  }
};

// 64 x 32 (large) or 32 x 32 elements a warp, in mma's of 16 x 8.
template <int rows, int columns>
struct WarpTiles {
  static constexpr int kWarpRows = rows / 2, kWarpColumns = 32, kWarpsX = columns / kWarpColumns;
  static constexpr int kMmaRows = kWarpRows / 16, kMmaColumns = kWarpColumns / 8;
  static constexpr int kRows = 2 * kMmaRows, kCols = 2 * kMmaColumns;
  static constexpr int kThreads = 2 * kWarpsX * 32, kGroups = 16, kStages = 3;
  static constexpr int kResident = rows == 128 ? 2 : 5;

  float sum[kMmaRows][kMmaColumns][4] = {};
  int warp_row = static_cast<int>(threadIdx.x) / 32 / kWarpsX, warp_column = static_cast<int>(threadIdx.x) / 32 % kWarpsX;
  int g = static_cast<int>(threadIdx.x) % 32 / 4, t = static_cast<int>(threadIdx.x) % 4;

  FLAXEN_DEVICE int group() const { return warp_row * 8 + g; }
  FLAXEN_DEVICE int row(int i) const { return warp_row * kWarpRows + i / 2 * 16 + i % 2 * 8 + g; }
  FLAXEN_DEVICE int column(int j) const { return warp_column * kWarpColumns + j / 2 * 8 + t * 2 + j % 2; }
  FLAXEN_DEVICE float& at(int i, int j) { return sum[i / 2][j / 2][i % 2 * 2 + j % 2]; }

  // One step of k: p(row, half) and q(column, half) read operands, of which mma takes a first and a second half along k.
  template <typename P, typename Q, typename Mma>
  FLAXEN_DEVICE void multiply(P p, Q q, Mma mma) {
    uint32_t a[kMmaRows][4], b[kMmaColumns][2];
#pragma unroll
    for (int i = 0; i < kMmaRows; ++i) {
#pragma unroll
      for (int r = 0; r < 4; ++r) a[i][r] = p(row(2 * i + r % 2), r / 2);
    }
#pragma unroll
    for (int j = 0; j < kMmaColumns; ++j) {
#pragma unroll
      for (int r = 0; r < 2; ++r) b[j][r] = q(warp_column * kWarpColumns + j * 8 + g, r);
    }
#pragma unroll
    for (int i = 0; i < kMmaRows; ++i) {
#pragma unroll
      for (int j = 0; j < kMmaColumns; ++j) mma(sum[i][j], a[i], b[j]);
    }
  }
};

template <int rows, int columns, bool a_along_k, bool b_along_k>
struct Tf32Product : WarpTiles<rows, columns> {
  using Element = float;

  FLAXEN_DEVICE void add(Tile<float, rows, a_along_k>& a, Tile<float, columns, b_along_k>& b) {
#pragma unroll
    for (int k = 0; k < kInner<float>; k += 8) {
      const int own = k + this->t;
      this->multiply([&](int i, int half) { return round_to_tf32(a.at(i, own + half * 4)); },
                     [&](int j, int half) { return round_to_tf32(b.at(j, own + half * 4)); }, mma_tf32);
    }
  }
};

// Of float32, rounded to bfloat16 as it leaves shared memory. A thread's four of k are those that it would have in tf32, whose reads fall
// into different banks: mma sums over k in whatever order both operands have it.
template <int rows, int columns, bool a_along_k, bool b_along_k>
struct RoundedProduct : WarpTiles<rows, columns> {
  using Element = float;

  FLAXEN_DEVICE void add(Tile<float, rows, a_along_k>& a, Tile<float, columns, b_along_k>& b) {
#pragma unroll
    for (int k = 0; k < kInner<float>; k += 16) {
      const int own = k + this->t;
      this->multiply([&](int i, int half) { return round_to_bf16(a.at(i, own + half * 8), a.at(i, own + half * 8 + 4)); },
                     [&](int j, int half) { return round_to_bf16(b.at(j, own + half * 8), b.at(j, own + half * 8 + 4)); }, mma_bf16);
    }
  }
};

// Elements k and k + 1 in one word.
template <int extent, bool along_k>
FLAXEN_DEVICE uint32_t pair_of(Tile<Bf16, extent, along_k>& tile, int i, int k) {
  if constexpr (along_k) return *reinterpret_cast<const uint32_t*>(&tile.at(i, k));
  return tile.at(i, k) | static_cast<uint32_t>(tile.at(i, k + 1)) << 16;
}

template <int rows, int columns, bool a_along_k, bool b_along_k>
struct Bf16Product : WarpTiles<rows, columns> {
  using Element = Bf16;

  FLAXEN_DEVICE void add(Tile<Bf16, rows, a_along_k>& a, Tile<Bf16, columns, b_along_k>& b) {
#pragma unroll
    for (int k = 0; k < kInner<Bf16>; k += 16) {
      const int own = k + 2 * this->t;
      this->multiply([&](int i, int half) { return pair_of(a, i, own + half * 8); },
                     [&](int j, int half) { return pair_of(b, j, own + half * 8); }, mma_bf16);
    }
  }
};

}  // namespace flaxen::cuda
