#include "cpu/gemm_interleave.h"
#include "cpu/gemm_kernels.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

constexpr int64_t kRowsAhead = 8;

// to[p * stride + i] = from(i, p) for a run of `rows` <= kLanes lines, each adjacent along p. `lanes` of each vector are written, those
// from `rows` on being zeros.
template <typename LaneCount>
FLAXEN_INLINE void transpose_lines(const float* from, int64_t line, int rows, int64_t k, float* to, int64_t stride, LaneCount lanes) {
  for (int64_t p = 0; p < k; p += kLanes) {
    const int count = k - p < kLanes ? static_cast<int>(k - p) : kLanes;
    VecF x[kLanes];
    FLAXEN_UNROLL
    for (int i = 0; i < kLanes; ++i) {
      x[i] = i >= rows ? splat(0.0f) : count == kLanes ? load(from + i * line + p) : load(from + i * line + p, count);
    }
    transpose(x);
    if (count == kLanes) {
      FLAXEN_UNROLL
      for (int i = 0; i < kLanes; ++i) store(to + (p + i) * stride, x[i], lanes);
    } else {
      FLAXEN_UNROLL
      for (int i = 0; i < kLanes; ++i) {
        if (i < count) store(to + (p + i) * stride, x[i], lanes);
      }
    }
  }
}

// Where a whole vector is written for fewer rows, the next one overwrites its tail.
void pack_a(const float* a, int64_t a_row, int64_t a_col, int64_t rows, int64_t k, float* packed) {
  if (a_col == 1) {
    int64_t i = 0;
    for (; i + kLanes <= rows; i += kLanes) transpose_lines(a + i * a_row, a_row, kLanes, k, packed + i, rows, All{});
    const int rest = static_cast<int>(rows - i);
    if (i == 0) {
      transpose_lines(a, a_row, rest, k, packed, rows, All{});
    } else if (rest > 0) {
      transpose_lines(a + i * a_row, a_row, rest, k, packed + i, rows, rest);
    }
    return;
  }
  for (int64_t p = 0; p < k; ++p) {
    const float* from = a + p * a_col;
    float* to = packed + p * rows;
    if (a_row == 1) {
      prefetch_read(from + rows + kLanes - 1);  // what the next rows will pack, while this pack is computed with
      int64_t i = 0;
      for (; i + kLanes <= rows; i += kLanes) store(to + i, load(from + i));
      if (i < rows) store(to + i, load(from + i, static_cast<int>(rows - i)));
    } else {
      for (int64_t i = 0; i < rows; ++i) to[i] = from[i * a_row];
    }
  }
}

void pack_b(const float* b, int64_t b_row, int64_t b_col, int64_t k, int64_t columns, int64_t width, float* packed) {
  if (b_row == 1 && b_col != 1) {
    for (int64_t j = 0; j < width; j += kLanes) {
      const int lines = columns - j < 0 ? 0 : columns - j < kLanes ? static_cast<int>(columns - j) : kLanes;
      transpose_lines(b + j * b_col, b_col, lines, k, packed + j, width, All{});
    }
    return;
  }
  for (int64_t p = 0; p < k; ++p) {
    const float* from = b + p * b_row;
    float* to = packed + p * width;
    if (b_col == 1) {
      // Rows lie too far apart for the processor to see them coming.
      prefetch_read(from + kRowsAhead * b_row);
      prefetch_read(from + kRowsAhead * b_row + columns - 1);
      int64_t j = 0;
      for (; j + kLanes <= columns; j += kLanes) store(to + j, load(from + j));
      if (j < columns) store(to + j, load(from + j, static_cast<int>(columns - j))), j += kLanes;
      for (; j < width; j += kLanes) store(to + j, splat(0.0f));
    } else {
      for (int64_t j = 0; j < width; ++j) to[j] = j < columns ? from[j * b_col] : 0;
    }
  }
}

}  // namespace

extern const GemmPackTable gemm_pack_table = {.pack_a = pack_a, .pack_b = pack_b};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
