// Batch normalisation over strided views against the dense form on the same numbers, which is tested against float64.
#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

constexpr float kEpsilon = 1e-5f;

// [sizes...] with the features' dimension at `axis`, each dimension `gap` elements longer than need be where it is the last.
struct Layout {
  FlaxenCudaFeatures view{};
  int64_t rows = 1, elements = 1;
  std::string text;

  Layout(const std::vector<int64_t>& shape, size_t axis, int64_t gap) {
    std::vector<int64_t> strides(shape.size());
    for (size_t d = shape.size(); d-- > 0;) {
      strides[d] = elements;
      elements *= shape[d] + (d + 1 == shape.size() ? gap : 0);
      text = std::to_string(shape[d]) + (d == axis ? "f " : " ") + text;
    }
    for (size_t d = 0; d < shape.size(); ++d) {
      if (d == axis) {
        view.features = shape[d];
        view.feature_stride = strides[d];
      } else {
        view.size[view.rank] = shape[d];
        view.stride[view.rank++] = strides[d];
        rows *= shape[d];
      }
    }
  }
  size_t place(int64_t row, int64_t feature) const {
    int64_t at = feature * view.feature_stride;
    for (int d = view.rank; d-- > 0; row /= view.size[d]) at += row % view.size[d] * view.stride[d];
    return static_cast<size_t>(at);
  }
  // Between them and [rows, features].
  std::vector<float> spread(const std::vector<float>& dense) const {
    std::vector<float> to(static_cast<size_t>(elements), 77);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t f = 0; f < view.features; ++f) to[place(r, f)] = dense[static_cast<size_t>(r * view.features + f)];
    }
    return to;
  }
};

void check_near(const std::vector<float>& got, const std::vector<float>& wanted, const std::string& what) {
  check_close(got, std::vector<double>(wanted.begin(), wanted.end()), 4e-6, what);
}

void compare(const Layout& layout, bool relu, Effort effort = Effort::usual) {
  const std::string what = "batch norm of " + layout.text + (relu ? "relu" : "");
  const int64_t rows = layout.rows, features = layout.view.features;
  const std::vector<float> x = random_values(rows * features, 1, 2), dy = random_values(rows * features, 2),
                           scale = random_values(features, 3, 1), bias = random_values(features, 4);
  on_schedules(
      [&] {
        const DeviceArray<float> dense_x(x), dense_dy(dy), s(scale), b(bias), y(rows * features), dx(rows * features);
        const DeviceArray<float> mean(features), var(features), dscale(features), dbias(features);
        const DeviceArray<float> xs(layout.spread(x)), dys(layout.spread(dy)), ys(layout.spread(x));
        const DeviceArray<float> means(features), vars(features), dscales(features), dbiases(features);
        const auto bytes = std::max(flaxen_cuda_batch_norm_scratch(rows, features), flaxen_cuda_batch_norm_grad_scratch(rows, features));
        const DeviceArray<uint8_t> scratch(static_cast<int64_t>(bytes));
        const float* relu_bias = relu ? b.data() : nullptr;
        check_call(flaxen_cuda_batch_norm(&device(), rows, features, dense_x.data(), s.data(), b.data(), kEpsilon, relu, y.data(),
                                          mean.data(), var.data(), scratch.data()),
                   what);
        check_call(flaxen_cuda_batch_norm_strided(&device(), &layout.view, xs.data(), s.data(), b.data(), kEpsilon, relu, ys.data(),
                                                  means.data(), vars.data(), scratch.data()),
                   what);
        check_near(means.read(), mean.read(), what + ", mean");
        check_near(vars.read(), var.read(), what + ", var");
        check_near(ys.read(), layout.spread(y.read()), what);  // the gaps are as they were, too

        check_call(flaxen_cuda_batch_norm_inference_strided(&device(), &layout.view, xs.data(), means.data(), vars.data(), s.data(),
                                                            b.data(), kEpsilon, relu, ys.data()),
                   what);
        check_near(ys.read(), layout.spread(y.read()), what + ", given statistics");

        // With the same statistics, so that relu's edge is the same.
        check_call(flaxen_cuda_batch_norm_grad(&device(), rows, features, dense_dy.data(), dense_x.data(), s.data(), mean.data(),
                                               var.data(), relu_bias, kEpsilon, 1, dx.data(), dscale.data(), dbias.data(), scratch.data()),
                   what);
        check_call(flaxen_cuda_batch_norm_grad_strided(&device(), &layout.view, dys.data(), xs.data(), s.data(), mean.data(), var.data(),
                                                       relu_bias, kEpsilon, 1, dys.data(), dscales.data(), dbiases.data(), scratch.data()),
                   what);
        check_near(dys.read(), layout.spread(dx.read()), what + ", dx in place");
        check_near(dscales.read(), dscale.read(), what + ", dscale");
        check_near(dbiases.read(), dbias.read(), what + ", dbias");
      },
      what, effort);
}

const Family family("batch norm strided", [] {
  for (const bool relu : {false, true}) {
    compare(Layout({1, 1}, 0, 0), relu);
    compare(Layout({3, 5, 7}, 1, 0), relu, Effort::thorough);
    compare(Layout({2, 3, 9, 31}, 1, 0), relu);
    compare(Layout({33, 12}, 1, 3), relu, Effort::thorough);
    compare(Layout({4, 5, 3, 40}, 3, 1), relu);
    compare(Layout({6, 2, 3, 4, 5, 2}, 2, 2), relu);
    compare(Layout({129, 3}, 0, 0), relu);
    compare(Layout({5, 3, 127}, 1, 2), relu);
  }
  FlaxenCudaFeatures view{};
  check_call(flaxen_cuda_batch_norm_inference_strided(&device(), &view, nullptr, nullptr, nullptr, nullptr, nullptr, kEpsilon, 0, nullptr),
             "no features");
  view.rank = 9;
  check(flaxen_cuda_batch_norm_strided(&device(), &view, nullptr, nullptr, nullptr, kEpsilon, 0, nullptr, nullptr, nullptr, nullptr) ==
            FLAXEN_CUDA_BAD_ARGUMENT,
        "nine dimensions");
  view.rank = 2;
  view.size[0] = view.size[1] = 1 << 20;
  view.features = 1;
  check(flaxen_cuda_batch_norm_strided(&device(), &view, nullptr, nullptr, nullptr, kEpsilon, 0, nullptr, nullptr, nullptr, nullptr) ==
            FLAXEN_CUDA_TOO_LARGE,
        "2^40 rows");
});

}  // namespace
