// Householder QR in double precision, with the signs of LAPACK's geqrf and orgqr.
#include <algorithm>
#include <cmath>
#include <memory>

#include "cpu/kernel.h"

namespace flaxen::cpu {

namespace {

double dot(const double* a, const double* b, int64_t n) {
  double lanes[4] = {0, 0, 0, 0};
  int64_t i = 0;
  for (; i + 4 <= n; i += 4) {
    for (int l = 0; l < 4; ++l) lanes[l] += a[i + l] * b[i + l];
  }
  for (; i < n; ++i) lanes[0] += a[i] * b[i];
  return (lanes[0] + lanes[2]) + (lanes[1] + lanes[3]);
}

// x -= tau * (v . x) * v, the reflection of x.
void reflect(double* x, const double* v, double tau, int64_t n) {
  const double scale = tau * dot(v, x, n);
  for (int64_t i = 0; i < n; ++i) x[i] -= scale * v[i];
}

// One matrix, kept by columns: a is m x n, q is m x k, with k = min(m, n).
class Householder {
 public:
  Householder(int64_t m, int64_t n) : m_(m), n_(n), k_(std::min(m, n)) {}

  size_t scratch_bytes() const { return static_cast<size_t>(m_ * n_ + m_ * k_ + k_) * sizeof(double); }

  void run(const Buffers& buffers) const {
    double* a = static_cast<double*>(buffers.scratch);
    double* q = a + m_ * n_;
    double* tau = q + m_ * k_;
    const float* x = buffers.input<float>(0);
    for (int64_t i = 0; i < m_; ++i) {
      for (int64_t j = 0; j < n_; ++j) a[j * m_ + i] = x[i * n_ + j];
    }
    factor(a, tau, buffers.output<float>(1));
    accumulate(a, tau, q);
    float* out = buffers.output<float>(0);
    for (int64_t i = 0; i < m_; ++i) {
      for (int64_t j = 0; j < k_; ++j) out[i * k_ + j] = static_cast<float>(q[j * m_ + i]);
    }
  }

 private:
  // Leaves the reflectors, with their leading 1, in and below the diagonal.
  void factor(double* a, double* tau, float* r) const {
    for (int64_t j = 0; j < k_; ++j) {
      double* v = a + j * m_ + j;
      const int64_t rest = m_ - j;
      const double alpha = v[0];
      const double tail = std::sqrt(dot(v + 1, v + 1, rest - 1));
      tau[j] = 0;
      double beta = alpha;  // a column that needs no reflection keeps its sign
      if (tail != 0) {
        beta = -std::copysign(std::hypot(alpha, tail), alpha);
        tau[j] = (beta - alpha) / beta;
        for (int64_t i = 1; i < rest; ++i) v[i] /= alpha - beta;
      }
      v[0] = 1;
      for (int64_t c = j + 1; c < n_; ++c) reflect(a + c * m_ + j, v, tau[j], rest);
      for (int64_t c = 0; c < j; ++c) r[j * n_ + c] = 0;
      r[j * n_ + j] = static_cast<float>(beta);
      for (int64_t c = j + 1; c < n_; ++c) r[j * n_ + c] = static_cast<float>(a[c * m_ + j]);
    }
  }

  // q = H0 H1 ... applied to the first k columns of the identity.
  void accumulate(const double* a, const double* tau, double* q) const {
    for (int64_t c = 0; c < k_; ++c) {
      std::fill_n(q + c * m_, m_, 0.0);
      q[c * m_ + c] = 1;
    }
    for (int64_t j = k_; j-- > 0;) {
      for (int64_t c = j; c < k_; ++c) reflect(q + c * m_ + j, a + j * m_ + j, tau[j], m_ - j);
    }
  }

  int64_t m_, n_, k_;
};

}  // namespace

bool prepare_linalg(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op != "qr") return false;
  const Shape& shape = graph.aval(node.inputs[0]).shape;
  const Householder qr(shape[0], shape[1]);
  prepared.launch = [qr](const Buffers& buffers) { qr.run(buffers); };
  prepared.scratch_bytes = qr.scratch_bytes();
  const auto m = static_cast<double>(shape[0]), n = static_cast<double>(shape[1]);
  prepared.cost_ns = 50 + m * n * std::min(m, n) * 0.3;
  return true;
}

}  // namespace flaxen::cpu
