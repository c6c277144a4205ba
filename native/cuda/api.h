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

/* Elementwise programs (cuda/elementwise_code.h), each over arrays of one size, such as the leaves of a tree that an optimizer updates:
   segment s runs code[program] over `count` elements. `pointers` has the inputs, then the outputs of the first segment, then those of the
   next. A program without inputs fills an array or counts along it; one with strided loads takes arrays of its own shape. An output may
   share memory with an input that is read at the same index only, and with nothing of another segment. */
struct FlaxenElementwiseCode;
typedef struct FlaxenElementwiseSegment {
  int program;
  int64_t count;
} FlaxenElementwiseSegment;
FLAXEN_CUDA_API int flaxen_cuda_elementwise(const FlaxenCudaDevice* device, int programs, const struct FlaxenElementwiseCode* code,
                                            int segments, const FlaxenElementwiseSegment* segment, void* const* pointers);

/* Over the middle dimension of [outer, n, inner]; sum and prod not of bool. Several axes are several calls. */
typedef enum FlaxenCudaReduction { FLAXEN_CUDA_SUM, FLAXEN_CUDA_PROD, FLAXEN_CUDA_MAX, FLAXEN_CUDA_MIN } FlaxenCudaReduction;
FLAXEN_CUDA_API size_t flaxen_cuda_reduce_scratch(int64_t outer, int64_t n, int64_t inner);
FLAXEN_CUDA_API int flaxen_cuda_reduce(const FlaxenCudaDevice* device, FlaxenCudaReduction reduction, FlaxenCudaType type, int64_t outer,
                                       int64_t n, int64_t inner, const void* x, void* out, void* scratch);

/* argmax where `greatest`, else argmin. */
FLAXEN_CUDA_API int flaxen_cuda_arg(const FlaxenCudaDevice* device, int greatest, FlaxenCudaType type, int64_t outer, int64_t n,
                                    int64_t inner, const void* x, int32_t* out);

/* Cumulative sums over the middle dimension; not of bool. out may be x. */
FLAXEN_CUDA_API size_t flaxen_cuda_cumsum_scratch(int64_t outer, int64_t n, int64_t inner);
FLAXEN_CUDA_API int flaxen_cuda_cumsum(const FlaxenCudaDevice* device, FlaxenCudaType type, int64_t outer, int64_t n, int64_t inner,
                                       int reverse, const void* x, void* out, void* scratch);

/* Operands x[0], x[1], ... of one shape, ordered stably along the middle dimension by the first `keys` of them, ascending, NaN last. An
   array of out is none of x. */
FLAXEN_CUDA_API size_t flaxen_cuda_sort_scratch(int64_t outer, int64_t n, int64_t inner);
FLAXEN_CUDA_API int flaxen_cuda_sort(const FlaxenCudaDevice* device, int operands, int keys, const FlaxenCudaType* types, int64_t outer,
                                     int64_t n, int64_t inner, const void* const* x, void* const* out, void* scratch);

/* Indices into the middle dimension of x [outer, n, inner], int32 or uint32: [count], or, `along`, [outer, count, inner]. */
typedef struct FlaxenCudaGather {
  FlaxenCudaType type, index_type;
  int64_t outer, n, inner, count;
  int along;
  int clip; /* of take: an index outside is clamped; else it gives NaN, the least int32, the greatest uint32, true */
} FlaxenCudaGather;
/* out [outer, count, inner] */
FLAXEN_CUDA_API int flaxen_cuda_take(const FlaxenCudaDevice* device, const FlaxenCudaGather* gather, const void* x, const void* indices,
                                     void* out);
/* out = x plus updates [outer, count, inner] at the indices, in their order; those outside are dropped. out may be x. */
FLAXEN_CUDA_API size_t flaxen_cuda_scatter_add_scratch(const FlaxenCudaGather* gather);
FLAXEN_CUDA_API int flaxen_cuda_scatter_add(const FlaxenCudaDevice* device, const FlaxenCudaGather* gather, const void* x,
                                            const void* indices, const void* updates, void* out, void* scratch);

/* Training batch normalisation over the rows of x [rows, columns], then relu where asked; mean, var [columns]. y may be x.
   The second form takes what the epilogue of a dense layer found (see flaxen_cuda_gemm): for each block of rows, [3, columns]: the block's
   first row, the sum of the differences from it, and the sum of their squares. */
FLAXEN_CUDA_API size_t flaxen_cuda_batch_norm_scratch(int64_t rows, int64_t columns);
FLAXEN_CUDA_API int flaxen_cuda_batch_norm(const FlaxenCudaDevice* device, int64_t rows, int64_t columns, const float* x,
                                           const float* scale, const float* bias, float epsilon, int relu, float* y, float* mean,
                                           float* var, void* scratch);
FLAXEN_CUDA_API int flaxen_cuda_batch_norm_from_moments(const FlaxenCudaDevice* device, int64_t rows, int64_t columns, const float* moments,
                                                        int64_t rows_per_block, const float* x, const float* scale, const float* bias,
                                                        float epsilon, int relu, float* y, float* mean, float* var);
FLAXEN_CUDA_API int flaxen_cuda_batch_norm_inference(const FlaxenCudaDevice* device, int64_t rows, int64_t columns, const float* x,
                                                     const float* mean, const float* var, const float* scale, const float* bias,
                                                     float epsilon, int relu, float* y);
/* With relu_bias, the bias of the forward pass, dy is the cotangent of relu(y); else null. dx may be dy or x. */
FLAXEN_CUDA_API size_t flaxen_cuda_batch_norm_grad_scratch(int64_t rows, int64_t columns);
FLAXEN_CUDA_API int flaxen_cuda_batch_norm_grad(const FlaxenCudaDevice* device, int64_t rows, int64_t columns, const float* dy,
                                                const float* x, const float* scale, const float* mean, const float* var,
                                                const float* relu_bias, float epsilon, int fast_variance, float* dx, float* dscale,
                                                float* dbias, void* scratch);

/* The same for features that are not last, or rows that are not dense: a row is an index into `rank` dimensions, element (row, feature)
   lies at the sum of index times stride plus feature * feature_stride. y, dy and dx lie as x does. Scratch is that of the dense form. */
typedef struct FlaxenCudaFeatures {
  int rank; /* at most 8 */
  int64_t size[8], stride[8];
  int64_t features, feature_stride;
} FlaxenCudaFeatures;
FLAXEN_CUDA_API int flaxen_cuda_batch_norm_strided(const FlaxenCudaDevice* device, const FlaxenCudaFeatures* view, const float* x,
                                                   const float* scale, const float* bias, float epsilon, int relu, float* y, float* mean,
                                                   float* var, void* scratch);
FLAXEN_CUDA_API int flaxen_cuda_batch_norm_inference_strided(const FlaxenCudaDevice* device, const FlaxenCudaFeatures* view, const float* x,
                                                             const float* mean, const float* var, const float* scale, const float* bias,
                                                             float epsilon, int relu, float* y);
FLAXEN_CUDA_API int flaxen_cuda_batch_norm_grad_strided(const FlaxenCudaDevice* device, const FlaxenCudaFeatures* view, const float* dy,
                                                        const float* x, const float* scale, const float* mean, const float* var,
                                                        const float* relu_bias, float epsilon, int fast_variance, float* dx, float* dscale,
                                                        float* dbias, void* scratch);

/* c[batch] = a b + bias, then relu; c is dense [batch, m, n]. a is [m, k], or [k, m] where transposed; b is [k, n], or [n, k]. Strides are
   in elements, from row to row as stored, and from one matrix of the batch to the next. A dense layer: a = x, b = kernel; its dx: a = dy,
   b = kernel transposed; its kernel's gradient: a = x transposed, b = dy, and b_sums is that of the bias. */
typedef enum FlaxenCudaPrecision { /* what float32 elements are rounded to before they are multiplied, where the device has tensor cores */
                                   FLAXEN_CUDA_TF32,
                                   FLAXEN_CUDA_FLOAT32,
                                   FLAXEN_CUDA_BFLOAT16
} FlaxenCudaPrecision;
typedef struct FlaxenCudaGemm {
  int64_t batch, m, n, k;
  int64_t a_stride, b_stride, a_batch, b_batch;
  int a_transposed, b_transposed;
  FlaxenCudaPrecision precision;
  int relu;
} FlaxenCudaGemm;
/* bias [n], moments and b_sums may be null. moments [blocks, 3, n]: of c's columns, in blocks of flaxen_cuda_gemm_moment_rows rows, as
   flaxen_cuda_batch_norm_from_moments takes them; b_sums [n]: the sums of b over k. Both with a batch of 1. */
FLAXEN_CUDA_API int64_t flaxen_cuda_gemm_moment_rows(const FlaxenCudaGemm* gemm);
FLAXEN_CUDA_API size_t flaxen_cuda_gemm_scratch(const FlaxenCudaGemm* gemm, int moments);
FLAXEN_CUDA_API int flaxen_cuda_gemm(const FlaxenCudaDevice* device, const FlaxenCudaGemm* gemm, const float* a, const float* b,
                                     const float* bias, float* c, float* moments, float* b_sums, void* scratch);

/* The same of bfloat16 a and b: products and sums in float32, with tensor cores unless the precision is float32. */
FLAXEN_CUDA_API int flaxen_cuda_gemm_bf16(const FlaxenCudaDevice* device, const FlaxenCudaGemm* gemm, const uint16_t* a, const uint16_t* b,
                                          const float* bias, float* c, float* moments, float* b_sums, void* scratch);

/* c = a b of int32 or uint32 matrices, modulo 2^32; `precision` and `relu` are not looked at. */
FLAXEN_CUDA_API int flaxen_cuda_gemm_integer(const FlaxenCudaDevice* device, const FlaxenCudaGemm* gemm, const void* a, const void* b,
                                             void* c);

/* Householder: x [m, n] = q [m, k] r [k, n] with k = min(m, n), and the signs of LAPACK. */
FLAXEN_CUDA_API size_t flaxen_cuda_qr_scratch(int64_t m, int64_t n);
FLAXEN_CUDA_API int flaxen_cuda_qr(const FlaxenCudaDevice* device, int64_t m, int64_t n, const float* x, float* q, float* r, void* scratch);

/* Along spatial dimension d, window w covers the positions w * stride[d] - low[d] + i * dilation[d], i < window[d], as far as they lie
   in size[d]; the others are zeros to a convolution or a sum, and nothing to a maximum. Dimensions that are not there have size, windows,
   window, stride and dilation 1, low 0. Pools have dilation 1. */
typedef struct FlaxenCudaWindows {
  int64_t size[3], windows[3], window[3], stride[3], low[3], dilation[3];
} FlaxenCudaWindows;

/* x [n, size..., c], kernel [window..., c / groups, out], y [n, windows..., out]; an output feature sees its group's input features. */
typedef struct FlaxenCudaConv {
  FlaxenCudaWindows windows;
  int64_t n, c, out, groups;
} FlaxenCudaConv;
FLAXEN_CUDA_API int flaxen_cuda_conv(const FlaxenCudaDevice* device, const FlaxenCudaConv* conv, const float* x, const float* kernel,
                                     float* y);
FLAXEN_CUDA_API int flaxen_cuda_conv_input_grad(const FlaxenCudaDevice* device, const FlaxenCudaConv* conv, const float* dy,
                                                const float* kernel, float* dx);
FLAXEN_CUDA_API size_t flaxen_cuda_conv_kernel_grad_scratch(const FlaxenCudaConv* conv);
FLAXEN_CUDA_API int flaxen_cuda_conv_kernel_grad(const FlaxenCudaDevice* device, const FlaxenCudaConv* conv, const float* x,
                                                 const float* dy, float* dkernel, void* scratch);

/* x [n, size..., c], y [n, windows..., c]. A window's maximum is its first, a NaN before all; gather gives t's element there, 0 for a
   window of padding alone. */
typedef struct FlaxenCudaPool {
  FlaxenCudaWindows windows;
  int64_t n, c;
} FlaxenCudaPool;
FLAXEN_CUDA_API int flaxen_cuda_max_pool(const FlaxenCudaDevice* device, const FlaxenCudaPool* pool, const float* x, float* y);
FLAXEN_CUDA_API int flaxen_cuda_max_pool_grad(const FlaxenCudaDevice* device, const FlaxenCudaPool* pool, const float* x, const float* dy,
                                              float* dx);
FLAXEN_CUDA_API int flaxen_cuda_max_pool_gather(const FlaxenCudaDevice* device, const FlaxenCudaPool* pool, const float* x, const float* t,
                                                float* out);
FLAXEN_CUDA_API int flaxen_cuda_sum_pool(const FlaxenCudaDevice* device, const FlaxenCudaPool* pool, const float* x, float* y);
FLAXEN_CUDA_API int flaxen_cuda_sum_pool_grad(const FlaxenCudaDevice* device, const FlaxenCudaPool* pool, const float* dy, float* dx);

/* Of rows of `classes` logits; a negative label counts from the end, one outside the classes has the loss NaN. */
FLAXEN_CUDA_API int flaxen_cuda_softmax_cross_entropy(const FlaxenCudaDevice* device, int64_t rows, int64_t classes, const float* logits,
                                                      const int32_t* labels, float* loss, float* logsumexp);
/* For the cotangents dloss [rows] of the loss, or, where that is null, dloss_of_all of each. dlogits may be logits. */
FLAXEN_CUDA_API int flaxen_cuda_softmax_cross_entropy_grad(const FlaxenCudaDevice* device, int64_t rows, int64_t classes,
                                                           const float* logits, const int32_t* labels, const float* logsumexp,
                                                           const float* dloss, float dloss_of_all, float* dlogits);

/* The Threefry-2x32 block cipher of n pairs; key [2]. Outputs may be inputs. */
FLAXEN_CUDA_API int flaxen_cuda_threefry2x32(const FlaxenCudaDevice* device, int64_t n, const uint32_t* key, const uint32_t* x0,
                                             const uint32_t* x1, uint32_t* y0, uint32_t* y1);

/* to[i . to_strides] = from[i . from_strides] for every index i of the shape; elements of 1 or 4 bytes. The pointers are those of index 0;
   strides of `from` may be 0, either may be negative. Pads and concatenations are several copies. */
FLAXEN_CUDA_API int flaxen_cuda_copy(const FlaxenCudaDevice* device, int element_bytes, int rank, const int64_t* shape, void* to,
                                     const int64_t* to_strides, const void* from, const int64_t* from_strides);

#ifdef __cplusplus
}
#endif
