// Primitives that move elements without computing: layout and gathers.
#include <algorithm>

#include "compiler/validate.h"

namespace flaxen {

namespace {

void reshape(const NodeCheck& c) {
  c.arity(1, 1);
  c.expect(c.out().count() == c.in(0).count(),
           "cannot make " + to_string(c.out().shape) + " of " + to_string(c.in(0).shape) + "; the number of elements must stay");
  c.out_is(0, c.in(0).dtype, c.out().shape);
}

void transpose(const NodeCheck& c) {
  c.arity(1, 1);
  const auto& perm = c.axes("perm", c.rank());
  c.expect(perm.size() == c.rank(), "perm " + to_string(perm) + " must name every axis of rank " + std::to_string(c.rank()));
  Shape shape;
  for (int64_t p : perm) shape.push_back(c.in(0).shape[static_cast<size_t>(p)]);
  c.out_is(0, c.in(0).dtype, shape);
}

void broadcast(const NodeCheck& c) {
  c.arity(1, 1);
  const Shape& to = c.out().shape;
  const auto& dims = c.axes("dims", to.size());
  c.expect(dims.size() == c.rank(), "dims " + to_string(dims) + " must have an entry for each dimension of " + to_string(c.in(0).shape));
  c.expect(std::is_sorted(dims.begin(), dims.end()), "dims " + to_string(dims) + " must increase");
  for (size_t i = 0; i < dims.size(); ++i) {
    const int64_t from = c.in(0).shape[i];
    c.expect(from == 1 || from == to[static_cast<size_t>(dims[i])],
             "cannot stretch " + to_string(c.in(0).shape) + " to " + to_string(to) + "; sizes must agree or be 1");
  }
  c.out_is(0, c.in(0).dtype, to);
}

void reverse(const NodeCheck& c) {
  c.arity(1, 1);
  c.axes("axes", c.rank());
  c.out_is(0, c.in(0).dtype, c.in(0).shape);
}

void slice(const NodeCheck& c) {
  c.arity(1, 1);
  const size_t rank = c.rank();
  const auto &start = c.ints("start", rank, 0), &limit = c.ints("limit", rank, 0), &strides = c.ints("strides", rank, 1);
  Shape shape;
  for (size_t i = 0; i < rank; ++i) {
    c.expect(start[i] <= limit[i] && limit[i] <= c.in(0).shape[i],
             "start " + to_string(start) + " to limit " + to_string(limit) + " leaves " + to_string(c.in(0).shape));
    const int64_t length = limit[i] - start[i];
    shape.push_back(length / strides[i] + (length % strides[i] != 0));
  }
  c.out_is(0, c.in(0).dtype, shape);
}

void pad(const NodeCheck& c) {
  c.arity(2, 1);
  const size_t rank = c.rank();
  const auto &low = c.ints("low", rank, 0), &high = c.ints("high", rank, 0), &interior = c.ints("interior", rank, 0);
  c.in_dtype(1, set_of(c.in(0).dtype));
  c.in_rank(1, 0);
  c.expect(c.out().shape.size() == rank, "the output must have rank " + std::to_string(rank));
  for (size_t i = 0; i < rank; ++i) {
    // Subtracting from the declared size cannot overflow, adding up could.
    const int64_t size = c.in(0).shape[i], gaps = std::max<int64_t>(size - 1, 0);
    int64_t rest = c.out().shape[i] - size - low[i];
    const bool fits = rest >= 0 && (gaps == 0 || interior[i] <= rest / gaps);
    if (fits) rest -= gaps * interior[i];
    c.expect(fits && rest == high[i], "dimension " + std::to_string(i) + " of " + to_string(c.in(0).shape) + " padded by low " +
                                          to_string(low) + ", high " + to_string(high) + ", interior " + to_string(interior) +
                                          " does not become that of " + to_string(c.out().shape));
  }
  c.out_is(0, c.in(0).dtype, c.out().shape);
}

void concatenate(const NodeCheck& c) {
  c.expect(!c.node.inputs.empty(), "needs at least one input");
  c.arity(c.node.inputs.size(), 1);
  const size_t axis = c.axis(c.rank());
  Shape shape = c.in(0).shape;
  shape[axis] = 0;
  for (size_t i = 0; i < c.node.inputs.size(); ++i) {
    c.in_dtype(i, set_of(c.in(0).dtype));
    c.in_rank(i, shape.size());
    Shape expected = shape;
    expected[axis] = c.in(i).shape[axis];
    c.in_shape(i, expected);
    shape[axis] += expected[axis];
    c.expect(shape[axis] <= kMaxValueBytes, "the inputs together are too long along axis " + std::to_string(axis));
  }
  c.out_is(0, c.in(0).dtype, shape);
}

void check_mode(const NodeCheck& c, size_t axis, int64_t elements) {
  const std::string& mode = c.node.text("mode");
  c.expect(mode == "clip" || mode == "fill", "mode '" + mode + "' must be 'clip' or 'fill'");
  c.expect(mode == "fill" || c.in(0).shape[axis] > 0 || elements == 0,
           "nothing can be taken from the empty axis " + std::to_string(axis) + " of " + to_string(c.in(0).shape) + "; use mode 'fill'");
}

Shape taken_shape(const NodeCheck& c, size_t axis) {
  const Shape &x = c.in(0).shape, &indices = c.in(1).shape;
  Shape shape(x.begin(), x.begin() + static_cast<int64_t>(axis));
  shape.insert(shape.end(), indices.begin(), indices.end());
  shape.insert(shape.end(), x.begin() + static_cast<int64_t>(axis) + 1, x.end());
  return shape;
}

void take(const NodeCheck& c) {
  c.arity(2, 1);
  c.in_dtype(1, kInt);
  const size_t axis = c.axis(c.rank());
  c.out_is(0, c.in(0).dtype, taken_shape(c, axis));
  check_mode(c, axis, c.out().count());
}

void scatter_add(const NodeCheck& c) {
  c.arity(3, 1);
  c.in_dtype(0, kNumeric);
  c.in_dtype(1, kInt);
  c.in_dtype(2, set_of(c.in(0).dtype));
  c.in_shape(2, taken_shape(c, c.axis(c.rank())));
  c.out_is(0, c.in(0).dtype, c.in(0).shape);
}

void check_along(const NodeCheck& c, size_t axis) {
  c.in_dtype(1, kInt);
  c.in_rank(1, c.rank());
  Shape expected = c.in(0).shape;
  expected[axis] = c.in(1).shape[axis];
  c.in_shape(1, expected);
}

void take_along(const NodeCheck& c) {
  c.arity(2, 1);
  const size_t axis = c.axis(c.rank());
  check_along(c, axis);
  c.out_is(0, c.in(0).dtype, c.in(1).shape);
  check_mode(c, axis, c.out().count());
}

void scatter_add_along(const NodeCheck& c) {
  c.arity(3, 1);
  c.in_dtype(0, kNumeric);
  check_along(c, c.axis(c.rank()));
  c.in_dtype(2, set_of(c.in(0).dtype));
  c.in_shape(2, c.in(1).shape);
  c.out_is(0, c.in(0).dtype, c.in(0).shape);
}

}  // namespace

const Rules& layout_rules() {
  static const Rules rules = {
      {"reshape", reshape},
      {"transpose", transpose},
      {"broadcast", broadcast},
      {"reverse", reverse},
      {"slice", slice},
      {"pad", pad},
      {"concatenate", concatenate},
      {"take", take},
      {"scatterAdd", scatter_add},
      {"takeAlong", take_along},
      {"scatterAddAlong", scatter_add_along},
  };
  return rules;
}

}  // namespace flaxen
