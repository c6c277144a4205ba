// Products in plain float32: for sm_75, and for precision 'highest'. Traffic, operations and tiling are said in cuda/gemm.cuh.
// By ptxas 90 to 168 registers, 18432 to 40960 bytes of shared memory.
#include "cuda/gemm.cuh"

namespace flaxen::cuda {

template <int rows, int columns, bool a_along_k, bool b_along_k>
using Float32Fma = FmaProduct<float, rows, columns, a_along_k, b_along_k>;

int gemm_fma(const FlaxenCudaDevice& device, const GemmArguments& g, int64_t batch, int extent, bool a_along_k, bool b_along_k) {
  return launch_gemm<Float32Fma>(device, g, batch, extent, a_along_k, b_along_k);
}

}  // namespace flaxen::cuda
