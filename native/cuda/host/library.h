// The CUDA library as the addon sees it: functions found by name in a shared library that is opened where a driver is.
#pragma once

#include <string>

#include "cuda/api.h"
#include "cuda/runtime.h"

namespace flaxen::cuda {

// Every function of api.h and runtime.h that the host code calls, without its prefix.
#define FLAXEN_CUDA_FUNCTIONS(X) \
  X(version)                     \
  X(error_text)                  \
  X(elementwise)                 \
  X(reduce_scratch)              \
  X(reduce)                      \
  X(arg)                         \
  X(cumsum_scratch)              \
  X(cumsum)                      \
  X(sort_scratch)                \
  X(sort)                        \
  X(take)                        \
  X(scatter_add_scratch)         \
  X(scatter_add)                 \
  X(batch_norm_scratch)          \
  X(batch_norm)                  \
  X(batch_norm_from_moments)     \
  X(batch_norm_grad_scratch)     \
  X(batch_norm_grad)             \
  X(batch_norm_strided)          \
  X(batch_norm_grad_strided)     \
  X(gemm_scratch)                \
  X(gemm_moment_rows)            \
  X(gemm)                        \
  X(gemm_integer)                \
  X(qr_scratch)                  \
  X(qr)                          \
  X(conv)                        \
  X(conv_input_grad)             \
  X(conv_kernel_grad_scratch)    \
  X(conv_kernel_grad)            \
  X(max_pool)                    \
  X(max_pool_grad)               \
  X(max_pool_gather)             \
  X(sum_pool)                    \
  X(sum_pool_grad)               \
  X(softmax_cross_entropy)       \
  X(softmax_cross_entropy_grad)  \
  X(threefry2x32)                \
  X(copy)                        \
  X(versions)                    \
  X(device_count)                \
  X(properties)                  \
  X(set_device)                  \
  X(memory_info)                 \
  X(stream_create)               \
  X(stream_synchronize)          \
  X(stream_destroy)              \
  X(allocate)                    \
  X(free)                        \
  X(allocate_pinned)             \
  X(free_pinned)                 \
  X(memory_copy)                 \
  X(event_create)                \
  X(event_record)                \
  X(event_done)                  \
  X(event_synchronize)           \
  X(event_destroy)               \
  X(capture_begin)               \
  X(capture_end)                 \
  X(graph_launch)                \
  X(graph_destroy)

struct Library {
#define FLAXEN_CUDA_MEMBER(name) decltype(&flaxen_cuda_##name) name = nullptr;
  FLAXEN_CUDA_FUNCTIONS(FLAXEN_CUDA_MEMBER)
#undef FLAXEN_CUDA_MEMBER

  // Opens the file, once for the process, which keeps it. Throws std::runtime_error where it cannot be opened, lacks a function, or is of
  // another version than this addon.
  static const Library& open(const std::string& path);
};

// Whether the system's loader finds the NVIDIA driver.
bool has_driver();

}  // namespace flaxen::cuda
