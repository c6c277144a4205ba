#include "cpu/gemm.h"

namespace flaxen::cpu {

Gemm::Gemm(const GemmShape& shape, Isa, bool) : shape_(shape) {
  cost_ns_ = 50 + 1.0 * static_cast<double>(shape.m) * static_cast<double>(shape.n) * static_cast<double>(shape.k);
  note_ = "gemm plain";
}

void Gemm::run(const float* a, const float* b, float* c, const Epilogue& epilogue, void*) const {
  const GemmShape& s = shape_;
  for (int64_t i = 0; i < s.m; ++i) {
    float* row = c + i * s.c_row;
    for (int64_t j = 0; j < s.n; ++j) row[j] = 0;
    for (int64_t p = 0; p < s.k; ++p) {
      const float x = a[i * s.a_row + p * s.a_col];
      for (int64_t j = 0; j < s.n; ++j) row[j] += x * b[p * s.b_row + j * s.b_col];
    }
    for (int64_t j = 0; j < s.n; ++j) {
      if (epilogue.bias) row[j] += epilogue.bias[j];
      if (epilogue.relu) row[j] = row[j] < 0 ? 0 : row[j];
    }
  }
}

}  // namespace flaxen::cpu
