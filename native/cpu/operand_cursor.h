// Goes through a node's inputs or outputs one by one, where which of them are there depends on what was fused.
#pragma once

#include "cpu/kernel.h"

namespace flaxen::cpu {

class OperandCursor {
 public:
  explicit OperandCursor(const Buffers& buffers) : in_(buffers.in), out_(buffers.out) {}
  const float* next_input() { return static_cast<const float*>(*in_++); }
  float* next_output() { return static_cast<float*>(*out_++); }

 private:
  const void* const* in_;
  void* const* out_;
};

}  // namespace flaxen::cpu
