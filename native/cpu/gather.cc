// take, scatterAdd, takeAlong, scatterAddAlong. Data is viewed as [outer, axis, inner].
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "cpu/kernel.h"
#include "cpu/reduce_arg.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kTaskBytes = 65536;
constexpr int64_t kTaskUpdates = 32768;

// Indices of either integer dtype.
class Indices {
 public:
  Indices(const void* p, DType dtype, int64_t size) : p_(p), size_(size), is_signed_(dtype == DType::i32) {}
  int64_t at(int64_t i) const {
    return is_signed_ ? int64_t{static_cast<const int32_t*>(p_)[i]} : int64_t{static_cast<const uint32_t*>(p_)[i]};
  }
  bool inside(int64_t index) const { return static_cast<uint64_t>(index) < static_cast<uint64_t>(size_); }
  int64_t clamped(int64_t index) const { return std::clamp<int64_t>(index, 0, size_ - 1); }

 private:
  const void* p_;
  int64_t size_;
  bool is_signed_;
};

uint32_t fill_bits(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return 0x7fc00000u;
    case DType::i32:
      return 0x80000000u;
    case DType::u32:
      return 0xffffffffu;
    case DType::boolean:
      return 1;
  }
  return 0;
}

template <typename T>
void fill(T* out, uint32_t bits, int64_t n) {
  std::fill_n(out, n, static_cast<T>(bits));
}

struct Shapes {
  AxisView x;
  int64_t indices;  // of take: how many; of takeAlong: the size along the axis
  DType dtype, index_dtype;
  bool clip = false;
};

Shapes shapes_of(const Graph& graph, const Node& node) {
  const Aval& x = graph.aval(node.inputs[0]);
  const Aval& indices = graph.aval(node.inputs[1]);
  const auto axis = static_cast<int64_t>(node.number("axis"));
  Shapes s{view_axis(x.shape, axis), indices.count(), x.dtype, indices.dtype};
  const bool along = node.op == "takeAlong" || node.op == "scatterAddAlong";
  if (along) s.indices = indices.shape[static_cast<size_t>(axis)];
  // With no class at all every index is outside.
  if (node.op == "take" || node.op == "takeAlong") s.clip = node.text("mode") == "clip" && s.x.n > 0;
  return s;
}

void for_chunks(int64_t units, int64_t per_task, Body body) {
  if (units <= 0) return;
  const int64_t tasks = (units + per_task - 1) / per_task;
  if (tasks == 1) {
    body(0);
  } else {
    ThreadPool::shared().parallel(tasks, body);
  }
}

template <typename T>
void take(const Shapes& s, const Buffers& buffers) {
  const T* x = buffers.input<T>(0);
  T* out = buffers.output<T>(0);
  const Indices indices(buffers.in[1], s.index_dtype, s.x.n);
  const int64_t inner = s.x.inner, units = s.x.outer * s.indices;
  const int64_t per_task = std::max<int64_t>(1, kTaskBytes / std::max<int64_t>(4, inner * static_cast<int64_t>(sizeof(T))));
  for_chunks(inner ? units : 0, per_task, [&](int64_t task) {
    int64_t o = task * per_task / s.indices, i = task * per_task % s.indices;
    for (int64_t u = task * per_task; u < std::min(units, (task + 1) * per_task); ++u) {
      int64_t index = indices.at(i);
      if (s.clip) index = indices.clamped(index);
      if (!indices.inside(index)) {
        fill(out + u * inner, fill_bits(s.dtype), inner);
      } else if (inner == 1) {
        out[u] = x[o * s.x.n + index];
      } else {
        std::memcpy(out + u * inner, x + (o * s.x.n + index) * inner, static_cast<size_t>(inner) * sizeof(T));
      }
      if (++i == s.indices) i = 0, ++o;
    }
  });
}

template <typename T>
void take_along(const Shapes& s, const Buffers& buffers) {
  const T* x = buffers.input<T>(0);
  T* out = buffers.output<T>(0);
  const Indices indices(buffers.in[1], s.index_dtype, s.x.n);
  const int64_t inner = s.x.inner, units = s.x.outer * s.indices;
  const int64_t per_task = std::max<int64_t>(1, kTaskUpdates / std::max<int64_t>(1, inner));
  for_chunks(inner ? units : 0, per_task, [&](int64_t task) {
    for (int64_t u = task * per_task; u < std::min(units, (task + 1) * per_task); ++u) {
      const T* from = x + u / s.indices * s.x.n * inner;
      for (int64_t j = 0; j < inner; ++j) {
        int64_t index = indices.at(u * inner + j);
        if (s.clip) index = indices.clamped(index);
        out[u * inner + j] = indices.inside(index) ? from[index * inner + j] : static_cast<T>(fill_bits(s.dtype));
      }
    }
  });
}

// Each task owns some columns of one outer index, and adds to them in index order.
template <typename F>
void for_columns(const AxisView& x, int64_t updates, const F& f) {
  if (x.outer == 0 || x.inner == 0) return;
  const int64_t cols = std::clamp<int64_t>(kTaskUpdates / std::max<int64_t>(1, updates), 16, std::max<int64_t>(16, x.inner));
  const int64_t pieces = (x.inner + cols - 1) / cols, units = x.outer * pieces;
  const int64_t per_task = std::max<int64_t>(1, kTaskUpdates / std::max<int64_t>(1, updates * std::min(cols, x.inner)));
  for_chunks(units, per_task, [&](int64_t task) {
    for (int64_t u = task * per_task; u < std::min(units, (task + 1) * per_task); ++u) {
      const int64_t col = u % pieces * cols;
      f(u / pieces, col, std::min(cols, x.inner - col));
    }
  });
}

template <typename T>
T sum(T a, T b) {
  return a + b;
}
uint8_t sum(uint8_t a, uint8_t b) { return a | b; }

void copy_operand(const Shapes& s, const Buffers& buffers) {
  const size_t bytes = static_cast<size_t>(s.x.outer * s.x.n * s.x.inner) * size_of(s.dtype);
  if (bytes && buffers.out[0] != buffers.in[0]) std::memcpy(buffers.out[0], buffers.in[0], bytes);
}

template <typename T>
void scatter_add(const Shapes& s, const Buffers& buffers) {
  copy_operand(s, buffers);
  T* out = buffers.output<T>(0);
  const T* updates = buffers.input<T>(2);
  const Indices indices(buffers.in[1], s.index_dtype, s.x.n);
  const int64_t inner = s.x.inner;
  for_columns(s.x, s.indices, [&](int64_t o, int64_t col, int64_t cols) {
    for (int64_t i = 0; i < s.indices; ++i) {
      const int64_t index = indices.at(i);
      if (!indices.inside(index)) continue;
      T* to = out + (o * s.x.n + index) * inner + col;
      const T* from = updates + (o * s.indices + i) * inner + col;
      for (int64_t j = 0; j < cols; ++j) to[j] = sum(to[j], from[j]);
    }
  });
}

template <typename T>
void scatter_add_along(const Shapes& s, const Buffers& buffers) {
  copy_operand(s, buffers);
  T* out = buffers.output<T>(0);
  const T* updates = buffers.input<T>(2);
  const Indices indices(buffers.in[1], s.index_dtype, s.x.n);
  const int64_t inner = s.x.inner;
  for_columns(s.x, s.indices, [&](int64_t o, int64_t col, int64_t cols) {
    for (int64_t i = 0; i < s.indices; ++i) {
      const int64_t at = (o * s.indices + i) * inner + col;
      for (int64_t j = 0; j < cols; ++j) {
        const int64_t index = indices.at(at + j);
        if (!indices.inside(index)) continue;
        T& to = out[(o * s.x.n + index) * inner + col + j];
        to = sum(to, updates[at + j]);
      }
    }
  });
}

using Kernel = void (*)(const Shapes&, const Buffers&);

Kernel kernel_of(const std::string& op, DType dtype) {
  const bool boolean = dtype == DType::boolean, real = dtype == DType::f32;
  if (op == "take") return boolean ? take<uint8_t> : take<uint32_t>;
  if (op == "takeAlong") return boolean ? take_along<uint8_t> : take_along<uint32_t>;
  if (op == "scatterAdd") return boolean ? scatter_add<uint8_t> : real ? scatter_add<float> : scatter_add<uint32_t>;
  if (op == "scatterAddAlong") return boolean ? scatter_add_along<uint8_t> : real ? scatter_add_along<float> : scatter_add_along<uint32_t>;
  return nullptr;
}

}  // namespace

bool prepare_gather(const Graph& graph, const Node& node, Prepared& prepared) {
  const Kernel kernel = node.inputs.size() < 2 ? nullptr : kernel_of(node.op, graph.aval(node.inputs[0]).dtype);
  if (!kernel) return false;
  const Shapes shapes = shapes_of(graph, node);
  prepared.launch = [kernel, shapes](const Buffers& buffers) { kernel(shapes, buffers); };
  const bool scatter = node.inputs.size() == 3;
  prepared.cost_ns = 20 + 0.5 * static_cast<double>(graph.aval(node.outputs[0]).count());
  if (scatter) {
    prepared.cost_ns += 1.0 * static_cast<double>(graph.aval(node.inputs[2]).count());
    prepared.in_place = {{0, 0}};
  }
  return true;
}

}  // namespace flaxen::cpu
