// Convolutions and pools over one to three spatial dimensions, and their gradients, against loops in float64. The references scatter where
// the kernels gather.
#include <functional>

#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

using Three = std::array<int64_t, 3>;
using Doubles = std::vector<double>;

int64_t product(const int64_t (&n)[3]) { return n[0] * n[1] * n[2]; }

// One pair of a window and a position in it: row-major numbers of the window, the position, and the element of the window (tap).
struct Touch {
  int64_t window, place, tap;
};

struct Geometry {
  FlaxenCudaWindows w{};

  Geometry(Three size, Three window, Three stride, Three low, Three high, Three dilation) {
    for (size_t d = 0; d < 3; ++d) {
      w.size[d] = size[d];
      w.window[d] = window[d];
      w.stride[d] = stride[d];
      w.low[d] = low[d];
      w.dilation[d] = dilation[d];
      const int64_t left = size[d] + low[d] + high[d] - ((window[d] - 1) * dilation[d] + 1);
      w.windows[d] = left < 0 ? 0 : left / stride[d] + 1;
    }
  }
  std::string text() const {
    std::string s;
    for (size_t d = 0; d < 3; ++d) s += (d ? " by " : "") + std::to_string(w.size[d]) + "/" + std::to_string(w.window[d]);
    return s;
  }
  // In order of the windows, then of their elements.
  std::vector<Touch> touches() const {
    std::vector<Touch> all;
    for (int64_t window = 0; window < product(w.windows); ++window) {
      const Three at{window / (w.windows[1] * w.windows[2]), window / w.windows[2] % w.windows[1], window % w.windows[2]};
      for (int64_t tap = 0; tap < product(w.window); ++tap) {
        const Three i{tap / (w.window[1] * w.window[2]), tap / w.window[2] % w.window[1], tap % w.window[2]};
        int64_t place = 0;
        bool inside = true;
        for (size_t d = 0; d < 3; ++d) {
          const int64_t p = at[d] * w.stride[d] - w.low[d] + i[d] * w.dilation[d];
          inside = inside && p >= 0 && p < w.size[d];
          place = place * w.size[d] + p;
        }
        if (inside) all.push_back({window, place, tap});
      }
    }
    return all;
  }
};

double at(const std::vector<float>& v, int64_t i) { return static_cast<double>(v[static_cast<size_t>(i)]); }

void convolutions(const Geometry& geometry, int64_t n, int64_t c, int64_t out, int64_t groups, Effort effort = Effort::usual) {
  const FlaxenCudaConv conv{geometry.w, n, c, out, groups};
  const std::string what = "conv " + geometry.text() + ", " + std::to_string(n) + " of " + std::to_string(c) + " to " +
                           std::to_string(out) + " in " + std::to_string(groups);
  const int64_t places = product(geometry.w.size), windows = product(geometry.w.windows), group_c = c / groups, group_out = out / groups;
  const std::vector<float> x = random_values(n * places * c, 1), dy = random_values(n * windows * out, 2),
                           kernel = random_values(product(geometry.w.window) * group_c * out, 3);
  Doubles y(dy.size()), dx(x.size()), dkernel(kernel.size());
  for (const Touch& t : geometry.touches()) {
    for (int64_t q = 0; q < n; ++q) {
      for (int64_t o = 0; o < out; ++o) {
        for (int64_t i = 0; i < group_c; ++i) {
          const int64_t xs = (q * places + t.place) * c + o / group_out * group_c + i, ys = (q * windows + t.window) * out + o,
                        ks = (t.tap * group_c + i) * out + o;
          y[static_cast<size_t>(ys)] += at(x, xs) * at(kernel, ks);
          dx[static_cast<size_t>(xs)] += at(dy, ys) * at(kernel, ks);
          dkernel[static_cast<size_t>(ks)] += at(x, xs) * at(dy, ys);
        }
      }
    }
  }
  on_schedules(
      [&] {
        const DeviceArray<float> xs(x), ks(kernel), dys(dy), got_y(n * windows * out), got_dx(n * places * c),
            got_dk(static_cast<int64_t>(kernel.size()));
        const DeviceArray<uint8_t> scratch(static_cast<int64_t>(flaxen_cuda_conv_kernel_grad_scratch(&conv)));
        check_call(flaxen_cuda_conv(&device(), &conv, xs.data(), ks.data(), got_y.data()), what);
        check_close(got_y.read(), y, 1e-5, what);
        check_call(flaxen_cuda_conv_input_grad(&device(), &conv, dys.data(), ks.data(), got_dx.data()), what);
        check_close(got_dx.read(), dx, 1e-5, what + ", input gradient");
        check_call(flaxen_cuda_conv_kernel_grad(&device(), &conv, xs.data(), dys.data(), got_dk.data(), scratch.data()), what);
        check_close(got_dk.read(), dkernel, 1e-5, what + ", kernel gradient");
      },
      what, effort);
}

// Sums of few numbers, and maxima: nearly exact. Equal values and NaNs are among them.
void pools(const Geometry& geometry, int64_t n, int64_t c, bool nans, Effort effort = Effort::usual) {
  const FlaxenCudaPool pool{geometry.w, n, c};
  const std::string what = "pool " + geometry.text() + ", " + std::to_string(n) + " of " + std::to_string(c) + (nans ? " with NaN" : "");
  const int64_t places = product(geometry.w.size), windows = product(geometry.w.windows);
  std::vector<float> x = random_values(n * places * c, 1);
  for (float& v : x) v = std::round(v * 4);
  for (size_t i = 0; nans && i < x.size(); i += 7) x[i] = NAN;
  const std::vector<float> dy = random_values(n * windows * c, 2), t = random_values(n * places * c, 3);
  const auto ys = static_cast<size_t>(n * windows * c);
  Doubles sum(ys), greatest(ys, -INFINITY), gathered(ys), dx_of_sum(x.size()), dx(x.size());
  std::vector<int64_t> best(ys, -1);
  for (const Touch& touch : geometry.touches()) {
    for (int64_t q = 0; q < n; ++q) {
      for (int64_t i = 0; i < c; ++i) {
        const int64_t from = (q * places + touch.place) * c + i;
        const auto to = static_cast<size_t>((q * windows + touch.window) * c + i);
        sum[to] += at(x, from);
        dx_of_sum[static_cast<size_t>(from)] += at(dy, static_cast<int64_t>(to));
        const double v = at(x, from);
        if (best[to] >= 0 && (std::isnan(greatest[to]) || !(v > greatest[to] || std::isnan(v)))) continue;
        best[to] = from;
        greatest[to] = v;
      }
    }
  }
  for (size_t to = 0; to < ys; ++to) {
    if (best[to] < 0) continue;
    gathered[to] = at(t, best[to]);
    dx[static_cast<size_t>(best[to])] += at(dy, static_cast<int64_t>(to));
  }
  on_schedules(
      [&] {
        const DeviceArray<float> xs(x), dys(dy), ts(t), got_y(n * windows * c), got_x(n * places * c);
        check_call(flaxen_cuda_max_pool(&device(), &pool, xs.data(), got_y.data()), what);
        check_close(got_y.read(), greatest, 0, what + ", maximum");
        check_call(flaxen_cuda_max_pool_gather(&device(), &pool, xs.data(), ts.data(), got_y.data()), what);
        check_close(got_y.read(), gathered, 0, what + ", gathered");
        check_call(flaxen_cuda_max_pool_grad(&device(), &pool, xs.data(), dys.data(), got_x.data()), what);
        check_close(got_x.read(), dx, 1e-6, what + ", gradient of the maximum");
        check_call(flaxen_cuda_sum_pool(&device(), &pool, xs.data(), got_y.data()), what);
        check_close(got_y.read(), sum, 1e-6, what + ", sum");
        check_call(flaxen_cuda_sum_pool_grad(&device(), &pool, dys.data(), got_x.data()), what);
        check_close(got_x.read(), dx_of_sum, 1e-6, what + ", gradient of the sum");
      },
      what, effort);
}

void refusals() {
  const Geometry g({4, 4, 1}, {3, 3, 1}, {1, 1, 1}, {0, 0, 0}, {0, 0, 0}, {1, 1, 1});
  const auto conv = [&](const FlaxenCudaConv& c) { return flaxen_cuda_conv(&device(), &c, nullptr, nullptr, nullptr); };
  FlaxenCudaConv c{g.w, 1, 4, 6, 3};
  check(conv(c) == FLAXEN_CUDA_BAD_ARGUMENT, "groups that do not divide the features");
  c.groups = 2;
  c.windows.stride[1] = 0;
  check(conv(c) == FLAXEN_CUDA_BAD_ARGUMENT, "a stride of 0");
  c.windows = g.w;
  c.n = int64_t{1} << 40;
  check(conv(c) == FLAXEN_CUDA_TOO_LARGE, "2^40 examples");
  c.n = 1;
  c.windows.window[0] = int64_t{1} << 33;
  check(conv(c) == FLAXEN_CUDA_TOO_LARGE, "a window of 2^33");
  FlaxenCudaPool p{g.w, 1, -1};
  check(flaxen_cuda_max_pool(&device(), &p, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT, "negative channels");
  p.c = 0;
  check_call(flaxen_cuda_sum_pool_grad(&device(), &p, nullptr, nullptr), "no channels");
}

const Family family("conv", [] {
  const Three none{0, 0, 0}, one{1, 1, 1};
  // size, window, stride, low, high, dilation
  const Geometry line({1, 1, 31}, {1, 1, 3}, one, {0, 0, 2}, none, one);
  const Geometry plane({1, 9, 7}, {1, 3, 3}, {1, 2, 1}, {0, 1, 1}, {0, 1, 1}, one);
  const Geometry dilated({1, 12, 11}, {1, 3, 2}, {1, 1, 3}, {0, 2, 0}, {0, 0, 3}, {1, 2, 3});
  const Geometry volume({4, 5, 6}, {2, 3, 2}, {2, 1, 2}, {1, 0, 1}, {0, 2, 1}, {1, 1, 2});
  const Geometry point({1, 1, 1}, {1, 1, 1}, one, none, none, one);
  const Geometry nothing({1, 2, 2}, {1, 3, 3}, one, none, none, one);
  convolutions(point, 1, 1, 1, 1);
  convolutions(line, 3, 2, 5, 1, Effort::thorough);
  convolutions(plane, 2, 3, 4, 1, Effort::thorough);
  convolutions(plane, 5, 4, 6, 2);
  convolutions(dilated, 2, 6, 6, 6);
  convolutions(volume, 2, 2, 3, 1);
  convolutions(nothing, 2, 3, 4, 1);
  // A kernel's gradient in several parts: 4 x 225 windows.
  convolutions(Geometry({1, 15, 15}, {1, 3, 3}, one, {0, 1, 1}, {0, 1, 1}, one), 4, 2, 3, 1);
  for (const bool nans : {false, true}) {
    pools(Geometry({1, 8, 6}, {1, 2, 2}, {1, 2, 2}, none, none, one), 2, 5, nans, Effort::thorough);
    pools(plane, 2, 3, nans);
    pools(Geometry({1, 1, 33}, {1, 1, 5}, {1, 1, 2}, {0, 0, 2}, {0, 0, 1}, one), 3, 4, nans);
    pools(Geometry({3, 4, 5}, {2, 2, 3}, {1, 2, 2}, {1, 0, 2}, {1, 1, 0}, one), 2, 2, nans);
  }
  // Windows in the padding whole.
  pools(Geometry({1, 3, 3}, {1, 2, 2}, {1, 1, 1}, {0, 3, 2}, {0, 2, 4}, one), 1, 2, false);
  pools(nothing, 2, 2, false);
  refusals();
});

}  // namespace
