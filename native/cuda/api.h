/* The C interface of the CUDA library: what the backend finds in libflaxen_cuda.so. A call checks its sizes, starts kernels on a stream and
   returns; it allocates nothing and waits for nothing. All pointers but those of parameter structs are to device memory. `scratch` is
   memory of the size that the function of the same name ending in _scratch gives, its contents undefined. A result is 0, a positive
   cudaError_t, or a negative value of the enum below; flaxen_cuda_error_text says it in words. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define FLAXEN_CUDA_API __declspec(dllexport)
#else
#define FLAXEN_CUDA_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { FLAXEN_CUDA_VERSION = 1 };

enum {
  FLAXEN_CUDA_BAD_ARGUMENT = -1, /* a size is negative or does not fit another, or an enum is none of its values */
  FLAXEN_CUDA_TOO_LARGE = -2     /* an array has 2^31 elements or more, or a program needs more registers than a block has memory for */
};

/* Where and for what to launch. Two devices with equal `capability` and `processors` compute the same bits. */
typedef struct FlaxenCudaDevice {
  void* stream;   /* cudaStream_t */
  int capability; /* 10 * major + minor: 75, 80, ... */
  int processors; /* streaming multiprocessors */
} FlaxenCudaDevice;

FLAXEN_CUDA_API int flaxen_cuda_version(void);
FLAXEN_CUDA_API const char* flaxen_cuda_error_text(int error);

/* dtypes of the wire format, in the order of flaxen::DType */
typedef enum FlaxenCudaType { FLAXEN_CUDA_F32, FLAXEN_CUDA_I32, FLAXEN_CUDA_U32, FLAXEN_CUDA_BOOL } FlaxenCudaType;

/* One elementwise program (cuda/elementwise_code.h) over each of `segments` arrays of counts[s] elements, such as the leaves of a tree that
   an optimizer updates. pointers[s * (inputs + outputs)] and the following are the inputs, then the outputs, of array s. With several
   segments the code must have no strided loads. An output may share memory with an input that is read at the same index only. */
struct FlaxenElementwiseCode;
FLAXEN_CUDA_API int flaxen_cuda_elementwise(const FlaxenCudaDevice* device, const struct FlaxenElementwiseCode* code, int segments,
                                            const int64_t* counts, void* const* pointers);

/* Over the middle dimension of [outer, n, inner]; sum and prod not of bool. Several axes are several calls. */
typedef enum FlaxenCudaReduction { FLAXEN_CUDA_SUM, FLAXEN_CUDA_PROD, FLAXEN_CUDA_MAX, FLAXEN_CUDA_MIN } FlaxenCudaReduction;
FLAXEN_CUDA_API size_t flaxen_cuda_reduce_scratch(int64_t outer, int64_t n, int64_t inner);
FLAXEN_CUDA_API int flaxen_cuda_reduce(const FlaxenCudaDevice* device, FlaxenCudaReduction reduction, FlaxenCudaType type, int64_t outer,
                                       int64_t n, int64_t inner, const void* x, void* out, void* scratch);

/* argmax where `greatest`, else argmin. */
FLAXEN_CUDA_API int flaxen_cuda_arg(const FlaxenCudaDevice* device, int greatest, FlaxenCudaType type, int64_t outer, int64_t n,
                                    int64_t inner, const void* x, int32_t* out);

#ifdef __cplusplus
}
#endif
