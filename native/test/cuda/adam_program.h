// Adam as an elementwise program: of parameters, gradients, both moments, and the learning rate, a scalar in memory with the bias
// corrections in it; gives the new parameters and moments.
#pragma once

#include <cstring>
#include <vector>

#include "compiler/elementwise_program.h"
#include "cuda/api.h"

namespace flaxen::test {

inline ElementwiseProgram adam_program() {
  ElementwiseProgram p;
  p.shape = {1024};
  // 0 p, 1 g, 2 m, 3 v, 4 rate; 5 b1, 6 1 - b1, 7 b2, 8 1 - b2, 9 epsilon
  for (int32_t i = 0; i < 4; ++i) p.loads.push_back({i, DType::f32, {1}});
  p.loads.push_back({4, DType::f32, {0}});
  for (float c : {0.9f, 0.1f, 0.999f, 0.001f, 1e-8f}) {
    uint32_t bits;
    std::memcpy(&bits, &c, sizeof bits);
    p.constants.push_back({DType::f32, bits});
  }
  const int32_t r = p.first_result();
  p.code = {
      {Opcode::mul, DType::f32, {2, 5, 0}},         {Opcode::mul, DType::f32, {1, 6, 0}},      {Opcode::add, DType::f32, {r, r + 1, 0}},
      {Opcode::mul, DType::f32, {1, 1, 0}},         {Opcode::mul, DType::f32, {3, 7, 0}},      {Opcode::mul, DType::f32, {r + 3, 8, 0}},
      {Opcode::add, DType::f32, {r + 4, r + 5, 0}}, {Opcode::sqrt, DType::f32, {r + 6, 0, 0}}, {Opcode::add, DType::f32, {r + 7, 9, 0}},
      {Opcode::div, DType::f32, {r + 2, r + 8, 0}}, {Opcode::mul, DType::f32, {r + 9, 4, 0}},  {Opcode::sub, DType::f32, {0, r + 10, 0}}};
  p.stores = {r + 11, r + 2, r + 6};
  return p;
}

// One program over arrays of these sizes.
inline std::vector<FlaxenElementwiseSegment> segments_of(const std::vector<int64_t>& sizes) {
  std::vector<FlaxenElementwiseSegment> segments;
  for (int64_t n : sizes) segments.push_back({0, n});
  return segments;
}

}  // namespace flaxen::test
