// Products of bfloat16, widened to float32 as they leave shared memory: for sm_75, and for precision 'highest'. Traffic,
// operations and tiling are said in cuda/gemm.cuh.
// By ptxas 95 to 168 registers, 18432 to 40960 bytes of shared memory.
#include "cuda/gemm.cuh"

namespace flaxen::cuda {

template <int rows, int columns, bool a_along_k, bool b_along_k>
using Bf16Fma = FmaProduct<Bf16, rows, columns, a_along_k, b_along_k>;

int gemm_bf16_fma(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k) {
  return launch_gemm<Bf16Fma>(device, g, batch, extent, a_along_k, b_along_k);
}

}  // namespace flaxen::cuda
