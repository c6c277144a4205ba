// Sorts lines of 64-bit entries, ascending: a key above a position, so that entries differ and any sort of them is stable. What sort and
// the scattered additions build on.
//
// Chunks of up to 1,024 entries are sorted by a bitonic network in shared memory (8 KB); runs are then merged pairwise,
// each entry finding its place by a binary search in the other run. Moves 16 bytes an entry for each of 1 + log2(n / 1024) passes, and
// n log2(n) cached reads in the searches: simple rather than fastest, and the same order in every run.
#pragma once

#include "cuda/launch.cuh"
#include "cuda/port.cuh"

namespace flaxen::cuda {

constexpr int kSortChunk = 1024;
constexpr uint32_t kLastKey = 0xffffffffu;

FLAXEN_DEVICE uint64_t entry_of(uint32_t key, int64_t position) { return uint64_t{key} << 32 | static_cast<uint32_t>(position); }
FLAXEN_DEVICE uint32_t key_of(uint64_t entry) { return static_cast<uint32_t>(entry >> 32); }
FLAXEN_DEVICE uint32_t position_of(uint64_t entry) { return static_cast<uint32_t>(entry); }

// How many of the n ascending entries are less.
FLAXEN_DEVICE int64_t count_less(const uint64_t* entries, int64_t n, uint64_t than) {
  int64_t low = 0;
  while (n > 0) {
    const int64_t half = n / 2;
    if (entries[low + half] < than) {
      low += half + 1;
      n -= half + 1;
    } else {
      n = half;
    }
  }
  return low;
}

// Entries [lines, n], in `other` too where the number of passes is odd; gives which of them is sorted.
int sort_lines(const FlaxenCudaDevice& device, uint64_t* entries, uint64_t* other, int64_t lines, int64_t n, uint64_t** sorted);

}  // namespace flaxen::cuda
