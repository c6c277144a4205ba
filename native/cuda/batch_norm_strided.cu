// Batch normalisation, its inference form and its gradients where the features are not the last dimension, or rows are not dense.
//
// The launches, their sums and their traffic are those of batch_norm.cu and batch_norm_grad.cu, and so are the launches that join blocks. A
// block takes 256 rows: 32 features by 8 rows at a time where features are neighbours in memory, else one feature by 256 rows, which are
// neighbours in [batch, features, height, width]. Where a row lies is found by divisions, one a dimension left after joining those that
// allow it.
// By ptxas 32 to 50 registers, 0 to 2048 bytes of shared memory.
#include "cuda/batch_norm.cuh"

namespace flaxen::cuda {

constexpr int kStridedThreads = 256;
static_assert(kMomentRows == kSummedRows, "one grid for both");

// Rows by features; the fastest dimension of the rows first.
struct StridedView {
  int rank;
  uint32_t size[8];
  int64_t stride[8], feature_stride, rows, features;
};

FLAXEN_DEVICE int64_t offset_of(const StridedView& view, int64_t row) {
  uint32_t index = static_cast<uint32_t>(row);
  int64_t offset = 0;
  for (int d = 0; d < view.rank; ++d) {
    const uint32_t next = index / view.size[d];
    offset += (index - next * view.size[d]) * view.stride[d];
    index = next;
  }
  return offset;
}

// A thread's feature and rows.
struct StridedPlace {
  int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y), width = static_cast<int>(blockDim.x),
      height = static_cast<int>(blockDim.y);
  int64_t feature, block, first, last;
  bool inside;

  FLAXEN_DEVICE explicit StridedPlace(const StridedView& view) {
    const int64_t tiles = ceil_div(view.features, int64_t{width});
    block = blockIdx.x / tiles;
    feature = (blockIdx.x - block * tiles) * width + x;
    inside = feature < view.features;
    first = block * kMomentRows;
    last = !inside ? first : first + kMomentRows < view.rows ? first + kMomentRows : view.rows;
  }
};

// The sums of a and b over the block's rows, in the threads of its first.
FLAXEN_DEVICE void sum_rows(const StridedPlace& place, float& a, float& b) {
  FLAXEN_SHARED(float, sums, [2][kStridedThreads]);
  const int own = place.y * place.width + place.x;
  sums[0][own] = a;
  sums[1][own] = b;
  for (int half = place.height / 2; half > 0; half /= 2) {
    __syncthreads();
    if (place.y < half) {
      a += sums[0][own + half * place.width];
      b += sums[1][own + half * place.width];
      sums[0][own] = a;
      sums[1][own] = b;
    }
  }
}

__global__ void __launch_bounds__(kStridedThreads)
    strided_moments(const float* __restrict__ x, float* __restrict__ moments, const __grid_constant__ StridedView view) {
  const StridedPlace place(view);
  const float* column = x + (place.inside ? place.feature * view.feature_stride : 0);
  float shift = place.inside ? column[offset_of(view, place.first)] : 0.0f, sum = 0, square = 0;
  if (shift - shift != 0.0f) shift = 0.0f;  // an infinity or NaN
  for (int64_t r = place.first + place.y; r < place.last; r += place.height) {
    const float d = column[offset_of(view, r)] - shift;
    sum += d;
    square = fmaf(d, d, square);
  }
  sum_rows(place, sum, square);
  if (!place.inside || place.y != 0) return;
  float* to = moments + place.block * 3 * view.features + place.feature;
  to[0] = shift;
  to[view.features] = sum;
  to[2 * view.features] = square;
}

__global__ void __launch_bounds__(kStridedThreads)
    strided_normalize(const float* x, float* y, const float* __restrict__ mean, const float* __restrict__ var,
                      const float* __restrict__ scale, const float* __restrict__ bias, float epsilon, bool relu,
                      const __grid_constant__ StridedView view) {
  const StridedPlace place(view);
  if (!place.inside) return;
  const GradColumn column(mean, var, scale, bias, epsilon, place.feature);
  for (int64_t r = place.first + place.y; r < place.last; r += place.height) {
    const int64_t at = offset_of(view, r) + place.feature * view.feature_stride;
    float v = fmaf(x[at] - column.mean, column.factor, column.bias);
    if (relu && v <= 0.0f) v = 0.0f;
    y[at] = v;
  }
}

__global__ void __launch_bounds__(kStridedThreads)
    strided_grad_sums(const float* __restrict__ dy, const float* __restrict__ x, const float* __restrict__ mean,
                      const float* __restrict__ var, const float* __restrict__ scale, const float* __restrict__ relu_bias, float epsilon,
                      float* __restrict__ sums, const __grid_constant__ StridedView view) {
  const StridedPlace place(view);
  const GradColumn column(mean, var, scale, relu_bias, epsilon, place.inside ? place.feature : 0);
  float sum = 0, product = 0;
  for (int64_t r = place.first + place.y; r < place.last; r += place.height) {
    const int64_t at = offset_of(view, r) + place.feature * view.feature_stride;
    const float centred = x[at] - column.mean;
    const float d = relu_bias && fmaf(centred, column.factor, column.bias) <= 0.0f ? 0.0f : dy[at];
    sum += d;
    product = fmaf(d, centred, product);
  }
  sum_rows(place, sum, product);
  if (!place.inside || place.y != 0) return;
  float* to = sums + place.block * 2 * view.features + place.feature;
  to[0] = sum;
  to[view.features] = product;
}

__global__ void __launch_bounds__(kStridedThreads)
    strided_grad_x(const float* dy, const float* x, float* dx, const float* __restrict__ mean, const float* __restrict__ var,
                   const float* __restrict__ scale, const float* __restrict__ relu_bias, float epsilon, const float* __restrict__ dy_mean,
                   const float* __restrict__ slope, const __grid_constant__ StridedView view) {
  const StridedPlace place(view);
  if (!place.inside) return;
  const GradColumn column(mean, var, scale, relu_bias, epsilon, place.feature);
  const float cotangent_mean = dy_mean[place.feature], s = slope[place.feature];
  for (int64_t r = place.first + place.y; r < place.last; r += place.height) {
    const int64_t at = offset_of(view, r) + place.feature * view.feature_stride;
    const float centred = x[at] - column.mean;
    const float d = relu_bias && fmaf(centred, column.factor, column.bias) <= 0.0f ? 0.0f : dy[at];
    dx[at] = fmaf(-centred, s, (d - cotangent_mean) * column.factor);
  }
}

namespace {

// Checks the view, and joins dimensions of the rows that lie one behind the other.
int prepare(const FlaxenCudaFeatures& from, StridedView* view) {
  if (from.rank < 0 || from.rank > 8 || from.features < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  *view = {};
  view->features = from.features;
  view->feature_stride = from.feature_stride;
  int64_t rows = 1;
  for (int d = from.rank - 1; d >= 0; --d) {
    if (from.size[d] < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
    if (from.size[d] >= kMostElements || (rows > 0 && from.size[d] >= ceil_div(kMostElements, rows))) return FLAXEN_CUDA_TOO_LARGE;
    rows *= from.size[d];
    const int last = view->rank - 1;
    if (last >= 0 && from.stride[d] == view->size[last] * view->stride[last]) {
      view->size[last] *= static_cast<uint32_t>(from.size[d]);
    } else {
      view->size[view->rank] = static_cast<uint32_t>(from.size[d]);
      view->stride[view->rank++] = from.stride[d];
    }
  }
  view->rows = rows;
  return check_matrix(rows, from.features);
}

Shape grid_of(const StridedView& view) {
  const unsigned width = view.feature_stride == 1 ? 32 : 1;
  const int64_t blocks = ceil_div(view.rows, kMomentRows) * ceil_div(view.features, int64_t{width});
  return {dim3(static_cast<unsigned>(blocks)), dim3(width, kStridedThreads / width)};
}

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" int flaxen_cuda_batch_norm_inference_strided(const FlaxenCudaDevice* device, const FlaxenCudaFeatures* features, const float* x,
                                                        const float* mean, const float* var, const float* scale, const float* bias,
                                                        float epsilon, int relu, float* y) {
  StridedView view;
  if (const int error = prepare(*features, &view)) return error;
  if (view.rows * view.features == 0) return 0;
  return launch(*device, grid_of(view), strided_normalize, x, y, mean, var, scale, bias, epsilon, relu != 0, view);
}

extern "C" int flaxen_cuda_batch_norm_strided(const FlaxenCudaDevice* device, const FlaxenCudaFeatures* features, const float* x,
                                              const float* scale, const float* bias, float epsilon, int relu, float* y, float* mean,
                                              float* var, void* scratch) {
  StridedView view;
  if (const int error = prepare(*features, &view)) return error;
  if (view.features == 0) return 0;
  float* moments = static_cast<float*>(scratch);
  if (view.rows > 0) {
    if (const int error = launch(*device, grid_of(view), strided_moments, x, moments, view)) return error;
  }
  if (const int error = finish_moments(*device, moments, view.rows, kMomentRows, view.features, mean, var)) return error;
  return flaxen_cuda_batch_norm_inference_strided(device, features, x, mean, var, scale, bias, epsilon, relu, y);
}

extern "C" int flaxen_cuda_batch_norm_grad_strided(const FlaxenCudaDevice* device, const FlaxenCudaFeatures* features, const float* dy,
                                                   const float* x, const float* scale, const float* mean, const float* var,
                                                   const float* relu_bias, float epsilon, int fast_variance, float* dx, float* dscale,
                                                   float* dbias, void* scratch) {
  StridedView view;
  if (const int error = prepare(*features, &view)) return error;
  if (view.features == 0) return 0;
  const GradScratch parts(scratch, view.rows, view.features);
  if (view.rows > 0) {
    const int error = launch(*device, grid_of(view), strided_grad_sums, dy, x, mean, var, scale, relu_bias, epsilon, parts.sums, view);
    if (error) return error;
  }
  const int error = finish_grad_sums(*device, view.rows, view.features, var, scale, epsilon, fast_variance != 0, parts, dscale, dbias);
  if (error || view.rows == 0) return error;
  return launch(*device, grid_of(view), strided_grad_x, dy, x, dx, mean, var, scale, relu_bias, epsilon, parts.dy_mean, parts.slope, view);
}
