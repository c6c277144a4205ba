// Prints what flaxen_cuda_gemm chooses for a product: gemm_plan M N K MOMENTS gives the tiles' extent and the number of splits of k.
#include <cstdio>
#include <cstdlib>

#include "cuda/api.h"

int main(int argc, char** argv) {
  if (argc != 5) return 2;
  FlaxenCudaGemm gemm{};
  gemm.batch = 1;
  gemm.m = std::atoll(argv[1]);
  gemm.n = std::atoll(argv[2]);
  gemm.k = std::atoll(argv[3]);
  const size_t part = static_cast<size_t>(gemm.m * gemm.n + gemm.n) * sizeof(float);
  const size_t splits = flaxen_cuda_gemm_scratch(&gemm, std::atoi(argv[4])) / part;
  std::printf("%lld %zu\n", static_cast<long long>(flaxen_cuda_gemm_moment_rows(&gemm)), splits > 0 ? splits : 1);
}
