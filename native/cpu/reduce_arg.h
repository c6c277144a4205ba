// argmax, argmin and cumsum along one axis of [outer, n, inner].
#pragma once

#include "cpu/kernel.h"

namespace flaxen::cpu {

struct AxisView {
  int64_t outer, n, inner;
};
AxisView view_axis(const Shape& shape, int64_t axis);

bool prepare_arg(const Graph& graph, const Node& node, Prepared& prepared);
bool prepare_cumsum(const Graph& graph, const Node& node, Prepared& prepared);

}  // namespace flaxen::cpu
