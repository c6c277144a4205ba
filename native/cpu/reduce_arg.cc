#include "cpu/reduce_arg.h"

#include <algorithm>

#include "cpu/reduce_kernels.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

AxisView view_axis(const Shape& shape, int64_t axis) {
  AxisView view{1, shape[static_cast<size_t>(axis)], 1};
  for (int64_t d = 0; d < static_cast<int64_t>(shape.size()); ++d) {
    if (d < axis) view.outer *= shape[static_cast<size_t>(d)];
    if (d > axis) view.inner *= shape[static_cast<size_t>(d)];
  }
  return view;
}

namespace {

constexpr int64_t kTaskElements = 32768;
constexpr int64_t kColumns = 256;  // taken along together, where the axis is not the last
constexpr int64_t kLine = 1024;    // searched at a time, where it is

// Whether x comes before the best so far. A NaN beats all but an earlier NaN.
template <typename T>
struct Greater {
  static bool beats(T x, T best) {
    if constexpr (std::is_same_v<T, float>) return x > best || (x != x && best == best);
    return x > best;
  }
};
template <typename T>
struct Less {
  static bool beats(T x, T best) {
    if constexpr (std::is_same_v<T, float>) return x < best || (x != x && best == best);
    return x < best;
  }
};

template <typename T, typename Order>
void arg_columns(int32_t* out, const T* x, int64_t n, int64_t inner, int64_t cols) {
  T best[kColumns];
  for (int64_t j = 0; j < cols; ++j) {
    best[j] = x[j];
    out[j] = 0;
  }
  for (int64_t i = 1; i < n; ++i) {
    const T* row = x + i * inner;
    for (int64_t j = 0; j < cols; ++j) {
      const bool better = Order::beats(row[j], best[j]);
      best[j] = better ? row[j] : best[j];
      out[j] = better ? static_cast<int32_t>(i) : out[j];
    }
  }
}

// The index of the first element equal to `value`, which is there; a NaN equals a NaN.
template <typename T>
int32_t first_of(T value, const T* x) {
  int32_t i = 0;
  if (value == value) {
    while (x[i] != value) ++i;
  } else {
    while (x[i] == x[i]) ++i;
  }
  return i;
}

// Where the axis is the last: the extreme of one piece after another, and then where it first is.
template <typename T, typename Order>
int32_t arg_line(const T* x, int64_t n, const ReduceKernels& kernels) {
  T best{};
  int64_t piece = 0;
  for (int64_t i = 0; i < n; i += kLine) {
    T extreme;
    kernels.rows(&extreme, x + i, 1, 0, std::min(kLine, n - i));
    if (i > 0 && !Order::beats(extreme, best)) continue;
    best = extreme;
    piece = i;
  }
  return static_cast<int32_t>(piece) + first_of(best, x + piece);
}

// The same for many lines, whose extremes are found together.
template <typename T, typename Order>
void arg_lines(int32_t* out, const T* x, int64_t lines, int64_t n, const ReduceKernels& kernels) {
  if (n > kLine) {
    for (int64_t o = 0; o < lines; ++o) out[o] = arg_line<T, Order>(x + o * n, n, kernels);
    return;
  }
  constexpr int64_t kTogether = 64;
  T extremes[kTogether];
  for (int64_t first = 0; first < lines; first += kTogether) {
    const int64_t together = std::min(kTogether, lines - first);
    kernels.rows(extremes, x + first * n, together, n, n);
    for (int64_t o = 0; o < together; ++o) out[first + o] = first_of(extremes[o], x + (first + o) * n);
  }
}

template <typename T>
void sum_line(T* out, const T* x, int64_t n, bool reverse) {
  T total{};
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = reverse ? n - 1 - i : i;
    total = i == 0 ? x[at] : total + x[at];
    out[at] = total;
  }
}

template <typename T>
void sum_columns(T* out, const T* x, int64_t n, int64_t inner, int64_t cols, bool reverse) {
  const int64_t start = reverse ? n - 1 : 0, step = reverse ? -inner : inner;
  x += start * inner;
  out += start * inner;
  for (int64_t j = 0; j < cols; ++j) out[j] = x[j];
  for (int64_t i = 1; i < n; ++i) {
    x += step;
    out += step;
    for (int64_t j = 0; j < cols; ++j) out[j] = out[j - step] + x[j];
  }
}

// Calls f(first, last) for ranges that cover 0 .. units, in parallel; each unit is `elements` long.
template <typename F>
void for_ranges(int64_t units, int64_t elements, const F& f) {
  const int64_t per_task = std::max<int64_t>(1, kTaskElements / std::max<int64_t>(1, elements));
  const int64_t tasks = (units + per_task - 1) / per_task;
  const auto task = [&](int64_t t) { f(t * per_task, std::min(units, (t + 1) * per_task)); };
  if (tasks == 1) {
    task(0);
  } else if (tasks > 1) {
    ThreadPool::shared().parallel(tasks, task);
  }
}

// Calls f(outer index, first column, columns) for all of [outer, n, inner], in parallel.
template <typename F>
void for_columns(const AxisView& view, const F& f) {
  if (view.inner == 0 || view.n == 0) return;
  const int64_t cols = std::min(view.inner, kColumns), pieces = (view.inner + cols - 1) / cols;
  for_ranges(view.outer * pieces, view.n * cols, [&](int64_t first, int64_t last) {
    for (int64_t u = first; u < last; ++u) {
      const int64_t col = u % pieces * cols;
      f(u / pieces, col, std::min(cols, view.inner - col));
    }
  });
}

template <typename T, template <typename> typename Order>
auto arg_launch(AxisView view, ReduceKernels kernels) {
  return [view, kernels](const Buffers& buffers) {
    const T* x = buffers.input<T>(0);
    int32_t* out = buffers.output<int32_t>(0);
    if (view.inner == 1) {
      for_ranges(view.outer, view.n, [&](int64_t first, int64_t last) {
        arg_lines<T, Order<T>>(out + first, x + first * view.n, last - first, view.n, kernels);
      });
      return;
    }
    for_columns(view, [&](int64_t o, int64_t col, int64_t cols) {
      arg_columns<T, Order<T>>(out + o * view.inner + col, x + o * view.n * view.inner + col, view.n, view.inner, cols);
    });
  };
}

template <template <typename> typename Order>
std::function<void(const Buffers&)> arg_launch(DType dtype, AxisView view, Reduction extreme) {
  const ReduceKernels kernels = reduce_table(chosen_isa()).find(extreme, dtype);
  switch (dtype) {
    case DType::f32:
      return arg_launch<float, Order>(view, kernels);
    case DType::i32:
      return arg_launch<int32_t, Order>(view, kernels);
    case DType::u32:
      return arg_launch<uint32_t, Order>(view, kernels);
    case DType::boolean:
      return arg_launch<uint8_t, Order>(view, kernels);
  }
  return {};
}

template <typename T>
auto cumsum_launch(AxisView view, bool reverse) {
  return [view, reverse](const Buffers& buffers) {
    const T* x = buffers.input<T>(0);
    T* out = buffers.output<T>(0);
    for_columns(view, [&](int64_t o, int64_t col, int64_t cols) {
      const int64_t at = o * view.n * view.inner + col;
      if (view.inner == 1) return sum_line<T>(out + at, x + at, view.n, reverse);
      sum_columns<T>(out + at, x + at, view.n, view.inner, cols, reverse);
    });
  };
}

double cost_of(const AxisView& view, double element_ns) { return 15 + element_ns * static_cast<double>(view.outer * view.n * view.inner); }

}  // namespace

bool prepare_arg(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "argmax" && node.op != "argmin") return false;
  const Aval& in = graph.aval(node.inputs[0]);
  const AxisView view = view_axis(in.shape, static_cast<int64_t>(node.number("axis")));
  prepared.launch =
      node.op == "argmax" ? arg_launch<Greater>(in.dtype, view, Reduction::max) : arg_launch<Less>(in.dtype, view, Reduction::min);
  prepared.cost_ns = cost_of(view, 0.25);
  return true;
}

bool prepare_cumsum(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "cumsum") return false;
  const Aval& in = graph.aval(node.inputs[0]);
  const AxisView view = view_axis(in.shape, static_cast<int64_t>(node.number("axis")));
  const bool reverse = node.flag("reverse");
  if (in.dtype == DType::f32) {
    prepared.launch = cumsum_launch<float>(view, reverse);
  } else {
    prepared.launch = cumsum_launch<uint32_t>(view, reverse);
  }
  prepared.cost_ns = cost_of(view, 0.5);
  prepared.in_place = {{0, 0}};
  return true;
}

}  // namespace flaxen::cpu
