// Maximum and sum over windows, with their gradients.
//
// Must move x and y once, 4 bytes an element each: bound by memory, as the overlaps of windows come from L1. A thread for each element of
// the result gathers: in the gradients it looks through the windows that cover its element, in one order, so that no sum depends on who
// comes first; the maximum's finds each window's first maximum anew, up to taps^2 reads an element, of the caches. Neighbouring threads are
// neighbouring channels. 256 threads; the bound of 64 registers keeps ptxas from spilling by its own choice.
// By ptxas 26 to 44 registers, no shared memory.
#include "cuda/windows.cuh"

namespace flaxen::cuda {

struct PoolView {
  Windows w;
  int c, places, all_windows;
};

// Where the window has its first maximum, a NaN being the greatest; -1 where it lies in the padding whole. x is of one example and channel.
FLAXEN_DEVICE int first_maximum(const PoolView& v, const float* x, const int (&window)[3], float& value) {
  int best = -1;
  value = __uint_as_float(0xff800000);
  for_covered(v.w, window, [&](int place, int) {
    const float here = x[int64_t{place} * v.c];
    if (best < 0 || here > value || (here != here && value == value)) {
      best = place;
      value = here;
    }
  });
  return best;
}

// With t: of each window, t's element where x has its maximum.
__global__ void __launch_bounds__(256, 4) max_pool(const float* __restrict__ x, const float* __restrict__ t, float* __restrict__ y,
                                                   const __grid_constant__ PoolView v, int64_t elements) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const Place to(static_cast<uint32_t>(e), v.w.windows, v.c);
  const int64_t example = int64_t{to.batch} * v.places * v.c + to.channel;
  float greatest;
  const int place = first_maximum(v, x + example, to.at, greatest);
  y[e] = !t ? greatest : place < 0 ? 0.0f : t[example + int64_t{place} * v.c];
}

__global__ void __launch_bounds__(256, 4) max_pool_grad(const float* __restrict__ x, const float* __restrict__ dy, float* __restrict__ dx,
                                                        const __grid_constant__ PoolView v, int64_t elements) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const Place to(static_cast<uint32_t>(e), v.w.size, v.c);
  const int own = (to.at[0] * v.w.size[1] + to.at[1]) * v.w.size[2] + to.at[2];
  const float* example = x + int64_t{to.batch} * v.places * v.c + to.channel;
  const float* cotangents = dy + int64_t{to.batch} * v.all_windows * v.c + to.channel;
  float sum = 0, greatest;
  for_covering(v.w, to.at, [&](const int(&window)[3], int) {
    if (first_maximum(v, example, window, greatest) == own) sum += cotangents[int64_t{number_of(v.w, window)} * v.c];
  });
  dx[e] = sum;
}

__global__ void __launch_bounds__(256, 4)
    sum_pool(const float* __restrict__ x, float* __restrict__ y, const __grid_constant__ PoolView v, int64_t elements) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const Place to(static_cast<uint32_t>(e), v.w.windows, v.c);
  const float* example = x + int64_t{to.batch} * v.places * v.c + to.channel;
  float sum = 0;
  for_covered(v.w, to.at, [&](int place, int) { sum += example[int64_t{place} * v.c]; });
  y[e] = sum;
}

__global__ void __launch_bounds__(256, 4)
    sum_pool_grad(const float* __restrict__ dy, float* __restrict__ dx, const __grid_constant__ PoolView v, int64_t elements) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const Place to(static_cast<uint32_t>(e), v.w.size, v.c);
  const float* cotangents = dy + int64_t{to.batch} * v.all_windows * v.c + to.channel;
  float sum = 0;
  for_covering(v.w, to.at, [&](const int(&window)[3], int) { sum += cotangents[int64_t{number_of(v.w, window)} * v.c]; });
  dx[e] = sum;
}

namespace {

struct Pool {
  PoolView view;
  int64_t x, y;  // elements

  int check(const FlaxenCudaPool& p) {
    if (p.n < 0 || p.c < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
    if (const int error = check_windows(p.windows, &view.w)) return error;
    x = bounded(p.n, p.windows.size, p.c);
    y = bounded(p.n, p.windows.windows, p.c);
    if (x >= kMostElements || y >= kMostElements || p.c >= kMostElements) return FLAXEN_CUDA_TOO_LARGE;
    view.c = static_cast<int>(p.c);
    view.places = static_cast<int>(bounded(1, p.windows.size, 1));
    view.all_windows = static_cast<int>(bounded(1, p.windows.windows, 1));
    return 0;
  }
};

int max_of_windows(const FlaxenCudaDevice& device, const FlaxenCudaPool& p, const float* x, const float* t, float* y) {
  Pool pool;
  if (const int error = pool.check(p)) return error;
  return pool.y == 0 ? 0 : launch(device, thread_each(pool.y), max_pool, x, t, y, pool.view, pool.y);
}

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" int flaxen_cuda_max_pool(const FlaxenCudaDevice* device, const FlaxenCudaPool* p, const float* x, float* y) {
  return max_of_windows(*device, *p, x, nullptr, y);
}

extern "C" int flaxen_cuda_max_pool_gather(const FlaxenCudaDevice* device, const FlaxenCudaPool* p, const float* x, const float* t,
                                           float* out) {
  return max_of_windows(*device, *p, x, t, out);
}

extern "C" int flaxen_cuda_max_pool_grad(const FlaxenCudaDevice* device, const FlaxenCudaPool* p, const float* x, const float* dy,
                                         float* dx) {
  Pool pool;
  if (const int error = pool.check(*p)) return error;
  return pool.x == 0 ? 0 : launch(*device, thread_each(pool.x), max_pool_grad, x, dy, dx, pool.view, pool.x);
}

extern "C" int flaxen_cuda_sum_pool(const FlaxenCudaDevice* device, const FlaxenCudaPool* p, const float* x, float* y) {
  Pool pool;
  if (const int error = pool.check(*p)) return error;
  return pool.y == 0 ? 0 : launch(*device, thread_each(pool.y), sum_pool, x, y, pool.view, pool.y);
}

extern "C" int flaxen_cuda_sum_pool_grad(const FlaxenCudaDevice* device, const FlaxenCudaPool* p, const float* dy, float* dx) {
  Pool pool;
  if (const int error = pool.check(*p)) return error;
  return pool.x == 0 ? 0 : launch(*device, thread_each(pool.x), sum_pool_grad, dy, dx, pool.view, pool.x);
}
