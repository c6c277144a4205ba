// Products of float32 rounded to bfloat16 (7 bits of mantissa) on tensor cores, sm_80 and later: the traffic of float32, the rate of
// bfloat16, exact products, sums in float32. Traffic, operations and tiling are said in cuda/gemm.cuh.
// By ptxas 64 to 128 registers, 27648 to 61440 bytes of shared memory.
#include "cuda/gemm.cuh"

namespace flaxen::cuda {

int gemm_rounded(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k) {
  return launch_gemm<RoundedProduct>(device, g, batch, extent, a_along_k, b_along_k);
}

}  // namespace flaxen::cuda
