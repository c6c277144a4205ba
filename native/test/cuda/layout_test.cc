// Strided copies: transposes, slices, reversals, broadcasts, and targets with gaps.
#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

using Sizes = std::vector<int64_t>;

// A view: strides, and the position of index 0.
struct View {
  Sizes strides;
  int64_t first = 0;
};

View dense(const Sizes& shape) {
  View view{Sizes(shape.size())};
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0; stride *= shape[d]) view.strides[d] = stride;
  return view;
}

// The least and the greatest position that a view touches.
std::pair<int64_t, int64_t> reach(const Sizes& shape, const View& view) {
  int64_t low = view.first, high = view.first;
  for (size_t d = 0; d < shape.size(); ++d) (view.strides[d] < 0 ? low : high) += (shape[d] - 1) * view.strides[d];
  return {low, high};
}

template <typename T>
void copy(const Sizes& shape, const View& to, const View& from, const std::string& what, Effort effort = Effort::usual) {
  const int64_t to_size = reach(shape, to).second + 1, from_size = reach(shape, from).second + 1;
  check(reach(shape, to).first >= 0 && reach(shape, from).first >= 0, what + ": a test within its arrays");
  std::vector<T> source, target(static_cast<size_t>(to_size), T{7});
  for (int64_t i = 0; i < from_size; ++i) source.push_back(static_cast<T>(i % 251));
  std::vector<T> wanted = target;
  Sizes index(shape.size());
  for (bool more = true; more;) {
    int64_t t = to.first, f = from.first;
    for (size_t d = 0; d < shape.size(); ++d) {
      t += index[d] * to.strides[d];
      f += index[d] * from.strides[d];
    }
    wanted[static_cast<size_t>(t)] = source[static_cast<size_t>(f)];
    more = false;
    for (size_t d = shape.size(); d-- > 0 && !more;) {
      more = ++index[d] < shape[d];
      if (!more) index[d] = 0;
    }
  }
  on_schedules(
      [&] {
        const DeviceArray<T> in(source), out(target);
        check_call(flaxen_cuda_copy(&device(), sizeof(T), static_cast<int>(shape.size()), shape.data(), out.data() + to.first,
                                    to.strides.data(), in.data() + from.first, from.strides.data()),
                   what);
        check(out.read() == wanted, what);
      },
      what, effort);
}

template <typename T>
void copies(const std::string& type) {
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{1, 1}, {3, 31}, {31, 33}, {64, 64}, {127, 9}, {12, 129}}) {
    const std::string size = " of " + std::to_string(m) + " x " + std::to_string(n) + " " + type;
    copy<T>({m, n}, dense({m, n}), {{1, m}}, "a transpose" + size, m == 31 ? Effort::thorough : Effort::usual);
    copy<T>({m, n}, dense({m, n}), dense({m, n}), "a copy" + size);
    copy<T>({m, n}, dense({m, n}), {{-n, -1}, m * n - 1}, "a reversal" + size);
    copy<T>({m, n}, dense({m, n}), {{0, 1}}, "a broadcast of a row" + size);
    copy<T>({m, n}, dense({m, n}), {{1, 0}}, "a broadcast of a column" + size);
    copy<T>({m, n}, {{3 * n, 2}, 5}, dense({m, n}), "a copy into gaps" + size);
  }
  copy<T>({5, 33, 2, 40}, dense({5, 33, 2, 40}), {{33, 1, 165 * 40, 165}}, "a transpose of four dimensions of " + type);
  copy<T>({4, 12, 17}, dense({4, 12, 17}), {{17 * 12 * 2, -1, 12}, 11}, "a transpose, slice and reversal of " + type);
  copy<T>({2, 3, 1, 2, 2, 3, 1, 2}, dense({2, 3, 1, 2, 2, 3, 1, 2}), {{1, 2, 0, 6, 12, 24, 0, 72}}, "eight dimensions of " + type);
  copy<T>({}, {}, {}, "a scalar of " + type);
}

// Pads as two copies: the scalar everywhere, then x between gaps. Concatenations as one copy each.
void pads_and_concatenations() {
  const Sizes x_shape{3, 5}, y_shape{3, 4}, padded{10, 12}, joined{3, 9};  // low {1, 2}, interior {2, 1}, high {2, 1}
  const Sizes still{0, 0}, gaps{12 * 3, 2}, x_strides{5, 1}, y_strides{4, 1}, padded_strides{12, 1}, joined_strides{9, 1};
  const std::vector<float> x = random_values(15, 1), y = random_values(12, 2);
  std::vector<float> wanted(120, 7.0f), wanted_joined(27);
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 5; ++j) wanted[(1 + 3 * i) * 12 + 2 + 2 * j] = wanted_joined[i * 9 + j] = x[i * 5 + j];
    for (size_t j = 0; j < 4; ++j) wanted_joined[i * 9 + 5 + j] = y[i * 4 + j];
  }
  on_schedules(
      [&] {
        const DeviceArray<float> from(x), other(y), value(std::vector<float>{7.0f}), to(120), both(27);
        const auto copy = [&](const Sizes& shape, float* target, const Sizes& target_strides, const float* source,
                              const Sizes& source_strides) {
          check_call(flaxen_cuda_copy(&device(), 4, 2, shape.data(), target, target_strides.data(), source, source_strides.data()), "pad");
        };
        copy(padded, to.data(), padded_strides, value.data(), still);
        copy(x_shape, to.data() + 12 + 2, gaps, from.data(), x_strides);
        check(to.read() == wanted, "a pad with gaps");
        copy(x_shape, both.data(), joined_strides, from.data(), x_strides);
        copy(y_shape, both.data() + 5, joined_strides, other.data(), y_strides);
        check(both.read() == wanted_joined, "a concatenation");
      },
      "pad and concatenate");
}

const Family family("layout", [] {
  copies<uint32_t>("words");
  copies<uint8_t>("bytes");
  pads_and_concatenations();
  const Sizes none{3, 0}, negative{-1}, huge{1 << 16, 1 << 16}, strides{1, 1};
  check_call(flaxen_cuda_copy(&device(), 4, 2, none.data(), nullptr, strides.data(), nullptr, strides.data()), "nothing");
  const auto refused = [&](int bytes, int rank, const Sizes& shape) {
    return flaxen_cuda_copy(&device(), bytes, rank, shape.data(), nullptr, strides.data(), nullptr, strides.data());
  };
  check(refused(4, 1, negative) == FLAXEN_CUDA_BAD_ARGUMENT, "a negative size");
  check(refused(4, 9, Sizes(9, 1)) == FLAXEN_CUDA_BAD_ARGUMENT, "nine dimensions");
  check(refused(2, 1, {3}) == FLAXEN_CUDA_BAD_ARGUMENT, "elements of two bytes");
  check(refused(4, 2, huge) == FLAXEN_CUDA_TOO_LARGE, "2^32 elements");
});

}  // namespace
