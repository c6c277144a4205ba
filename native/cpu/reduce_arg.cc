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
  for (int64_t i = piece;; ++i) {
    if (x[i] == best || (best != best && x[i] != x[i])) return static_cast<int32_t>(i);
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

// Calls f(outer index, first column, columns) for all of [outer, n, inner], in parallel.
template <typename F>
void for_columns(const AxisView& view, const F& f) {
  if (view.outer == 0 || view.inner == 0 || view.n == 0) return;
  const int64_t cols = std::min(view.inner, kColumns), pieces = (view.inner + cols - 1) / cols, units = view.outer * pieces;
  const int64_t per_task = std::max<int64_t>(1, kTaskElements / (view.n * cols));
  const auto task = [&](int64_t t) {
    for (int64_t u = t * per_task; u < std::min(units, (t + 1) * per_task); ++u) {
      const int64_t col = u % pieces * cols;
      f(u / pieces, col, std::min(cols, view.inner - col));
    }
  };
  const int64_t tasks = (units + per_task - 1) / per_task;
  if (tasks == 1) {
    task(0);
  } else {
    ThreadPool::shared().parallel(tasks, task);
  }
}

template <typename T, template <typename> typename Order>
auto arg_launch(AxisView view, ReduceKernels kernels) {
  return [view, kernels](const Buffers& buffers) {
    const T* x = buffers.input<T>(0);
    int32_t* out = buffers.output<int32_t>(0);
    for_columns(view, [&](int64_t o, int64_t col, int64_t cols) {
      if (view.inner == 1) {
        out[o] = arg_line<T, Order<T>>(x + o * view.n, view.n, kernels);
        return;
      }
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

double cost_of(const AxisView& view) { return 15 + 0.8 * static_cast<double>(view.outer * view.n * view.inner); }

}  // namespace

bool prepare_arg(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "argmax" && node.op != "argmin") return false;
  const Aval& in = graph.aval(node.inputs[0]);
  const AxisView view = view_axis(in.shape, static_cast<int64_t>(node.number("axis")));
  prepared.launch =
      node.op == "argmax" ? arg_launch<Greater>(in.dtype, view, Reduction::max) : arg_launch<Less>(in.dtype, view, Reduction::min);
  prepared.cost_ns = cost_of(view);
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
  prepared.cost_ns = cost_of(view);
  prepared.in_place = {{0, 0}};
  return true;
}

}  // namespace flaxen::cpu
