// Convolution and pooling, for backends that have kernels of them.
#include <algorithm>

#include "compiler/validate.h"

namespace flaxen {

namespace {

// Sums and products of two of them fit in 64 bits.
constexpr int64_t kMostEntry = 0x7fffffff;

// x is [N, spatial..., C] with one to three spatial dimensions.
size_t spatial_rank(const NodeCheck& c) {
  const size_t rank = c.rank(0);
  c.expect(rank >= 3 && rank <= 5,
           "input 0 must have one to three spatial dimensions between the batch and the features, not shape " + to_string(c.in(0).shape));
  return rank - 2;
}

const std::vector<int64_t>& entries(const NodeCheck& c, const char* key, size_t size, int64_t least) {
  const auto& list = c.ints(key, size, least);
  c.expect(std::all_of(list.begin(), list.end(), [](int64_t v) { return v <= kMostEntry; }),
           std::string(key) + " " + to_string(list) + " has an entry past " + std::to_string(kMostEntry));
  return list;
}

// How many windows of these sizes there are along each dimension: docs/primitives.md.
Shape windows_of(const NodeCheck& c, const Shape& spatial, const Shape& window, bool dilated) {
  const size_t n = spatial.size();
  const auto &strides = entries(c, "strides", n, 1), &low = entries(c, "low", n, 0), &high = entries(c, "high", n, 0);
  const std::vector<int64_t> dilation = dilated ? entries(c, "dilation", n, 1) : std::vector<int64_t>(n, 1);
  Shape windows;
  for (size_t d = 0; d < n; ++d) {
    const int64_t left = spatial[d] + low[d] + high[d] - ((window[d] - 1) * dilation[d] + 1);
    windows.push_back(left < 0 ? 0 : left / strides[d] + 1);
  }
  return windows;
}

Shape spatial_of(const Shape& shape) { return {shape.begin() + 1, shape.end() - 1}; }
Shape whole(int64_t batch, const Shape& spatial, int64_t features) {
  Shape shape{batch};
  shape.insert(shape.end(), spatial.begin(), spatial.end());
  shape.push_back(features);
  return shape;
}

int64_t groups_of(const NodeCheck& c, int64_t features) {
  const double groups = c.node.number("groups");
  c.expect(groups >= 1 && groups <= static_cast<double>(kMostEntry) && groups == static_cast<double>(static_cast<int64_t>(groups)),
           "groups must be a whole number from 1");
  const auto n = static_cast<int64_t>(groups);
  c.expect(features % n == 0, "groups " + std::to_string(n) + " must divide the " + std::to_string(features) + " features");
  return n;
}

// The kernel [k..., C / groups, out] that input 1 is.
void kernel_is(const NodeCheck& c, size_t spatial) {
  c.in_rank(1, spatial + 2);
  const Shape& kernel = c.in(1).shape;
  c.expect(std::all_of(kernel.begin(), kernel.end() - 2, [](int64_t k) { return k >= 1 && k <= kMostEntry; }),
           "the kernel's spatial dimensions must not be 0, its shape is " + to_string(kernel));
}

void two_floats(const NodeCheck& c) {
  c.arity(2, 1);
  for (size_t i = 0; i < 2; ++i) c.in_dtype(i, kF32);
}

void conv(const NodeCheck& c) {
  two_floats(c);
  const size_t n = spatial_rank(c);
  kernel_is(c, n);
  const Shape &x = c.in(0).shape, &kernel = c.in(1).shape;
  const int64_t groups = groups_of(c, x.back());
  groups_of(c, kernel.back());
  c.expect(kernel[n] == x.back() / groups, "the kernel " + to_string(kernel) + " must take " + std::to_string(x.back() / groups) +
                                               " features, those of a group of x " + to_string(x));
  const Shape window(kernel.begin(), kernel.end() - 2);
  c.out_is(0, DType::f32, whole(x.front(), windows_of(c, spatial_of(x), window, true), kernel.back()));
}

void conv_input_grad(const NodeCheck& c) {
  two_floats(c);
  const size_t n = spatial_rank(c);
  kernel_is(c, n);
  const Shape &dy = c.in(0).shape, &kernel = c.in(1).shape;
  const int64_t groups = groups_of(c, kernel.back());
  const Shape& spatial = entries(c, "spatial", n, 0);
  const Shape window(kernel.begin(), kernel.end() - 2);
  c.in_shape(0, whole(dy.front(), windows_of(c, spatial, window, true), kernel.back()));
  c.expect(kernel[n] <= kMostEntry, "the kernel has too many features");
  c.out_is(0, DType::f32, whole(dy.front(), spatial, kernel[n] * groups));
}

void conv_kernel_grad(const NodeCheck& c) {
  two_floats(c);
  const size_t n = spatial_rank(c);
  c.in_rank(1, n + 2);
  const Shape &x = c.in(0).shape, &dy = c.in(1).shape;
  const int64_t groups = groups_of(c, x.back());
  groups_of(c, dy.back());
  const Shape& window = entries(c, "window", n, 1);
  c.in_shape(1, whole(x.front(), windows_of(c, spatial_of(x), window, true), dy.back()));
  Shape kernel = window;
  kernel.push_back(x.back() / groups);
  kernel.push_back(dy.back());
  c.out_is(0, DType::f32, kernel);
}

// The shape of a pool of x.
Shape pooled(const NodeCheck& c, const Shape& x) {
  return whole(x.front(), windows_of(c, spatial_of(x), entries(c, "window", x.size() - 2, 1), false), x.back());
}

void pool(const NodeCheck& c) {
  c.arity(1, 1);
  c.in_dtype(0, kF32);
  spatial_rank(c);
  c.out_is(0, DType::f32, pooled(c, c.in(0).shape));
}

void max_pool_grad(const NodeCheck& c) {
  two_floats(c);
  spatial_rank(c);
  c.in_shape(1, pooled(c, c.in(0).shape));
  c.out_is(0, DType::f32, c.in(0).shape);
}

void max_pool_gather(const NodeCheck& c) {
  two_floats(c);
  spatial_rank(c);
  c.in_shape(1, c.in(0).shape);
  c.out_is(0, DType::f32, pooled(c, c.in(0).shape));
}

void sum_pool_grad(const NodeCheck& c) {
  c.arity(1, 1);
  c.in_dtype(0, kF32);
  const size_t n = spatial_rank(c);
  const Shape x = whole(c.in(0).shape.front(), entries(c, "spatial", n, 0), c.in(0).shape.back());
  c.in_shape(0, pooled(c, x));
  c.out_is(0, DType::f32, x);
}

}  // namespace

const Rules& window_rules() {
  static const Rules rules = {
      {"conv", conv},    {"convInputGrad", conv_input_grad}, {"convKernelGrad", conv_kernel_grad}, {"maxPool", pool},
      {"sumPool", pool}, {"maxPoolGrad", max_pool_grad},     {"maxPoolGather", max_pool_gather},   {"sumPoolGrad", sum_pool_grad},
  };
  return rules;
}

}  // namespace flaxen
