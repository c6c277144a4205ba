// Threefry-2x32 with 20 rounds: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3".
//
// Moves 16 bytes an element (two words in, two out) for about 75 integer operations: on most devices bound by memory still. One thread an
// element, the key through the read-only cache.
// By ptxas 14 to 16 registers, no shared memory.
#include "cuda/launch.cuh"
#include "cuda/port.cuh"

namespace flaxen::cuda {

template <int r>
FLAXEN_DEVICE void mix(uint32_t& x0, uint32_t& x1) {
  x0 += x1;
  x1 = (x1 << r | x1 >> (32 - r)) ^ x0;
}

// Four rounds and the injection of the next two words of the key.
template <int a, int b, int c, int d>
FLAXEN_DEVICE void rounds(uint32_t& x0, uint32_t& x1, uint32_t k0, uint32_t k1) {
  mix<a>(x0, x1);
  mix<b>(x0, x1);
  mix<c>(x0, x1);
  mix<d>(x0, x1);
  x0 += k0;
  x1 += k1;
}

// y0 may be x0 or x1, y1 likewise: a thread reads before it writes.
__global__ void __launch_bounds__(256)
    threefry2x32(const uint32_t* __restrict__ key, const uint32_t* x0, const uint32_t* x1, uint32_t* y0, uint32_t* y1, uint32_t n) {
  const uint32_t i = blockIdx.x * 256 + threadIdx.x;
  if (i >= n) return;
  const uint32_t k0 = key[0], k1 = key[1], k2 = k0 ^ k1 ^ 0x1bd11bdau;
  uint32_t a = x0[i] + k0, b = x1[i] + k1;
  rounds<13, 15, 26, 6>(a, b, k1, k2 + 1);
  rounds<17, 29, 16, 24>(a, b, k2, k0 + 2);
  rounds<13, 15, 26, 6>(a, b, k0, k1 + 3);
  rounds<17, 29, 16, 24>(a, b, k1, k2 + 4);
  rounds<13, 15, 26, 6>(a, b, k2, k0 + 5);
  y0[i] = a;
  y1[i] = b;
}

}  // namespace flaxen::cuda

extern "C" int flaxen_cuda_threefry2x32(const FlaxenCudaDevice* device, int64_t n, const uint32_t* key, const uint32_t* x0,
                                        const uint32_t* x1, uint32_t* y0, uint32_t* y1) {
  using namespace flaxen::cuda;
  if (n < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (n >= kMostElements) return FLAXEN_CUDA_TOO_LARGE;
  if (n == 0) return 0;
  const Shape shape{dim3(static_cast<unsigned>(ceil_div(n, int64_t{256}))), dim3(256)};
  return launch(*device, shape, threefry2x32, key, x0, x1, y0, y1, static_cast<uint32_t>(n));
}
