#include "cpu/gemm_split.h"

#include <algorithm>
#include <utility>

#include "cpu/gemm_blocking.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kMostParts = 16, kLeastPart = 128;     // of k, where C is small
constexpr int64_t kSmallC = 16 * 1024;                   // elements
constexpr int64_t kMostLongParts = 8, kLongPart = 1024;  // where it is not, for parts of it are written and read once more
constexpr int64_t kLargestC = 64 * 1024;
constexpr int64_t kSplitProducts = 1'000'000, kTransposedProducts = 50'000;  // what is worth the additions
constexpr int64_t kElementsPerTask = 8192;                                   // of C, when adding up

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

double products(const GemmShape& s) { return static_cast<double>(s.m) * static_cast<double>(s.n) * static_cast<double>(s.k); }

int64_t parts_of(const GemmShape& s) {
  if (s.m * s.n > kLargestC || products(s) < kSplitProducts) return 1;
  if (s.m * s.n > kSmallC) return std::clamp<int64_t>(s.k / kLongPart, 1, kMostLongParts);
  return std::clamp<int64_t>(s.k / kLeastPart, 1, kMostParts);
}

bool better_transposed(const GemmShape& s, Isa isa) {
  const int64_t lanes = gemm_tile_table(isa).lanes, padded = ceil_div(s.n, lanes) * lanes;
  return s.b_col == 1 && padded <= 2 * lanes && 5 * s.n < 4 * padded && s.m >= 2 * lanes && products(s) >= kTransposedProducts;
}

GemmShape part_of(const GemmShape& s, bool transposed, int64_t k) {
  if (!transposed)
    return {.m = s.m, .n = s.n, .k = k, .a_row = s.a_row, .a_col = s.a_col, .b_row = s.b_row, .b_col = s.b_col, .c_row = s.n};
  return {.m = s.n, .n = s.m, .k = k, .a_row = s.b_col, .a_col = s.b_row, .b_row = s.a_col, .b_col = s.a_row, .c_row = s.m};
}

Made turned(Made made) { return made == Made::by_rows ? Made::by_columns : made == Made::by_columns ? Made::by_rows : Made::no; }

// One part may itself be shared out.
GemmOptions part_options(const GemmOptions& o, bool transposed, int64_t parts) {
  return {.threaded = parts == 1, .observed = false, .a = transposed ? turned(o.b) : o.a, .b = transposed ? turned(o.a) : o.b};
}

}  // namespace

bool GemmSplit::pays(const GemmShape& s, Isa isa) { return s.a_row == 1 && s.a_col != 1 && (parts_of(s) > 1 || better_transposed(s, isa)); }

GemmSplit::GemmSplit(const GemmShape& shape, Isa isa, const GemmOptions& options)
    : shape_(shape),
      transposed_(better_transposed(shape, isa)),
      parts_(parts_of(shape)),
      length_(ceil_div(shape.k, parts_)),
      part_(part_of(shape, transposed_, length_), isa, part_options(options, transposed_, parts_)),
      last_(part_of(shape, transposed_, shape.k - length_ * (parts_ - 1)), isa, part_options(options, transposed_, parts_)) {}

size_t GemmSplit::slab_bytes() const { return aligned(static_cast<size_t>(shape_.m * shape_.n) * sizeof(float)); }

size_t GemmSplit::scratch_bytes() const {
  return static_cast<size_t>(parts_) * (slab_bytes() + aligned(std::max(part_.scratch_bytes(), last_.scratch_bytes())));
}

std::string GemmSplit::note() const {
  return part_.note() + (transposed_ ? " transposed" : "") + " x" + std::to_string(parts_) + " parts of k";
}

void GemmSplit::run(const float* a, const float* b, float* c, const Epilogue& epilogue, void* scratch, const Sources& sources) const {
  char* const slabs = static_cast<char*>(scratch);
  char* const own = slabs + static_cast<size_t>(parts_) * slab_bytes();
  const size_t own_bytes = aligned(std::max(part_.scratch_bytes(), last_.scratch_bytes()));
  ThreadPool::shared().parallel(parts_, [&](int64_t part) {
    const Gemm& gemm = part == parts_ - 1 ? last_ : part_;
    const int64_t p = part * length_;
    const float* a_part = a ? a + p * shape_.a_col : nullptr;
    const float* b_part = b ? b + p * shape_.b_row : nullptr;
    Sources made{sources.a.from_row(p), sources.b.from_row(p)};
    if (transposed_) {
      std::swap(a_part, b_part);
      std::swap(made.a, made.b);
    }
    float* slab = reinterpret_cast<float*>(slabs + static_cast<size_t>(part) * slab_bytes());
    gemm.run(a_part, b_part, slab, {}, own + static_cast<size_t>(part) * own_bytes, made);
  });
  add_up(reinterpret_cast<const float*>(slabs), c, epilogue);
}

void GemmSplit::add_up(const float* slabs, float* c, const Epilogue& epilogue) const {
  const auto& [m, n, k, a_row, a_col, b_row, b_col, c_row] = shape_;
  const int64_t slab = static_cast<int64_t>(slab_bytes() / sizeof(float));
  const int64_t rows_per_task = ceil_div(kElementsPerTask, n);
  ThreadPool::shared().parallel(ceil_div(m, rows_per_task), [&](int64_t task) {
    const int64_t begin = task * rows_per_task, end = std::min(shape_.m, begin + rows_per_task);
    if (transposed_) {
      for (int64_t j = 0; j < shape_.n; ++j) {
        for (int64_t i = begin; i < end; ++i) {
          float x = slabs[j * shape_.m + i];
          for (int64_t part = 1; part < parts_; ++part) x += slabs[part * slab + j * shape_.m + i];
          c[i * shape_.c_row + j] = x;
        }
      }
    } else {
      for (int64_t i = begin; i < end; ++i) {
        float* row = c + i * shape_.c_row;
        std::copy_n(slabs + i * shape_.n, shape_.n, row);
        for (int64_t part = 1; part < parts_; ++part) {
          const float* more = slabs + part * slab + i * shape_.n;
          for (int64_t j = 0; j < shape_.n; ++j) row[j] += more[j];
        }
      }
    }
    for (int64_t i = begin; i < end && (epilogue.bias || epilogue.relu); ++i) {
      float* row = c + i * shape_.c_row;
      for (int64_t j = 0; j < shape_.n; ++j) {
        const float x = epilogue.bias ? row[j] + epilogue.bias[j] : row[j];
        row[j] = epilogue.relu && x <= 0 ? 0 : x;
      }
    }
  });
}

}  // namespace flaxen::cpu
