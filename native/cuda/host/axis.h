// One axis of an array as kernels see it: the middle dimension of [outer, n, inner].
#pragma once

#include "compiler/graph.h"

namespace flaxen::cuda {

struct Axis {
  int64_t outer, n, inner;
};

inline Axis axis_of(const Shape& shape, double axis) {
  const auto at = static_cast<std::ptrdiff_t>(axis);
  return {count(Shape(shape.begin(), shape.begin() + at)), shape[static_cast<size_t>(at)],
          count(Shape(shape.begin() + at + 1, shape.end()))};
}

}  // namespace flaxen::cuda
