// Threefry-2x32 with 20 rounds: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3".
#include "cpu/random_kernels.h"

#include "cpu/simd.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

template <int r>
FLAXEN_INLINE void mix(VecU& x0, VecU& x1) {
  x0 = x0 + x1;
  x1 = ((x1 << r) | (x1 >> (32 - r))) ^ x0;
}

// Four rounds and the injection of the next two words of the key.
template <int a, int b, int c, int d>
FLAXEN_INLINE void rounds(VecU& x0, VecU& x1, uint32_t k0, uint32_t k1) {
  mix<a>(x0, x1);
  mix<b>(x0, x1);
  mix<c>(x0, x1);
  mix<d>(x0, x1);
  x0 = x0 + splat(k0);
  x1 = x1 + splat(k1);
}

FLAXEN_INLINE void block(VecU& x0, VecU& x1, uint32_t k0, uint32_t k1) {
  const uint32_t k2 = k0 ^ k1 ^ 0x1bd11bdau;
  x0 = x0 + splat(k0);
  x1 = x1 + splat(k1);
  rounds<13, 15, 26, 6>(x0, x1, k1, k2 + 1);
  rounds<17, 29, 16, 24>(x0, x1, k2, k0 + 2);
  rounds<13, 15, 26, 6>(x0, x1, k0, k1 + 3);
  rounds<17, 29, 16, 24>(x0, x1, k1, k2 + 4);
  rounds<13, 15, 26, 6>(x0, x1, k2, k0 + 5);
}

void threefry2x32(uint32_t* y0, uint32_t* y1, const uint32_t* key, const uint32_t* x0, const uint32_t* x1, int64_t n) {
  const uint32_t k0 = key[0], k1 = key[1];
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    VecU a = load(x0 + i), b = load(x1 + i);
    block(a, b, k0, k1);
    store(y0 + i, a);
    store(y1 + i, b);
  }
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    VecU a = load(x0 + i, rest), b = load(x1 + i, rest);
    block(a, b, k0, k1);
    store(y0 + i, a, rest);
    store(y1 + i, b, rest);
  }
}

}  // namespace

const RandomTable random_table = {threefry2x32};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
