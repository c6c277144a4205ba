// What differs between nvcc and the simulator's build by the host compiler; the only file of the kernels with inline PTX. Each wrapper has
// a twin for the host (FLAXEN_SIMT_HOST), and one for architectures without the instruction where kernels may use it there.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#define FLAXEN_DEVICE __device__ __forceinline__

#if defined(FLAXEN_SIMT_HOST)
#define FLAXEN_ARCH FLAXEN_SIMT_HOST  // 750, 800: whose code the host compiler is given
#elif defined(__CUDA_ARCH__)
#define FLAXEN_ARCH __CUDA_ARCH__
#else
#define FLAXEN_ARCH 0  // nvcc's pass over the host code: bodies are parsed, and never run
#endif

// FLAXEN_SHARED(type, name, [2][3]) declares an array in shared memory; FLAXEN_DYNAMIC_SHARED the bytes that the launch asked for.
#if defined(FLAXEN_SIMT_HOST)
#define FLAXEN_SHARED(T, name, ...)  \
  using name##_type = T __VA_ARGS__; \
  static char name##_key;            \
  name##_type& name = *static_cast<name##_type*>(flaxen::simt::shared_variable(&name##_key, #name, sizeof(name##_type)))
#define FLAXEN_DYNAMIC_SHARED(name) unsigned char* name = static_cast<unsigned char*>(flaxen::simt::dynamic_shared())
#else
#define FLAXEN_SHARED(T, name, ...) __shared__ __align__(16) T name __VA_ARGS__
#define FLAXEN_DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#endif

namespace flaxen::cuda {

// The index of a thread of thread_each(elements).
FLAXEN_DEVICE int64_t element_of_thread() { return int64_t{blockIdx.x} * 256 + static_cast<int>(threadIdx.x); }

// To the nearest tf32, as `mma` wants its operands: it would cut off the low bits.
FLAXEN_DEVICE uint32_t round_to_tf32(float x) {
#if defined(FLAXEN_SIMT_HOST)
  return flaxen::simt::round_to_tf32(x);
#elif FLAXEN_ARCH >= 800
  uint32_t bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));
  return bits;
#else
  return __float_as_uint(x);
#endif
}

// Both to the nearest bfloat16, ties to even, in one word: `low` in its low half.
FLAXEN_DEVICE uint32_t round_to_bf16(float low, float high) {
#if defined(FLAXEN_SIMT_HOST)
  return flaxen::simt::round_to_bf16(low, high);
#elif FLAXEN_ARCH >= 800
  uint32_t bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
#else
  return __float_as_uint(low) >> 16 | (__float_as_uint(high) & 0xffff0000u);
#endif
}

// d (16 x 8) += a (16 x 8) * b (8 x 8), over a warp. With g = lane / 4 and t = lane % 4 a lane holds
// a0 = A[g][t], a1 = A[g+8][t], a2 = A[g][t+4], a3 = A[g+8][t+4]; b0 = B[t][g], b1 = B[t+4][g];
// d0 = D[g][2t], d1 = D[g][2t+1], d2 = D[g+8][2t], d3 = D[g+8][2t+1].
FLAXEN_DEVICE void mma_tf32(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(FLAXEN_SIMT_HOST)
  flaxen::simt::mma_tf32(d, a, b);
#elif FLAXEN_ARCH >= 800
  asm volatile("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// d (16 x 8) += a (16 x 16) * b (16 x 8) of bfloat16, two in a word, the even k in the low half. With g = lane / 4 and t = lane % 4 a lane
// holds a0 = A[g][2t..], a1 = A[g+8][2t..], a2 = A[g][2t+8..], a3 = A[g+8][2t+8..]; b0 = B[2t..][g], b1 = B[2t+8..][g]; d as above.
FLAXEN_DEVICE void mma_bf16(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
#if defined(FLAXEN_SIMT_HOST)
  flaxen::simt::mma_bf16(d, a, b);
#elif FLAXEN_ARCH >= 800
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
               : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#endif
}

// Copies `bytes` (4, 8 or 16, and both addresses aligned to it) to shared memory in the background, or zeros where `inside` is false.
// Before sm_80 it copies at once.
template <int bytes>
FLAXEN_DEVICE void copy_async(void* shared, const void* global, bool inside) {
#if defined(FLAXEN_SIMT_HOST)
  flaxen::simt::copy_async(shared, global, bytes, inside ? bytes : 0);
#elif FLAXEN_ARCH >= 800
  const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  const int source_bytes = inside ? bytes : 0;
  if constexpr (bytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(source_bytes) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(bytes), "r"(source_bytes) : "memory");
  }
#else
  if constexpr (bytes == 16) {
    *static_cast<float4*>(shared) = inside ? *static_cast<const float4*>(global) : make_float4(0, 0, 0, 0);
  } else if constexpr (bytes == 8) {
    *static_cast<float2*>(shared) = inside ? *static_cast<const float2*>(global) : make_float2(0, 0);
  } else {
    *static_cast<float*>(shared) = inside ? *static_cast<const float*>(global) : 0.0f;
  }
#endif
}

// Ends the group of the copies since the last.
FLAXEN_DEVICE void commit_copies() {
#if defined(FLAXEN_SIMT_HOST)
  flaxen::simt::commit_copies();
#elif FLAXEN_ARCH >= 800
  asm volatile("cp.async.commit_group;" ::: "memory");
#endif
}

// Waits until at most `left` groups of this thread's are under way. Other threads see the copies after a barrier.
template <int left>
FLAXEN_DEVICE void wait_copies() {
#if defined(FLAXEN_SIMT_HOST)
  flaxen::simt::wait_copies(left);
#elif FLAXEN_ARCH >= 800
  asm volatile("cp.async.wait_group %0;" ::"n"(left) : "memory");
#endif
}

}  // namespace flaxen::cuda
