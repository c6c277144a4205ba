// Chooses a product's tiles and split, by its shape alone; and sums the parts of a split one.
// By ptxas 32 to 42 registers, no shared memory.
#include <algorithm>

#include "cuda/gemm.cuh"
#include "cuda/gemm_check.cuh"

namespace flaxen::cuda {

// Element e of [batch, m, n], and behind those, where asked, of the sums [n] of b, whose parts lie behind those of c: the parts in order,
// then the epilogue. Moves (splits + 1) x 4 bytes an element: bound by memory. One thread an element.
__global__ void __launch_bounds__(256) gemm_finish(const float* __restrict__ parts, const float* __restrict__ bias, float* __restrict__ c,
                                                   float* __restrict__ b_sums, int splits, int64_t elements, int64_t n, bool relu) {
  const int64_t e = int64_t{blockIdx.x} * blockDim.x + threadIdx.x;
  if (e >= elements) {
    const int64_t j = e - elements;
    if (!b_sums || j >= n) return;
    const float* sums = parts + splits * elements;
    float v = sums[j];
    for (int s = 1; s < splits; ++s) v += sums[s * n + j];
    b_sums[j] = v;
    return;
  }
  float v = parts[e];
  for (int s = 1; s < splits; ++s) v += parts[s * elements + e];
  if (bias) v += bias[e % n];
  if (relu && v <= 0.0f) v = 0.0f;
  c[e] = v;
}

namespace {

constexpr int64_t kBlocks = 128;                       // about what fills a large device
constexpr int64_t kLeastSplit = 256, kSplitStep = 32;  // of k; whole tiles of either kind

struct Plan {
  int extent, splits;
  int64_t k_of_split;
};

Plan plan_of(const FlaxenCudaGemm& g, bool may_split) {
  const auto blocks = [&](int64_t extent) { return g.batch * ceil_div(g.m, extent) * ceil_div(g.n, extent); };
  Plan plan{blocks(128) >= kBlocks * 3 / 4 ? 128 : 64, 1, g.k};
  const int64_t used = std::max<int64_t>(1, blocks(plan.extent));
  if (may_split && used < kBlocks / 2 && g.k >= 2 * kLeastSplit) {
    const int64_t splits = std::min(kBlocks / used, g.k / kLeastSplit);
    plan.k_of_split = ceil_div(ceil_div(g.k, splits), kSplitStep) * kSplitStep;
    plan.splits = static_cast<int>(ceil_div(g.k, plan.k_of_split));
  }
  return plan;
}

bool aligned(const void* p, int64_t of, int64_t dense, int64_t stride, int64_t batch_stride) {
  return (reinterpret_cast<uintptr_t>(p) & 15) == 0 && dense % of == 0 && stride % of == 0 && batch_stride % of == 0;
}

int product(const FlaxenCudaDevice& device, const FlaxenCudaGemm& g, GemmLaunch run, int64_t element_bytes, const void* a, const void* b,
            const float* bias, float* c, float* moments, float* b_sums, void* scratch) {
  if (const int error = check_gemm(g, 64)) return error;
  if ((moments || b_sums) && g.batch != 1) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (b_sums && g.m == 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (g.batch * g.m * g.n == 0) return 0;
  const Plan plan = plan_of(g, !moments);
  const bool split = plan.splits > 1;
  const int64_t elements = g.batch * g.m * g.n;
  float* parts = static_cast<float*>(scratch);
  GemmArguments arguments{};
  arguments.a = a;
  arguments.b = b;
  arguments.bias = split ? nullptr : bias;
  arguments.c = split ? parts : c;
  arguments.moments = moments;
  arguments.b_sums = split && b_sums ? parts + plan.splits * elements : b_sums;
  arguments.m = g.m;
  arguments.n = g.n;
  arguments.k = g.k;
  arguments.a_stride = g.a_stride;
  arguments.b_stride = g.b_stride;
  arguments.a_batch = g.a_batch;
  arguments.b_batch = g.b_batch;
  arguments.k_of_split = plan.k_of_split;
  arguments.splits = plan.splits;
  arguments.relu = g.relu && !split;
  arguments.a_vectors = aligned(a, 16 / element_bytes, g.a_transposed ? g.m : g.k, g.a_stride, g.a_batch);
  arguments.b_vectors = aligned(b, 16 / element_bytes, g.b_transposed ? g.k : g.n, g.b_stride, g.b_batch);
  const int error = for_batches(g.batch, [&](int64_t first, int64_t count) {
    GemmArguments part = arguments;
    part.a = static_cast<const char*>(a) + first * g.a_batch * element_bytes;
    part.b = static_cast<const char*>(b) + first * g.b_batch * element_bytes;
    part.c += first * g.m * g.n;
    return run(device, part, count, plan.extent, !g.a_transposed, g.b_transposed != 0);
  });
  if (error || !split) return error;
  return launch(device, thread_each(elements + (b_sums ? g.n : 0)), gemm_finish, parts, bias, c, b_sums, plan.splits, elements, g.n,
                g.relu != 0);
}

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" int64_t flaxen_cuda_gemm_moment_rows(const FlaxenCudaGemm* g) { return plan_of(*g, false).extent; }

extern "C" size_t flaxen_cuda_gemm_scratch(const FlaxenCudaGemm* g, int moments) {
  const Plan plan = plan_of(*g, !moments);
  if (plan.splits == 1) return 0;
  return static_cast<size_t>(plan.splits) * static_cast<size_t>(g->batch * g->m * g->n + g->n) * sizeof(float);
}

extern "C" int flaxen_cuda_gemm(const FlaxenCudaDevice* device, const FlaxenCudaGemm* g, const float* a, const float* b, const float* bias,
                                float* c, float* moments, float* b_sums, void* scratch) {
  const bool by_fma = device->capability < 80 || g->precision == FLAXEN_CUDA_FLOAT32;
  const auto run = by_fma ? gemm_fma : g->precision == FLAXEN_CUDA_BFLOAT16 ? gemm_rounded : gemm_tf32;
  return product(*device, *g, run, sizeof(float), a, b, bias, c, moments, b_sums, scratch);
}

extern "C" int flaxen_cuda_gemm_bf16(const FlaxenCudaDevice* device, const FlaxenCudaGemm* g, const uint16_t* a, const uint16_t* b,
                                     const float* bias, float* c, float* moments, float* b_sums, void* scratch) {
  const auto run = g->precision == FLAXEN_CUDA_FLOAT32 || device->capability < 80 ? gemm_bf16_fma : gemm_bf16;
  return product(*device, *g, run, sizeof(uint16_t), a, b, bias, c, moments, b_sums, scratch);
}
