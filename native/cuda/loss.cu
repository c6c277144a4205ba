// Softmax cross entropy with integer labels, and its gradient: logsumexp and loss = logsumexp - logit[label] of each row.
//
// Moves the logits once into registers or the caches and 8 bytes a row out: 4 bytes and about 15 operations an element, bound by memory.
// A warp takes a row: classes are few (10 to some thousands), rows many. The second pass over a row, for the exponentials, finds it in L1.
// The gradient is dlogits = (softmax(logits) - [class == label]) * dloss: 8 bytes an element and 30 operations, as each exponential is made
// twice, for the sum and for the result, rather than stored. Divided by its own sum, the softmax is free of the rounding of logsumexp,
// which is large for large logits. 8 rows a block, and no barrier.
// By ptxas 22 to 26 registers, no shared memory.
#include "cuda/launch.cuh"
#include "cuda/math.cuh"

namespace flaxen::cuda {

constexpr int kRowsOfBlock = 8;

FLAXEN_DEVICE int64_t row_of_warp() { return int64_t{blockIdx.x} * kRowsOfBlock + static_cast<int>(threadIdx.x) / 32; }

__global__ void __launch_bounds__(32 * kRowsOfBlock)
    softmax_cross_entropy(const float* __restrict__ logits, const int* __restrict__ labels, float* __restrict__ loss,
                          float* __restrict__ logsumexp, int64_t rows, int64_t classes) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t row = row_of_warp();
  if (row >= rows) return;  // whole warps leave
  const float* x = logits + row * classes;
  float top = -infinity();
  for (int64_t c = lane; c < classes; c += 32) top = max_of(top, x[c]);
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) top = max_of(top, __shfl_xor_sync(0xffffffff, top, distance));
  const float shift = magnitude(top) < infinity() ? top : 0.0f;
  float sum = 0;
  for (int64_t c = lane; c < classes; c += 32) sum += exp_of(x[c] - shift);
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffff, sum, distance);
  if (lane != 0) return;
  const float total = log_of(sum) + shift;
  const int64_t given = labels[row], label = given < 0 ? given + classes : given;
  logsumexp[row] = total;
  loss[row] = label >= 0 && label < classes ? total - x[label] : nan();
}

// dloss is null where all rows have the cotangent dloss_of_all. A row with a label outside the classes has no loss to descend. dlogits may
// be logits: a row has been read when its first element is written, and each element is read once more by the thread that writes it.
__global__ void __launch_bounds__(32 * kRowsOfBlock)
    softmax_cross_entropy_grad(const float* logits, const int* __restrict__ labels, const float* __restrict__ logsumexp,
                               const float* __restrict__ dloss, float dloss_of_all, float* dlogits, int64_t rows, int64_t classes) {
  const int lane = static_cast<int>(threadIdx.x) % 32;
  const int64_t row = row_of_warp();
  if (row >= rows) return;
  const int64_t given = labels[row], label = given < 0 ? given + classes : given;
  const float total = logsumexp[row], d = dloss ? dloss[row] : dloss_of_all;
  const float* x = logits + row * classes;
  float sum = 0;
  for (int64_t c = lane; c < classes; c += 32) sum += exp_of(x[c] - total);
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(0xffffffff, sum, distance);
  const float weight = d / sum;
  for (int64_t c = lane; c < classes; c += 32) {
    const float v = exp_of(x[c] - total) * weight;
    dlogits[row * classes + c] = c == label ? v - d : v;
  }
}

namespace {

int check_rows(int64_t rows, int64_t classes) {
  if (rows < 0 || classes < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  if (rows >= kMostElements || classes >= kMostElements || (classes > 0 && rows >= kMostElements / classes)) return FLAXEN_CUDA_TOO_LARGE;
  return 0;
}

Shape grid_of(int64_t rows) { return {dim3(static_cast<unsigned>(ceil_div(rows, int64_t{kRowsOfBlock}))), dim3(32 * kRowsOfBlock)}; }

}  // namespace

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" int flaxen_cuda_softmax_cross_entropy(const FlaxenCudaDevice* device, int64_t rows, int64_t classes, const float* logits,
                                                 const int32_t* labels, float* loss, float* logsumexp) {
  if (const int error = check_rows(rows, classes)) return error;
  if (rows == 0) return 0;
  return launch(*device, grid_of(rows), softmax_cross_entropy, logits, labels, loss, logsumexp, rows, classes);
}

extern "C" int flaxen_cuda_softmax_cross_entropy_grad(const FlaxenCudaDevice* device, int64_t rows, int64_t classes, const float* logits,
                                                      const int32_t* labels, const float* logsumexp, const float* dloss, float dloss_of_all,
                                                      float* dlogits) {
  if (const int error = check_rows(rows, classes)) return error;
  if (rows * classes == 0) return 0;
  return launch(*device, grid_of(rows), softmax_cross_entropy_grad, logits, labels, logsumexp, dloss, dloss_of_all, dlogits, rows, classes);
}
