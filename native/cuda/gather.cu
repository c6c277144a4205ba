// take and takeAlong: elements of [outer, n, inner] picked along the middle dimension by indices, clamped or filled where they are outside.
//
// Moves 8 bytes an element of the result (4 in, 4 out) and the indices once: bound by memory, by whole sectors where `inner` is at least 8.
// One thread an element of the result, neighbours along `inner`.
// By ptxas 24 to 26 registers, no shared memory.
#include "cuda/gather.cuh"

namespace flaxen::cuda {

struct GatherView {
  int64_t n, inner, count, elements;  // of x along the dimension, behind it; of the result along it, in all
  bool along, clip;                   // along: an index for each element, [outer, count, inner]
};

template <typename T, typename Index>
__global__ void __launch_bounds__(256)
    gather(const T* __restrict__ x, const Index* __restrict__ indices, T* __restrict__ out, const GatherView view, T fill) {
  const int64_t e = element_of_thread();
  if (e >= view.elements) return;
  const int64_t row = e / view.inner, j = e - row * view.inner, o = row / view.count;
  int64_t index = indices[view.along ? e : row - o * view.count];
  if (view.clip) index = index < 0 ? 0 : index < view.n ? index : view.n - 1;
  out[e] = index >= 0 && index < view.n ? x[(o * view.n + index) * view.inner + j] : fill;
}

namespace {

uint32_t fill_of(FlaxenCudaType type) {
  switch (type) {
    case FLAXEN_CUDA_F32:
      return 0x7fc00000u;
    case FLAXEN_CUDA_I32:
      return 0x80000000u;
    case FLAXEN_CUDA_U32:
      return 0xffffffffu;
    case FLAXEN_CUDA_BOOL:
      return 1;
  }
  return 0;
}

template <typename T>
int run(const FlaxenCudaDevice& device, const void* x, FlaxenCudaType index_type, const void* indices, void* out, const GatherView& view,
        uint32_t fill) {
  const auto go = [&](auto* typed) {
    using Index = std::remove_pointer_t<decltype(typed)>;
    return launch(device, thread_each(view.elements), gather<T, std::remove_const_t<Index>>, static_cast<const T*>(x), typed,
                  static_cast<T*>(out), view, static_cast<T>(fill));
  };
  return index_type == FLAXEN_CUDA_I32 ? go(static_cast<const int32_t*>(indices)) : go(static_cast<const uint32_t*>(indices));
}

}  // namespace

}  // namespace flaxen::cuda

extern "C" int flaxen_cuda_take(const FlaxenCudaDevice* device, const FlaxenCudaGather* g, const void* x, const void* indices, void* out) {
  using namespace flaxen::cuda;
  if (const int error = check_gather(*g)) return error;
  const GatherView view{g->n, g->inner, g->count, g->outer * g->count * g->inner, g->along != 0, g->clip != 0 && g->n > 0};
  if (view.elements == 0) return 0;
  const auto go = g->type == FLAXEN_CUDA_BOOL ? run<uint8_t> : run<uint32_t>;
  return go(*device, x, g->index_type, indices, out, view, fill_of(g->type));
}
