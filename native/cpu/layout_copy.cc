#include "cpu/layout_copy.h"

#include <algorithm>
#include <cstring>

#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr double kTaskNs = 20000;
constexpr int64_t kPiece = 16384;  // elements of one unit of a long run
constexpr int64_t kTile = 16;      // a square of this side is transposed at once: one cache line of 4-byte elements

template <typename T>
void copy_run(T* to, int64_t to_stride, const T* from, int64_t from_stride, int64_t n) {
  if (to_stride == 1 && from_stride == 1) {
    if (n >= 16) {
      std::memcpy(to, from, static_cast<size_t>(n) * sizeof(T));
    } else {
      for (int64_t i = 0; i < n; ++i) to[i] = from[i];
    }
  } else if (to_stride == 1 && from_stride == 0) {
    std::fill_n(to, n, *from);
  } else if (to_stride == 1) {
    for (int64_t i = 0; i < n; ++i) to[i] = from[i * from_stride];
  } else {
    for (int64_t i = 0; i < n; ++i) to[i * to_stride] = from[i * from_stride];
  }
}

// to[i * to_row + j] = from[j * from_row + i] for i < m, j < n.
template <typename T>
void transpose_tiles(T* to, int64_t to_row, const T* from, int64_t from_row, int64_t m, int64_t n) {
  for (int64_t i = 0; i < m; i += kTile) {
    for (int64_t j = 0; j < n; j += kTile) {
      T* t = to + i * to_row + j;
      const T* f = from + j * from_row + i;
      const int64_t rows = std::min(kTile, m - i), cols = std::min(kTile, n - j);
      if (rows == kTile && cols == kTile) {
        T square[kTile][kTile];
        for (int64_t c = 0; c < kTile; ++c) std::memcpy(square[c], f + c * from_row, sizeof square[c]);
        for (int64_t r = 0; r < kTile; ++r) {
          for (int64_t c = 0; c < kTile; ++c) t[r * to_row + c] = square[c][r];
        }
      } else {
        for (int64_t r = 0; r < rows; ++r) {
          for (int64_t c = 0; c < cols; ++c) t[r * to_row + c] = f[c * from_row + r];
        }
      }
    }
  }
}

}  // namespace

StridedCopy::StridedCopy(size_t element_bytes, const Shape& shape, const View& to, const View& from)
    : element_bytes_(element_bytes), to_offset_(to.offset), from_offset_(from.offset) {
  Shape dims;
  std::vector<int64_t> to_strides, from_strides;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    if (!dims.empty() && to_strides.back() == to.strides[d] * shape[d] && from_strides.back() == from.strides[d] * shape[d]) {
      dims.back() *= shape[d];
      to_strides.back() = to.strides[d];
      from_strides.back() = from.strides[d];
    } else {
      dims.push_back(shape[d]);
      to_strides.push_back(to.strides[d]);
      from_strides.push_back(from.strides[d]);
    }
  }
  const int64_t elements = flaxen::count(dims);
  if (!dims.empty()) {
    n_ = dims.back();
    to_stride_ = to_strides.back();
    from_stride_ = from_strides.back();
    dims.pop_back();
    to_strides.pop_back();
    from_strides.pop_back();
  }
  // Where the source is dense in another dimension, the two together make a matrix to transpose.
  for (size_t d = dims.size(); d-- > 0 && to_stride_ == 1 && from_stride_ != 1 && from_stride_ != 0;) {
    if (from_strides[d] != 1 || dims[d] < 4 || n_ < 4) continue;
    inner_ = Inner::tile;
    m_ = dims[d];
    to_row_ = to_strides[d];
    dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(d));
    to_strides.erase(to_strides.begin() + static_cast<std::ptrdiff_t>(d));
    from_strides.erase(from_strides.begin() + static_cast<std::ptrdiff_t>(d));
    break;
  }
  outer_ = dims;
  to_outer_ = to_strides;
  from_outer_ = from_strides;
  const int64_t length = inner_ == Inner::tile ? m_ : n_;
  unit_ = inner_ == Inner::tile ? std::max<int64_t>(kTile, kPiece / std::max<int64_t>(n_, 1) / kTile * kTile) : kPiece;
  units_per_row_ = (length + unit_ - 1) / unit_;
  units_ = elements ? flaxen::count(outer_) * units_per_row_ : 0;
  const bool dense = to_stride_ == 1 && (from_stride_ == 1 || from_stride_ == 0);
  const double element_ns = 0.02 * static_cast<double>(element_bytes) * (dense ? 1 : inner_ == Inner::tile ? 3 : 8);
  cost_ns_ = 10 + 3 * static_cast<double>(units_) + element_ns * static_cast<double>(elements);
  units_per_task_ = units_ ? std::max<int64_t>(1, static_cast<int64_t>(kTaskNs / (cost_ns_ / static_cast<double>(units_)))) : 1;
  tasks_ = (units_ + units_per_task_ - 1) / units_per_task_;
}

template <typename T>
void StridedCopy::run_units(T* to, const T* from, int64_t first, int64_t last) const {
  int64_t index[kMaxRank];
  int64_t row = first / units_per_row_, piece = first % units_per_row_;
  int64_t t = to_offset_, f = from_offset_;
  for (size_t d = outer_.size(); d-- > 0;) {
    index[d] = row % outer_[d];
    row /= outer_[d];
    t += index[d] * to_outer_[d];
    f += index[d] * from_outer_[d];
  }
  for (int64_t u = first; u < last; ++u) {
    const int64_t begin = piece * unit_;
    if (inner_ == Inner::tile) {
      transpose_tiles(to + t + begin * to_row_, to_row_, from + f + begin, from_stride_, std::min(unit_, m_ - begin), n_);
    } else {
      copy_run(to + t + begin * to_stride_, to_stride_, from + f + begin * from_stride_, from_stride_, std::min(unit_, n_ - begin));
    }
    if (++piece < units_per_row_) continue;
    piece = 0;
    for (size_t d = outer_.size(); d-- > 0;) {
      t += to_outer_[d];
      f += from_outer_[d];
      if (++index[d] < outer_[d]) break;
      t -= outer_[d] * to_outer_[d];
      f -= outer_[d] * from_outer_[d];
      index[d] = 0;
    }
  }
}

void StridedCopy::run(void* to, const void* from) const {
  const auto task = [&](int64_t i) {
    const int64_t first = i * units_per_task_, last = std::min(units_, first + units_per_task_);
    if (element_bytes_ == 1) {
      run_units(static_cast<uint8_t*>(to), static_cast<const uint8_t*>(from), first, last);
    } else {
      run_units(static_cast<uint32_t*>(to), static_cast<const uint32_t*>(from), first, last);
    }
  };
  if (tasks_ == 1) {
    task(0);
  } else if (tasks_ > 1) {
    ThreadPool::shared().parallel(tasks_, task);
  }
}

}  // namespace flaxen::cpu
