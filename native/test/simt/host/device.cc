#include "simt/device.h"

#include <bit>

#include "simt/collective.h"
#include "simt/host/function_kernel.h"

namespace flaxen::simt {

namespace {

uint64_t address_of(const void* p) { return reinterpret_cast<uint64_t>(p); }

void meet(Simulating& simulating, uint32_t mask, Collective collective, const char* what) {
  running_thread.block->meet(*running_thread.thread, mask, collective, what);
  simulating.wait_if_needed();
}

void mma(Simulating& simulating, float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2], Collective multiply) {
  uint64_t result[4] = {};
  Exchange& x = running_thread.thread->exchange;
  for (size_t i = 0; i < 4; ++i) {
    x.in[i] = a[i];
    x.in[6 + i] = std::bit_cast<uint32_t>(d[i]);
    x.out[i] = &result[i];
  }
  for (size_t i = 0; i < 2; ++i) x.in[4 + i] = b[i];
  meet(simulating, ~0u, multiply, "an mma");
  for (size_t i = 0; i < 4; ++i) d[i] = std::bit_cast<float>(static_cast<uint32_t>(result[i]));
}

}  // namespace

#define FLAXEN_ENTER Simulating simulating(__builtin_return_address(0))

int lane_of_thread() { return static_cast<int>(running_thread.thread->lane); }

void block_barrier() {
  FLAXEN_ENTER;
  running_thread.block->barrier(*running_thread.thread);
  simulating.wait_if_needed();
}

void warp_barrier(uint32_t mask) {
  FLAXEN_ENTER;
  meet(simulating, mask, sync_warp, "a warp barrier");
}

uint32_t warp_ballot(uint32_t mask, bool predicate) {
  FLAXEN_ENTER;
  uint64_t result = 0;
  Exchange& x = running_thread.thread->exchange;
  x.in[0] = predicate;
  x.out[0] = &result;
  meet(simulating, mask, ballot, "a vote");
  return static_cast<uint32_t>(result);
}

uint64_t warp_shuffle(uint32_t mask, uint64_t value, int source) {
  FLAXEN_ENTER;
  uint64_t result = 0;
  Exchange& x = running_thread.thread->exchange;
  x.in[0] = value;
  x.in[1] = static_cast<uint64_t>(source);
  x.out[0] = &result;
  meet(simulating, mask, shuffle_lanes, "a shuffle");
  return result;
}

void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  FLAXEN_ENTER;
  mma(simulating, d, a, b, mma_m16n8k8_tf32);
}

void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
  FLAXEN_ENTER;
  mma(simulating, d, a, b, mma_m16n8k16_bf16);
}

void* shared_variable(const void* key, const char* name, size_t size) {
  FLAXEN_ENTER;
  return running_thread.kernel->shared_variable(key, name, size);
}

void* dynamic_shared() {
  FLAXEN_ENTER;
  static const char key = 0;
  const size_t size = running_thread.block->launch().dynamic_shared;
  return running_thread.kernel->shared_variable(&key, "dynamic shared memory", size);
}

void copy_async(void* to, const void* from, unsigned bytes, unsigned source_bytes) {
  FLAXEN_ENTER;
  Thread& thread = *running_thread.thread;
  running_thread.block->async_copy(
      thread,
      {.to = address_of(to), .from = address_of(from), .bytes = bytes, .source_bytes = source_bytes, .site = thread.site, .done = false});
}

void commit_copies() {
  FLAXEN_ENTER;
  running_thread.block->async_commit(*running_thread.thread);
}

void wait_copies(unsigned left) {
  FLAXEN_ENTER;
  running_thread.block->async_wait(*running_thread.thread, left);
}

}  // namespace flaxen::simt
