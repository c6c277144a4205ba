// Householder QR in double precision, with the signs of LAPACK's geqrf and orgqr.
//
// About 4 m n k operations for the factor and for q, k = min(m, n); a few megabytes at most in practice (the orthogonal initializer), read
// again for every reflection: bound by L2. One launch a reflection: a block for each column that it changes, each finding the reflection
// anew from the column that makes it, so that blocks need not wait for one another. Then a block for each column of q. Sums are taken in
// one order: the same bits in every run. 256 threads.
// By ptxas 16 to 58 registers, 0 to 64 bytes of shared memory.
#include "cuda/axis.cuh"

namespace flaxen::cuda {

constexpr int kQrThreads = 256, kQrWarps = kQrThreads / 32;

// The sum over the block, for every thread.
FLAXEN_DEVICE double sum_of_block(double x) {
  FLAXEN_SHARED(double, sums, [kQrWarps]);
  const int thread = static_cast<int>(threadIdx.x);
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) x += __shfl_xor_sync(0xffffffff, x, distance);
  __syncthreads();  // an earlier call's sums may still be read
  if (thread % 32 == 0) sums[thread / 32] = x;
  __syncthreads();
  double total = 0;
  for (int w = 0; w < kQrWarps; ++w) total += sums[w];
  return total;
}

// x -= tau * (v . x) * v over `rest` elements, of which v's first is `head`.
FLAXEN_DEVICE void reflect(double* x, const double* v, double head, double tau, int64_t rest) {
  double dot = 0;
  const int thread = static_cast<int>(threadIdx.x);
  const auto element = [&](int64_t i) { return i == 0 ? head : v[i]; };
  for (int64_t i = thread; i < rest; i += kQrThreads) dot += element(i) * x[i];
  const double scale = tau * sum_of_block(dot);
  for (int64_t i = thread; i < rest; i += kQrThreads) x[i] -= scale * element(i);
}

// x [m, n] to columns a [n, m].
__global__ void __launch_bounds__(kQrThreads) qr_columns(const float* __restrict__ x, double* __restrict__ a, int64_t m, int64_t n) {
  const int64_t e = element_of_thread();
  if (e >= m * n) return;
  const int64_t i = e / n, j = e - i * n;
  a[j * m + i] = static_cast<double>(x[e]);
}

// Step j, on column j + 1 + blockIdx.x; past the last column its block only notes the reflection. The reflected column j is (beta, 0, ...);
// v is its part on and below the diagonal, with `head` for the first element; H = 1 - tau v v'.
__global__ void __launch_bounds__(kQrThreads)
    qr_reflect(double* a, double* heads, double* taus, double* betas, int64_t m, int64_t n, int64_t j) {
  const int64_t rest = m - j, column = j + 1 + int64_t{blockIdx.x};
  const double* v = a + j * m + j;
  double square = 0;
  for (int64_t i = 1 + static_cast<int>(threadIdx.x); i < rest; i += kQrThreads) square += v[i] * v[i];
  square = sum_of_block(square);
  const double alpha = v[0];
  double beta = alpha, head = 1, tau = 0;  // a column that needs no reflection keeps its sign
  if (square != 0) {
    beta = sqrt(alpha * alpha + square);
    beta = alpha < 0 || (alpha == 0 && 1 / alpha < 0) ? beta : -beta;
    head = alpha - beta;
    tau = -1 / (beta * head);  // (beta - alpha) / beta, for a v whose first element is 1, over head^2
  }
  if (blockIdx.x == 0 && threadIdx.x == 0) {
    heads[j] = head;
    taus[j] = tau;
    betas[j] = beta;
  }
  if (column < n && tau != 0) reflect(a + column * m + j, v, head, tau, rest);
}

// Column c of q = H0 H1 ... applied to that of the identity, which the reflections past c leave alone.
__global__ void __launch_bounds__(kQrThreads)
    qr_accumulate(const double* __restrict__ a, const double* __restrict__ heads, const double* __restrict__ taus, double* work,
                  float* __restrict__ q, int64_t m, int64_t k) {
  const int64_t c = blockIdx.x;
  double* x = work + c * m;
  const int thread = static_cast<int>(threadIdx.x);
  for (int64_t i = thread; i < m; i += kQrThreads) x[i] = i == c ? 1.0 : 0.0;
  for (int64_t j = c; j >= 0; --j) {
    __syncthreads();  // the column has been written by other threads than those that read it now
    if (taus[j] != 0) reflect(x + j, a + j * m + j, heads[j], taus[j], m - j);
  }
  __syncthreads();
  for (int64_t i = thread; i < m; i += kQrThreads) q[i * k + c] = static_cast<float>(x[i]);
}

__global__ void __launch_bounds__(kQrThreads)
    qr_upper(const double* __restrict__ a, const double* __restrict__ betas, float* __restrict__ r, int64_t m, int64_t n, int64_t k) {
  const int64_t e = element_of_thread();
  if (e >= k * n) return;
  const int64_t i = e / n, j = e - i * n;
  r[e] = j < i ? 0.0f : static_cast<float>(j == i ? betas[i] : a[j * m + i]);
}

}  // namespace flaxen::cuda

using namespace flaxen::cuda;

extern "C" size_t flaxen_cuda_qr_scratch(int64_t m, int64_t n) {
  const int64_t k = m < n ? m : n;
  return static_cast<size_t>(m * n + m * k + 3 * k) * sizeof(double);
}

extern "C" int flaxen_cuda_qr(const FlaxenCudaDevice* device, int64_t m, int64_t n, const float* x, float* q, float* r, void* scratch) {
  if (const int error = check_axis(1, m, n)) return error;
  const int64_t k = m < n ? m : n;
  if (k == 0) return 0;
  double* a = static_cast<double*>(scratch);
  double *work = a + m * n, *heads = work + m * k, *taus = heads + k, *betas = taus + k;
  int error = launch(*device, thread_each(m * n), qr_columns, x, a, m, n);
  for (int64_t j = 0; j < k && !error; ++j) {
    const int64_t blocks = n - j - 1 > 0 ? n - j - 1 : 1;
    error = launch(*device, {dim3(static_cast<unsigned>(blocks)), dim3(kQrThreads)}, qr_reflect, a, heads, taus, betas, m, n, j);
  }
  if (!error) error = launch(*device, {dim3(static_cast<unsigned>(k)), dim3(kQrThreads)}, qr_accumulate, a, heads, taus, work, q, m, k);
  return error ? error : launch(*device, thread_each(k * n), qr_upper, a, betas, r, m, n, k);
}
