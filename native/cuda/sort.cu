// Stable sort of several operands along one dimension by the first of them: the keys of each line are sorted with their positions
// (cuda/sort_lines.cuh), from the least significant operand to the first, and the operands follow in the order found.
// Moves, besides the passes of that sort, 12 bytes an element a key and 8 an element an operand. One thread an element.
// By ptxas 18 to 38 registers, 0 to 8192 bytes of shared memory.
#include "cuda/axis.cuh"
#include "cuda/sort_lines.cuh"

namespace flaxen::cuda {

// A block's chunk holds whole pieces of `size` entries, a power of two; a line has ceil(n / size) of them.
__global__ void __launch_bounds__(256) sort_chunks(uint64_t* entries, int64_t lines, int64_t n, int size) {
  FLAXEN_SHARED(uint64_t, chunk, [kSortChunk]);
  const int thread = static_cast<int>(threadIdx.x);
  const int64_t pieces = ceil_div(n, int64_t{size}), first = int64_t{blockIdx.x} * (kSortChunk / size);
  // Where slot s comes from, or -1.
  const auto place = [&](int s) {
    const int64_t piece = first + s / size, line = piece / pieces;
    const int64_t i = (piece - line * pieces) * size + s % size;
    return line < lines && i < n ? line * n + i : -1;
  };
  for (int s = thread; s < kSortChunk; s += 256) {
    const int64_t from = place(s);
    chunk[s] = from < 0 ? ~uint64_t{0} : entries[from];
  }
  for (int run = 2; run <= size; run *= 2) {
    for (int distance = run / 2; distance > 0; distance /= 2) {
      __syncthreads();
      for (int pair = thread; pair < kSortChunk / 2; pair += 256) {
        const int a = 2 * pair - (pair & (distance - 1)), b = a + distance;
        const bool ascending = (a & (size - 1) & run) == 0;
        const uint64_t x = chunk[a], y = chunk[b];
        if ((x > y) == ascending) {
          chunk[a] = y;
          chunk[b] = x;
        }
      }
    }
  }
  __syncthreads();
  for (int s = thread; s < kSortChunk; s += 256) {
    const int64_t to = place(s);
    if (to >= 0) entries[to] = chunk[s];
  }
}

// Merges neighbouring runs of each line.
__global__ void __launch_bounds__(256)
    merge_runs(const uint64_t* __restrict__ from, uint64_t* __restrict__ to, int64_t elements, int64_t n, int64_t run) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const int64_t line = e / n, i = e - line * n;
  const int64_t own = i / run * run, pair = i / (2 * run) * (2 * run), sibling = own == pair ? pair + run : pair;
  const int64_t left = n - sibling, length = left < 0 ? 0 : left < run ? left : run;
  const uint64_t entry = from[e];
  to[line * n + pair + (i - own) + count_less(from + line * n + sibling, length, entry)] = entry;
}

int sort_lines(const FlaxenCudaDevice& device, uint64_t* entries, uint64_t* other, int64_t lines, int64_t n, uint64_t** sorted) {
  *sorted = entries;
  const int64_t elements = lines * n;
  if (elements == 0 || n == 1) return 0;
  int size = 2;
  while (size < kSortChunk && size < n) size *= 2;
  const int64_t chunks = ceil_div(lines * ceil_div(n, int64_t{size}), int64_t{kSortChunk / size});
  if (const int error = launch(device, {dim3(static_cast<unsigned>(chunks)), dim3(256)}, sort_chunks, entries, lines, n, size))
    return error;
  for (int64_t run = size; run < n; run *= 2) {
    if (const int error = launch(device, thread_each(elements), merge_runs, *sorted, other, elements, n, run)) return error;
    uint64_t* next = other;
    other = *sorted;
    *sorted = next;
  }
  return 0;
}

// An unsigned key in the element's order: NaN last, -0 and +0 equal.
FLAXEN_DEVICE uint32_t sort_key(float x) {
  if (x != x) return kLastKey;
  if (x == 0) return 0x80000000u;
  const uint32_t bits = __float_as_uint(x);
  return bits >> 31 ? ~bits : bits | 0x80000000u;
}
FLAXEN_DEVICE uint32_t sort_key(int x) { return static_cast<uint32_t>(x) ^ 0x80000000u; }
FLAXEN_DEVICE uint32_t sort_key(uint32_t x) { return x; }
FLAXEN_DEVICE uint32_t sort_key(uint8_t x) { return x; }

// Element i of a line's order so far is the position order[i], or i where there is none yet.
template <typename T>
__global__ void __launch_bounds__(256) sort_entries(const T* __restrict__ keys, const uint32_t* __restrict__ order,
                                                    uint64_t* __restrict__ entries, int64_t elements, int64_t n, int64_t inner) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const int64_t line = e / n, i = e - line * n;
  const int64_t position = order ? order[e] : i;
  entries[e] = entry_of(sort_key(keys[line_start(line, n, inner) + position * inner]), i);
}

__global__ void __launch_bounds__(256) sort_order(const uint64_t* __restrict__ sorted, const uint32_t* __restrict__ before,
                                                  uint32_t* __restrict__ after, int64_t elements, int64_t n) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const uint32_t i = position_of(sorted[e]);
  after[e] = before ? before[e / n * n + i] : i;
}

template <typename T>
__global__ void __launch_bounds__(256) sort_permute(const T* __restrict__ x, const uint32_t* __restrict__ order, T* __restrict__ out,
                                                    int64_t elements, int64_t n, int64_t inner) {
  const int64_t e = element_of_thread();
  if (e >= elements) return;
  const int64_t row = e / inner, o = row / n, i = row - o * n, j = e - row * inner;
  const int64_t line = o * inner + j;
  out[e] = x[(o * n + order[line * n + i]) * inner + j];
}

namespace {

struct Sort {
  const FlaxenCudaDevice& device;
  int64_t elements, n, inner;

  template <typename T>
  int entries(const void* keys, const uint32_t* order, uint64_t* to) const {
    return launch(device, thread_each(elements), sort_entries<T>, static_cast<const T*>(keys), order, to, elements, n, inner);
  }
  int entries(FlaxenCudaType type, const void* keys, const uint32_t* order, uint64_t* to) const {
    switch (type) {
      case FLAXEN_CUDA_F32:
        return entries<float>(keys, order, to);
      case FLAXEN_CUDA_I32:
        return entries<int>(keys, order, to);
      case FLAXEN_CUDA_U32:
        return entries<uint32_t>(keys, order, to);
      case FLAXEN_CUDA_BOOL:
        return entries<uint8_t>(keys, order, to);
    }
    return FLAXEN_CUDA_BAD_ARGUMENT;
  }
  template <typename T>
  int permute(const void* x, const uint32_t* order, void* out) const {
    return launch(device, thread_each(elements), sort_permute<T>, static_cast<const T*>(x), order, static_cast<T*>(out), elements, n,
                  inner);
  }
};

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" size_t flaxen_cuda_sort_scratch(int64_t outer, int64_t n, int64_t inner) {
  return static_cast<size_t>(outer * n * inner) * (2 * sizeof(uint64_t) + 2 * sizeof(uint32_t));
}

extern "C" int flaxen_cuda_sort(const FlaxenCudaDevice* device, int operands, int keys, const FlaxenCudaType* types, int64_t outer,
                                int64_t n, int64_t inner, const void* const* x, void* const* out, void* scratch) {
  if (const int error = check_axis(outer, n, inner)) return error;
  if (operands < 1 || keys < 1 || keys > operands) return FLAXEN_CUDA_BAD_ARGUMENT;
  const Sort sort{*device, outer * n * inner, n, inner};
  if (sort.elements == 0) return 0;
  uint64_t* entries = static_cast<uint64_t*>(scratch);
  uint64_t* other = entries + sort.elements;
  uint32_t *order = nullptr, *next = reinterpret_cast<uint32_t*>(other + sort.elements), *spare = next + sort.elements;
  for (int key = keys - 1; key >= 0; --key) {
    uint64_t* sorted;
    if (const int error = sort.entries(types[key], x[key], order, entries)) return error;
    if (const int error = sort_lines(*device, entries, other, outer * inner, n, &sorted)) return error;
    if (const int error = launch(*device, thread_each(sort.elements), sort_order, sorted, order, next, sort.elements, n)) return error;
    order = next;
    next = spare;
    spare = order;
  }
  for (int k = 0; k < operands; ++k) {
    const int error =
        types[k] == FLAXEN_CUDA_BOOL ? sort.permute<uint8_t>(x[k], order, out[k]) : sort.permute<uint32_t>(x[k], order, out[k]);
    if (error) return error;
  }
  return 0;
}
