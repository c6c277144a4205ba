// C = A B of int32 or uint32 matrices, modulo 2^32.
//
// Must move 4 (m k + k n + m n) bytes and make 2 m n k operations; no program's time depends on it, so a plain tile: a block of 16 x 16
// threads, one element each, through two tiles of 16 x 16 in shared memory. It reads A n / 16 times and B m / 16 times: 4 operations for a
// byte from L2. A product takes two reads of shared memory, 32 banks a clock: at most an eighth of the integer rate.
// By ptxas 31 to 53 registers, 2176 bytes of shared memory.
#include "cuda/gemm_check.cuh"
#include "cuda/port.cuh"

namespace flaxen::cuda {

constexpr int kIntegerTile = 16;

__global__ void __launch_bounds__(kIntegerTile* kIntegerTile)
    gemm_integer(const uint32_t* __restrict__ a, const uint32_t* __restrict__ b, uint32_t* __restrict__ c,
                 const __grid_constant__ FlaxenCudaGemm g) {
  FLAXEN_SHARED(uint32_t, a_tile, [kIntegerTile][kIntegerTile + 1]);
  FLAXEN_SHARED(uint32_t, b_tile, [kIntegerTile][kIntegerTile + 1]);
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const int64_t row = int64_t{blockIdx.x} * kIntegerTile + y, column = int64_t{blockIdx.y} * kIntegerTile + x, batch = blockIdx.z;
  uint32_t sum = 0;
  for (int64_t k0 = 0; k0 < g.k; k0 += kIntegerTile) {
    const int64_t a_k = k0 + x, b_k = k0 + y;
    const int64_t from_a = g.a_transposed ? a_k * g.a_stride + row : row * g.a_stride + a_k;
    const int64_t from_b = g.b_transposed ? column * g.b_stride + b_k : b_k * g.b_stride + column;
    a_tile[y][x] = row < g.m && a_k < g.k ? a[batch * g.a_batch + from_a] : 0;
    b_tile[y][x] = column < g.n && b_k < g.k ? b[batch * g.b_batch + from_b] : 0;
    __syncthreads();
#pragma unroll
    for (int k = 0; k < kIntegerTile; ++k) sum += a_tile[y][k] * b_tile[k][x];
    __syncthreads();  // the tiles are filled anew
  }
  if (row < g.m && column < g.n) c[(batch * g.m + row) * g.n + column] = sum;
}

}  // namespace flaxen::cuda

extern "C" int flaxen_cuda_gemm_integer(const FlaxenCudaDevice* device, const FlaxenCudaGemm* g, const void* a, const void* b, void* c) {
  using namespace flaxen::cuda;
  if (const int error = check_gemm(*g, kIntegerTile)) return error;
  if (g->batch * g->m * g->n == 0) return 0;
  const auto tiles = [](int64_t n) { return static_cast<unsigned>(ceil_div(n, int64_t{kIntegerTile})); };
  return for_batches(g->batch, [&](int64_t first, int64_t count) {
    const Shape shape{dim3(tiles(g->m), tiles(g->n), static_cast<unsigned>(count)), dim3(kIntegerTile, kIntegerTile)};
    return launch(*device, shape, gemm_integer, static_cast<const uint32_t*>(a) + first * g->a_batch,
                  static_cast<const uint32_t*>(b) + first * g->b_batch, static_cast<uint32_t*>(c) + first * g->m * g->n, *g);
  });
}
