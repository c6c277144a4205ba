// What kernels compiled for the host call: the thread's place, barriers, warp operations, shared memory, asynchronous copies.
#pragma once

#include <cstddef>
#include <cstdint>

#include "simt/launch.h"

namespace flaxen::simt {

// Of the thread that runs; set each time that one goes on.
extern Dim3 threadIdx, blockIdx, blockDim, gridDim;

int lane_of_thread();

void block_barrier();
void warp_barrier(uint32_t mask);
uint32_t warp_ballot(uint32_t mask, bool predicate);
uint64_t warp_shuffle(uint32_t mask, uint64_t value, int source);
void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]);
uint32_t round_to_tf32(float x);
uint32_t round_to_bf16(float low, float high);

// The block's variable that `key` stands for, made at its first use.
void* shared_variable(const void* key, const char* name, size_t size);
void* dynamic_shared();

void copy_async(void* to, const void* from, unsigned bytes, unsigned source_bytes);
void commit_copies();
void wait_copies(unsigned left);

// Runs thread(closure) on each thread of the launch; `function` names the kernel. Returns a cudaError_t.
int launch_function(const void* function, const Launch& launch, const void* closure, size_t closure_size, void (*thread)(const void*));

}  // namespace flaxen::simt
