// Convolution and its two transposes, over one to three spatial dimensions, in groups; float32 throughout.
//
// Each makes 2 * batch * windows * taps * (c / groups) * out operations and must move x, the kernel and y once. Direct: a thread for each
// element of the result gathers what it is made of, so that nothing is added across threads and the bits are the same in every run.
// Neighbouring threads are neighbouring channels of the result: one side of each product is read along them, the other is one address for
// the warp, both mostly from L1: bound by its throughput. A multiprocessor reads for one warp a clock from L1, and multiplies for four:
// with two reads a product at most an eighth of its float32 rate, some 5 to 10 percent with the index arithmetic. The gradient of the
// kernel, whose elements are few and sums long, is cut into parts of the sum that a reduction adds up in order: 4 more bytes an element
// and part each way. 256 threads; the bound of 64 registers keeps ptxas from spilling by its own choice.
// By ptxas 37 to 64 registers, no shared memory.
#include <algorithm>

#include "cuda/windows.cuh"

namespace flaxen::cuda {

struct ConvView {
  Windows w;
  int c, out, group_c, group_out;  // features in and out, of all and of a group
  int places, all_windows;         // positions and windows of one example
};

__global__ void __launch_bounds__(256, 4) conv(const float* __restrict__ x, const float* __restrict__ kernel, float* __restrict__ y,
                                               const __grid_constant__ ConvView v, int64_t elements) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const Place to(static_cast<uint32_t>(e), v.w.windows, v.out);
  const float* example = x + int64_t{to.batch} * v.places * v.c + to.channel / v.group_out * v.group_c;
  float sum = 0;
  for_covered(v.w, to.at, [&](int place, int tap) {
    const float* from = example + int64_t{place} * v.c;
    const float* weights = kernel + int64_t{tap} * v.group_c * v.out + to.channel;
    for (int c = 0; c < v.group_c; ++c) sum = fmaf(from[c], weights[int64_t{c} * v.out], sum);
  });
  y[e] = sum;
}

__global__ void __launch_bounds__(256, 4) conv_input_grad(const float* __restrict__ dy, const float* __restrict__ kernel,
                                                          float* __restrict__ dx, const __grid_constant__ ConvView v, int64_t elements) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const Place to(static_cast<uint32_t>(e), v.w.size, v.c);
  const int group = to.channel / v.group_c, c = to.channel - group * v.group_c;
  const float* example = dy + int64_t{to.batch} * v.all_windows * v.out + group * v.group_out;
  float sum = 0;
  for_covering(v.w, to.at, [&](const int(&window)[3], int tap) {
    const float* from = example + int64_t{number_of(v.w, window)} * v.out;
    const float* weights = kernel + (int64_t{tap} * v.group_c + c) * v.out + group * v.group_out;
    for (int o = 0; o < v.group_out; ++o) sum = fmaf(from[o], weights[o], sum);
  });
  dx[e] = sum;
}

// Part blockIdx.y of the sum over the windows of all examples, to parts [parts, elements].
__global__ void __launch_bounds__(256, 4)
    conv_kernel_grad(const float* __restrict__ x, const float* __restrict__ dy, float* __restrict__ parts,
                     const __grid_constant__ ConvView v, int64_t elements, int64_t all_windows, int64_t windows_of_part) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const Place to(static_cast<uint32_t>(e), v.w.window, v.group_c * v.out);
  const int c = to.channel / v.out, o = to.channel - c * v.out;
  const float* channel = x + o / v.group_out * v.group_c + c;
  const int64_t first = int64_t{blockIdx.y} * windows_of_part;
  const int64_t last = first + windows_of_part < all_windows ? first + windows_of_part : all_windows;
  float sum = 0;
  for (int64_t i = first; i < last; ++i) {
    const Place window(static_cast<uint32_t>(i), v.w.windows, 1);
    int place = 0;
    bool inside = true;
#pragma unroll
    for (int d = 0; d < 3; ++d) {
      const int p = window.at[d] * v.w.stride[d] - v.w.low[d] + to.at[d] * v.w.dilation[d];
      inside = inside && p >= 0 && p < v.w.size[d];
      place = place * v.w.size[d] + p;
    }
    if (inside) sum = fmaf(channel[(int64_t{window.batch} * v.places + place) * v.c], dy[i * v.out + o], sum);
  }
  parts[int64_t{blockIdx.y} * elements + e] = sum;
}

namespace {

struct Sizes {
  int64_t x, y, kernel, windows;  // elements, and windows of all examples
};

int check_conv(const FlaxenCudaConv& c, ConvView* view, Sizes* sizes) {
  if (c.n < 0 || c.c < 0 || c.out < 0 || c.groups < 1 || c.c % c.groups != 0 || c.out % c.groups != 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (const int error = check_windows(c.windows, &view->w)) return error;
  *sizes = {bounded(c.n, c.windows.size, c.c), bounded(c.n, c.windows.windows, c.out), bounded(c.c / c.groups, c.windows.window, c.out),
            bounded(c.n, c.windows.windows, 1)};
  if (std::max({sizes->x, sizes->y, sizes->kernel, sizes->windows, c.c, c.out}) >= kMostElements) return FLAXEN_CUDA_TOO_LARGE;
  view->c = static_cast<int>(c.c);
  view->out = static_cast<int>(c.out);
  view->group_c = static_cast<int>(c.c / c.groups);
  view->group_out = static_cast<int>(c.out / c.groups);
  view->places = static_cast<int>(bounded(1, c.windows.size, 1));
  view->all_windows = static_cast<int>(bounded(1, c.windows.windows, 1));
  return 0;
}

// About 512 blocks, as for other reductions, and at least 64 windows a part.
int64_t windows_of_part(const Sizes& s) {
  const int64_t blocks = std::max<int64_t>(1, ceil_div(s.kernel, int64_t{256}));
  const int64_t parts = std::max<int64_t>(1, std::min(ceil_div(int64_t{512}, blocks), s.windows / 64));
  return std::max<int64_t>(1, ceil_div(s.windows, parts));
}
int64_t parts_of(const Sizes& s) { return std::max<int64_t>(1, ceil_div(s.windows, windows_of_part(s))); }

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" int flaxen_cuda_conv(const FlaxenCudaDevice* device, const FlaxenCudaConv* c, const float* x, const float* kernel, float* y) {
  ConvView view;
  Sizes sizes;
  if (const int error = check_conv(*c, &view, &sizes)) return error;
  if (sizes.y == 0) return 0;
  return launch(*device, thread_each(sizes.y), conv, x, kernel, y, view, sizes.y);
}

extern "C" int flaxen_cuda_conv_input_grad(const FlaxenCudaDevice* device, const FlaxenCudaConv* c, const float* dy, const float* kernel,
                                           float* dx) {
  ConvView view;
  Sizes sizes;
  if (const int error = check_conv(*c, &view, &sizes)) return error;
  if (sizes.x == 0) return 0;
  return launch(*device, thread_each(sizes.x), conv_input_grad, dy, kernel, dx, view, sizes.x);
}

extern "C" size_t flaxen_cuda_conv_kernel_grad_scratch(const FlaxenCudaConv* c) {
  ConvView view;
  Sizes sizes;
  if (check_conv(*c, &view, &sizes)) return 0;
  const int64_t parts = parts_of(sizes);
  if (parts == 1) return 0;
  return static_cast<size_t>(parts * sizes.kernel) * sizeof(float) + flaxen_cuda_reduce_scratch(1, parts, sizes.kernel);
}

extern "C" int flaxen_cuda_conv_kernel_grad(const FlaxenCudaDevice* device, const FlaxenCudaConv* c, const float* x, const float* dy,
                                            float* dkernel, void* scratch) {
  ConvView view;
  Sizes sizes;
  if (const int error = check_conv(*c, &view, &sizes)) return error;
  if (sizes.kernel == 0) return 0;
  const int64_t parts = parts_of(sizes);
  float* sums = parts == 1 ? dkernel : static_cast<float*>(scratch);
  Shape shape = thread_each(sizes.kernel);
  shape.grid.y = static_cast<unsigned>(parts);
  const int error = launch(*device, shape, conv_kernel_grad, x, dy, sums, view, sizes.kernel, sizes.windows, windows_of_part(sizes));
  if (error || parts == 1) return error;
  return flaxen_cuda_reduce(device, FLAXEN_CUDA_SUM, FLAXEN_CUDA_F32, 1, parts, sizes.kernel, sums, dkernel, sums + parts * sizes.kernel);
}
