#include "cpu/gemm_split.h"

#include <algorithm>

#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kMostParts = 16;
constexpr int64_t kLeastPart = 128;       // of k
constexpr int64_t kLargestC = 16 * 1024;  // elements

size_t aligned(size_t bytes) { return (bytes + 63) / 64 * 64; }

GemmShape with(GemmShape shape, int64_t k) {
  shape.k = k;
  shape.c_row = shape.n;
  return shape;
}

}  // namespace

int64_t GemmSplit::parts_for(const GemmShape& s) {
  if (s.a_row != 1 || s.a_col == 1 || s.m * s.n > kLargestC || s.m * s.n * s.k < 1'000'000) return 1;
  return std::clamp<int64_t>(s.k / kLeastPart, 1, kMostParts);
}

GemmSplit::GemmSplit(const GemmShape& shape, Isa isa, int64_t parts)
    : shape_(shape),
      parts_(parts),
      length_((shape.k + parts - 1) / parts),
      part_(with(shape, length_), isa, {.threaded = false}),
      last_(with(shape, shape.k - length_ * (parts - 1)), isa, {.threaded = false}) {}

size_t GemmSplit::slab_bytes() const { return aligned(static_cast<size_t>(shape_.m * shape_.n) * sizeof(float)); }

size_t GemmSplit::scratch_bytes() const {
  return static_cast<size_t>(parts_) * (slab_bytes() + aligned(std::max(part_.scratch_bytes(), last_.scratch_bytes())));
}

std::string GemmSplit::note() const { return part_.note() + " x" + std::to_string(parts_) + " parts of k"; }

void GemmSplit::run(const float* a, const float* b, float* c, const Epilogue& epilogue, void* scratch) const {
  char* const slabs = static_cast<char*>(scratch);
  char* const own = slabs + static_cast<size_t>(parts_) * slab_bytes();
  const size_t own_bytes = aligned(std::max(part_.scratch_bytes(), last_.scratch_bytes()));
  const auto slab = [&](int64_t part) { return reinterpret_cast<float*>(slabs + static_cast<size_t>(part) * slab_bytes()); };
  ThreadPool::shared().parallel(parts_, [&](int64_t part) {
    const Gemm& gemm = part == parts_ - 1 ? last_ : part_;
    const int64_t p = part * length_;
    gemm.run(a + p * shape_.a_col, b + p * shape_.b_row, slab(part), {}, own + static_cast<size_t>(part) * own_bytes);
  });
  const int64_t n = shape_.n;
  for (int64_t i = 0; i < shape_.m; ++i) {
    float* sum = slab(0) + i * n;
    for (int64_t part = 1; part < parts_; ++part) {
      const float* more = slab(part) + i * n;
      for (int64_t j = 0; j < n; ++j) sum[j] += more[j];
    }
    float* row = c + i * shape_.c_row;
    for (int64_t j = 0; j < n; ++j) {
      const float x = epilogue.bias ? sum[j] + epilogue.bias[j] : sum[j];
      row[j] = epilogue.relu && x < 0 ? 0 : x;
    }
  }
}

}  // namespace flaxen::cpu
