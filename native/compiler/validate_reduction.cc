// Reductions, scans and sorting.
#include <algorithm>
#include <cmath>

#include "compiler/validate.h"

namespace flaxen {

namespace {

template <unsigned dtypes>
void reduce(const NodeCheck& c) {
  c.arity(1, 1);
  c.in_dtype(0, dtypes);
  const auto& axes = c.axes("axes", c.rank());
  c.expect(std::is_sorted(axes.begin(), axes.end()), "axes " + to_string(axes) + " must be sorted");
  Shape shape;
  for (size_t i = 0; i < c.rank(); ++i) {
    if (std::find(axes.begin(), axes.end(), static_cast<int64_t>(i)) == axes.end()) shape.push_back(c.in(0).shape[i]);
  }
  c.out_is(0, c.in(0).dtype, shape);
}

void arg_reduce(const NodeCheck& c) {
  c.arity(1, 1);
  const size_t axis = c.axis(c.rank());
  Shape shape = c.in(0).shape;
  c.expect(shape[axis] > 0, "axis " + std::to_string(axis) + " of " + to_string(shape) + " is empty; there is no extreme element");
  shape.erase(shape.begin() + static_cast<int64_t>(axis));
  c.out_is(0, DType::i32, shape);
}

void cumsum(const NodeCheck& c) {
  c.arity(1, 1);
  c.in_dtype(0, kNumeric);
  c.axis(c.rank());
  c.node.flag("reverse");
  c.out_is(0, c.in(0).dtype, c.in(0).shape);
}

void sort(const NodeCheck& c) {
  const size_t operands = c.node.inputs.size();
  c.expect(operands > 0, "needs at least one operand");
  c.arity(operands, operands);
  c.axis(c.rank());
  const double keys = c.node.number("numKeys");
  c.expect(keys >= 1 && keys <= static_cast<double>(operands) && keys == std::floor(keys),
           "numKeys must be from 1 to the number of operands, " + std::to_string(operands));
  for (size_t i = 0; i < operands; ++i) {
    c.in_shape(i, c.in(0).shape);
    c.out_is(i, c.in(i).dtype, c.in(0).shape);
  }
}

}  // namespace

const Rules& reduction_rules() {
  static const Rules rules = {
      {"reduceSum", reduce<kNumeric>}, {"reduceProd", reduce<kNumeric>}, {"reduceMax", reduce<kAny>}, {"reduceMin", reduce<kAny>},
      {"argmax", arg_reduce},          {"argmin", arg_reduce},           {"cumsum", cumsum},          {"sort", sort},
  };
  return rules;
}

}  // namespace flaxen
