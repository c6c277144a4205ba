// Stable sort of several operands along one axis by the first of them.
#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "cpu/kernel.h"
#include "cpu/reduce_arg.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kMostTasks = 16;  // each holds a line of entries in scratch memory
constexpr int64_t kRadixFrom = 512;

// An unsigned key in the element's order: NaN last, -0 and +0 equal.
uint32_t key_of(DType dtype, const void* data, int64_t i) {
  switch (dtype) {
    case DType::boolean:
      return static_cast<const uint8_t*>(data)[i];
    case DType::u32:
      return static_cast<const uint32_t*>(data)[i];
    case DType::i32:
      return static_cast<const uint32_t*>(data)[i] ^ 0x80000000u;
    case DType::f32: {
      const float x = static_cast<const float*>(data)[i];
      if (x != x) return 0xffffffffu;
      if (x == 0) return 0x80000000u;
      const uint32_t bits = static_cast<const uint32_t*>(data)[i];
      return bits >> 31 ? ~bits : bits | 0x80000000u;
    }
  }
  return 0;
}

// Sorts by the upper 32 bits, stably, from the lowest byte to the highest. Returns where the result is: `a` or `b`.
uint64_t* radix_sort(uint64_t* a, uint64_t* b, int64_t n) {
  uint32_t counts[4][256] = {};
  for (int64_t i = 0; i < n; ++i) {
    for (int byte = 0; byte < 4; ++byte) ++counts[byte][a[i] >> (32 + 8 * byte) & 255];
  }
  for (int byte = 0; byte < 4; ++byte) {
    const int shift = 32 + 8 * byte;
    if (counts[byte][a[0] >> shift & 255] == n) continue;  // all alike
    uint32_t place = 0;
    for (uint32_t& count : counts[byte]) {
      const uint32_t next = place + count;
      count = place;
      place = next;
    }
    for (int64_t i = 0; i < n; ++i) b[counts[byte][a[i] >> shift & 255]++] = a[i];
    std::swap(a, b);
  }
  return a;
}

class Sorter {
 public:
  Sorter(std::vector<DType> dtypes, size_t keys, AxisView view) : dtypes_(std::move(dtypes)), keys_(keys), view_(view) {
    lines_ = view.outer * view.inner;
    tasks_ = view.n == 0 ? 0 : std::min(kMostTasks, lines_);
    radix_ = keys == 1 && view.n >= kRadixFrom;
    entries_ = radix_ ? 2 * view.n : view.n;
  }

  size_t scratch_bytes() const { return static_cast<size_t>(tasks_ * entries_) * sizeof(uint64_t); }

  double cost_ns() const {
    double levels = 1;
    for (int64_t n = view_.n; n > 1; n /= 2) ++levels;
    return 20 + static_cast<double>(lines_ * view_.n) * (radix_ ? 10 : 3 * levels);
  }

  void run(const Buffers& buffers) const {
    const auto task = [&](int64_t t) {
      uint64_t* entries = static_cast<uint64_t*>(buffers.scratch) + t * entries_;
      for (int64_t line = lines_ * t / tasks_; line < lines_ * (t + 1) / tasks_; ++line) sort_line(buffers, entries, line);
    };
    if (tasks_ == 1) {
      task(0);
    } else if (tasks_ > 1) {
      ThreadPool::shared().parallel(tasks_, task);
    }
  }

 private:
  // An entry is the first key above the position, so entries differ and any sort of them is stable.
  void sort_line(const Buffers& buffers, uint64_t* order, int64_t line) const {
    const int64_t start = line / view_.inner * view_.n * view_.inner + line % view_.inner;
    for (int64_t i = 0; i < view_.n; ++i) {
      order[i] = uint64_t{key_of(dtypes_[0], buffers.in[0], start + i * view_.inner)} << 32 | static_cast<uint64_t>(i);
    }
    if (radix_) {
      order = radix_sort(order, order + view_.n, view_.n);
    } else if (keys_ == 1) {
      std::sort(order, order + view_.n);
    } else {
      std::sort(order, order + view_.n, [&](uint64_t a, uint64_t b) { return before(buffers, start, a, b); });
    }
    for (size_t operand = 0; operand < dtypes_.size(); ++operand) {
      if (dtypes_[operand] == DType::boolean) {
        permute<uint8_t>(buffers, order, operand, start);
      } else {
        permute<uint32_t>(buffers, order, operand, start);
      }
    }
  }

  bool before(const Buffers& buffers, int64_t start, uint64_t a, uint64_t b) const {
    if (a >> 32 != b >> 32) return a < b;
    for (size_t k = 1; k < keys_; ++k) {
      const uint32_t x = key_of(dtypes_[k], buffers.in[k], start + static_cast<int64_t>(a & 0xffffffffu) * view_.inner);
      const uint32_t y = key_of(dtypes_[k], buffers.in[k], start + static_cast<int64_t>(b & 0xffffffffu) * view_.inner);
      if (x != y) return x < y;
    }
    return a < b;
  }

  template <typename T>
  void permute(const Buffers& buffers, const uint64_t* order, size_t operand, int64_t start) const {
    const T* from = static_cast<const T*>(buffers.in[operand]) + start;
    T* to = static_cast<T*>(buffers.out[operand]) + start;
    for (int64_t i = 0; i < view_.n; ++i) to[i * view_.inner] = from[static_cast<int64_t>(order[i] & 0xffffffffu) * view_.inner];
  }

  std::vector<DType> dtypes_;
  size_t keys_;
  AxisView view_;
  int64_t lines_, tasks_, entries_;
  bool radix_;
};

}  // namespace

bool prepare_sort(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "sort") return false;
  const AxisView view = view_axis(graph.aval(node.inputs[0]).shape, static_cast<int64_t>(node.number("axis")));
  if (view.n > int64_t{0xffffffff}) throw GraphError("sort: the axis has more than 2^32 - 1 elements");
  std::vector<DType> dtypes;
  for (ValueId input : node.inputs) dtypes.push_back(graph.aval(input).dtype);
  const auto sorter = std::make_shared<const Sorter>(dtypes, static_cast<size_t>(node.number("numKeys")), view);
  prepared.launch = [sorter](const Buffers& buffers) { sorter->run(buffers); };
  prepared.scratch_bytes = sorter->scratch_bytes();
  prepared.cost_ns = sorter->cost_ns();
  return true;
}

}  // namespace flaxen::cpu
