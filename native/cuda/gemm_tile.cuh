// One block's part of a matrix product: how tiles of A and B come into shared memory, and how a block multiplies them, with float32 FMA or
// with tf32 tensor cores.
#pragma once

#include "cuda/port.cuh"

namespace flaxen::cuda {

constexpr int kInner = 16;  // how much of k a tile holds

// A tile of `extent` rows (of A) or columns (of B) by kInner, laid out as the matrix is, so that 16 bytes of the one are 16 of the other.
// The padding spreads what a warp reads at once over all banks.
template <int extent, bool along_k>
struct alignas(16) Tile;

template <int extent>
struct alignas(16) Tile<extent, true> {  // k is the dense dimension
  float v[extent][kInner + 4];
  FLAXEN_DEVICE float& at(int i, int k) { return v[i][k]; }
};
template <int extent>
struct alignas(16) Tile<extent, false> {
  float v[kInner][extent + 8];
  FLAXEN_DEVICE float& at(int i, int k) { return v[k][i]; }
};

// A matrix in memory, seen with the dimension k last: `size` rows of `k`, of which the tiles before k_end are wanted.
struct Operand {
  const float* data;
  int64_t size, stride, k_end;
  bool vectors;  // 16 bytes at a time: sizes, strides and the address are multiples of 4 elements
};

// Starts the copies of a tile, 4 elements a thread at a time; zeros where the matrix ends.
template <int threads, int extent, bool along_k>
FLAXEN_DEVICE void load_tile(Tile<extent, along_k>& tile, const Operand& from, int64_t first, int64_t k0) {
  constexpr int groups = extent * kInner / 4;
  static_assert(groups % threads == 0);
#pragma unroll
  for (int step = 0; step < groups / threads; ++step) {
    const int group = step * threads + static_cast<int>(threadIdx.x);
    const int i = along_k ? group / (kInner / 4) : group % (extent / 4) * 4;
    const int k = along_k ? group % (kInner / 4) * 4 : group / (extent / 4);
    const int64_t row = first + i, inner = k0 + k;
    const float* source = from.data + (along_k ? row * from.stride + inner : inner * from.stride + row);
    if (from.vectors) {
      const bool inside = row < from.size && inner < from.k_end;
      copy_async<16>(&tile.at(i, k), inside ? source : from.data, inside);
    } else {
#pragma unroll
      for (int e = 0; e < 4; ++e) {
        const bool inside = row + (along_k ? 0 : e) < from.size && inner + (along_k ? e : 0) < from.k_end;
        copy_async<4>(along_k ? &tile.at(i, k + e) : &tile.at(i + e, k), inside ? source + e : from.data, inside);
      }
    }
  }
}

// What both ways of multiplying have: a thread holds kRows x kCols elements of the block's rows x columns; row(i) and column(j) say which.
// Threads with the same group() hold the same rows, and together all columns, once.

// 8 x 8 (large) or 8 x 4 elements a thread.
template <int rows, int columns, bool a_along_k, bool b_along_k>
struct FmaProduct {
  static constexpr int kThreadsX = 16, kRows = 8, kCols = columns / kThreadsX;
  static constexpr int kThreadsY = rows / kRows, kThreads = kThreadsX * kThreadsY, kGroups = kThreadsY, kStages = 2;

  float sum[kRows][kCols] = {};
  int x = static_cast<int>(threadIdx.x) % kThreadsX, y = static_cast<int>(threadIdx.x) / kThreadsX;

  FLAXEN_DEVICE int group() const { return y; }
  FLAXEN_DEVICE int row(int i) const { return i / 4 * (kThreadsY * 4) + y * 4 + i % 4; }
  // Neighbours in x take neighbouring columns where k is dense, so that their reads fall into different banks; else neighbouring fours.
  FLAXEN_DEVICE int column(int j) const { return b_along_k ? x + kThreadsX * j : j / 4 * (kThreadsX * 4) + x * 4 + j % 4; }
  FLAXEN_DEVICE float& at(int i, int j) { return sum[i][j]; }

  // Four steps of k of `count` rows.
  template <int count, int extent, bool along_k, typename Place>
  static FLAXEN_DEVICE void read(float (&to)[4][count], Tile<extent, along_k>& tile, int k, Place place) {
    const auto put = [](float4 v, float& p, float& q, float& r, float& s) {
      p = v.x;
      q = v.y;
      r = v.z;
      s = v.w;
    };
    if constexpr (along_k) {
#pragma unroll
      for (int i = 0; i < count; ++i) {
        put(*reinterpret_cast<const float4*>(&tile.at(place(i), k)), to[0][i], to[1][i], to[2][i], to[3][i]);
      }
    } else {
#pragma unroll
      for (int q = 0; q < 4; ++q) {
#pragma unroll
        for (int i = 0; i < count; i += 4) {
          put(*reinterpret_cast<const float4*>(&tile.at(place(i), k + q)), to[q][i], to[q][i + 1], to[q][i + 2], to[q][i + 3]);
        }
      }
    }
  }

  FLAXEN_DEVICE void add(Tile<rows, a_along_k>& a, Tile<columns, b_along_k>& b) {
#pragma unroll 1  // unrolled, it takes up to 254 registers
    for (int k = 0; k < kInner; k += 4) {
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
template <int rows, int columns, bool a_along_k, bool b_along_k>
struct MmaProduct {
  static constexpr int kWarpRows = rows / 2, kWarpColumns = 32, kWarpsX = columns / kWarpColumns;
  static constexpr int kMmaRows = kWarpRows / 16, kMmaColumns = kWarpColumns / 8;
  static constexpr int kRows = 2 * kMmaRows, kCols = 2 * kMmaColumns;
  static constexpr int kThreads = 2 * kWarpsX * 32, kGroups = 16, kStages = 3;

  float sum[kMmaRows][kMmaColumns][4] = {};
  int warp_row = static_cast<int>(threadIdx.x) / 32 / kWarpsX, warp_column = static_cast<int>(threadIdx.x) / 32 % kWarpsX;
  int g = static_cast<int>(threadIdx.x) % 32 / 4, t = static_cast<int>(threadIdx.x) % 4;

  FLAXEN_DEVICE int group() const { return warp_row * 8 + g; }
  FLAXEN_DEVICE int row(int i) const { return warp_row * kWarpRows + i / 2 * 16 + i % 2 * 8 + g; }
  FLAXEN_DEVICE int column(int j) const { return warp_column * kWarpColumns + j / 2 * 8 + t * 2 + j % 2; }
  FLAXEN_DEVICE float& at(int i, int j) { return sum[i / 2][j / 2][i % 2 * 2 + j % 2]; }

  FLAXEN_DEVICE void add(Tile<rows, a_along_k>& a, Tile<columns, b_along_k>& b) {
#pragma unroll
    for (int k = 0; k < kInner; k += 8) {
      uint32_t p[kMmaRows][4], q[kMmaColumns][2];
#pragma unroll
      for (int i = 0; i < kMmaRows; ++i) {
#pragma unroll
        for (int r = 0; r < 4; ++r) p[i][r] = round_to_tf32(a.at(row(2 * i + r % 2), k + t + r / 2 * 4));
      }
#pragma unroll
      for (int j = 0; j < kMmaColumns; ++j) {
#pragma unroll
        for (int r = 0; r < 2; ++r) q[j][r] = round_to_tf32(b.at(warp_column * kWarpColumns + j * 8 + g, k + t + r * 4));
      }
#pragma unroll
      for (int i = 0; i < kMmaRows; ++i) {
#pragma unroll
        for (int j = 0; j < kMmaColumns; ++j) mma_tf32(sum[i][j], p[i], q[j]);
      }
    }
  }
};

}  // namespace flaxen::cuda
