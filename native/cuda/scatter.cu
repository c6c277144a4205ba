// scatterAdd and scatterAddAlong: x [outer, n, inner] plus updates [outer, count, inner] at the indices along the middle dimension; those
// outside are dropped.
//
// No atomics: the indices are sorted with their positions (cuda/sort_lines.cuh), one line for all columns or, where each column has indices
// of its own, a line a column. Then each element of the result finds its run by a binary search and adds it in index order: the sums of a
// sequential loop, bit for bit, in every run. Moves 8 bytes an element of x, 4 an update and its entry once a column; the search is
// log2(count) cached reads an element. One thread an element.
// By ptxas 24 to 30 registers, no shared memory.
#include "cuda/gather.cuh"
#include "cuda/sort_lines.cuh"

namespace flaxen::cuda {

template <typename Index>
__global__ void __launch_bounds__(256) scatter_entries(const Index* __restrict__ indices, uint64_t* __restrict__ entries, int64_t elements,
                                                       int64_t count, int64_t inner, int64_t n) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const int64_t line = e / count, i = e - line * count;
  const int64_t index = indices[line_start(line, count, inner) + i * inner];
  entries[e] = entry_of(index >= 0 && index < n ? static_cast<uint32_t>(index) : kLastKey, i);
}

FLAXEN_DEVICE float plus(float a, float b) { return a + b; }
FLAXEN_DEVICE uint32_t plus(uint32_t a, uint32_t b) { return a + b; }
FLAXEN_DEVICE uint8_t plus(uint8_t a, uint8_t b) { return a | b; }

template <typename T>
__global__ void __launch_bounds__(256) scatter_add(const T* x, const uint64_t* __restrict__ sorted, const T* __restrict__ updates, T* out,
                                                   int64_t elements, int64_t n, int64_t count, int64_t inner, bool along) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const int64_t row = e / inner, j = e - row * inner, o = row / n;
  const uint32_t index = static_cast<uint32_t>(row - o * n);
  const uint64_t* line = sorted + (along ? (o * inner + j) * count : 0);
  T sum = x[e];
  for (int64_t i = count_less(line, count, entry_of(index, 0)); i < count && key_of(line[i]) == index; ++i) {
    sum = plus(sum, updates[(o * count + position_of(line[i])) * inner + j]);
  }
  out[e] = sum;
}

namespace {

// How the indices are sorted: `lines` of `count`, elements `inner` apart.
struct Lines {
  int64_t lines, inner;
  explicit Lines(const FlaxenCudaGather& g) : lines(g.along ? g.outer * g.inner : 1), inner(g.along ? g.inner : 1) {}
};

template <typename T>
int add(const FlaxenCudaDevice& device, const FlaxenCudaGather& g, const void* x, const uint64_t* sorted, const void* updates, void* out) {
  const int64_t elements = g.outer * g.n * g.inner;
  return launch(device, thread_each(elements), scatter_add<T>, static_cast<const T*>(x), sorted, static_cast<const T*>(updates),
                static_cast<T*>(out), elements, g.n, g.count, g.inner, g.along != 0);
}

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" size_t flaxen_cuda_scatter_add_scratch(const FlaxenCudaGather* g) {
  return static_cast<size_t>(Lines(*g).lines * g->count) * 2 * sizeof(uint64_t);
}

extern "C" int flaxen_cuda_scatter_add(const FlaxenCudaDevice* device, const FlaxenCudaGather* g, const void* x, const void* indices,
                                       const void* updates, void* out, void* scratch) {
  if (const int error = check_gather(*g)) return error;
  if (g->outer * g->n * g->inner == 0) return 0;
  const Lines l(*g);
  const int64_t entries_count = l.lines * g->count;
  uint64_t *entries = static_cast<uint64_t*>(scratch), *sorted = entries;
  if (entries_count > 0) {
    const auto build = [&](auto* typed) {
      using Index = std::remove_const_t<std::remove_pointer_t<decltype(typed)>>;
      return launch(*device, thread_each(entries_count), scatter_entries<Index>, typed, entries, entries_count, g->count, l.inner, g->n);
    };
    int error =
        g->index_type == FLAXEN_CUDA_I32 ? build(static_cast<const int32_t*>(indices)) : build(static_cast<const uint32_t*>(indices));
    if (!error) error = sort_lines(*device, entries, entries + entries_count, l.lines, g->count, &sorted);
    if (error) return error;
  }
  const auto go = g->type == FLAXEN_CUDA_BOOL ? add<uint8_t> : g->type == FLAXEN_CUDA_F32 ? add<float> : add<uint32_t>;
  return go(*device, *g, x, sorted, updates, out);
}
