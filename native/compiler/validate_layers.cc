// Linear algebra, layers, losses, random bits.
#include <algorithm>

#include "compiler/validate.h"

namespace flaxen {

namespace {

int64_t dim(const Aval& aval, int64_t axis) { return aval.shape[static_cast<size_t>(axis)]; }

// Checks that contracted and batch axes of one operand are apart, and appends its free dimensions.
void append_free(const NodeCheck& c, size_t operand, const std::vector<int64_t>& contract, const std::vector<int64_t>& batch,
                 Shape& shape) {
  for (int64_t axis = 0; axis < static_cast<int64_t>(c.rank(operand)); ++axis) {
    const bool contracted = std::find(contract.begin(), contract.end(), axis) != contract.end();
    const bool batched = std::find(batch.begin(), batch.end(), axis) != batch.end();
    c.expect(!contracted || !batched,
             "axis " + std::to_string(axis) + " of input " + std::to_string(operand) + " is both contracted and a batch axis");
    if (!contracted && !batched) shape.push_back(dim(c.in(operand), axis));
  }
}

void dot_general(const NodeCheck& c) {
  c.arity(2, 1);
  c.in_dtype(0, kNumeric);
  c.in_dtype(1, set_of(c.in(0).dtype));
  const auto &lc = c.axes("lhsContract", c.rank(0)), &rc = c.axes("rhsContract", c.rank(1));
  const auto &lb = c.axes("lhsBatch", c.rank(0)), &rb = c.axes("rhsBatch", c.rank(1));
  c.expect(lc.size() == rc.size(), "lhsContract and rhsContract must have the same length");
  c.expect(lb.size() == rb.size(), "lhsBatch and rhsBatch must have the same length");
  const std::string shapes = to_string(c.in(0).shape) + " and " + to_string(c.in(1).shape);
  Shape shape;
  for (size_t i = 0; i < lb.size(); ++i) {
    c.expect(dim(c.in(0), lb[i]) == dim(c.in(1), rb[i]), "batch dimensions of " + shapes + " differ");
    shape.push_back(dim(c.in(0), lb[i]));
  }
  for (size_t i = 0; i < lc.size(); ++i) {
    c.expect(dim(c.in(0), lc[i]) == dim(c.in(1), rc[i]), "contracted dimensions of " + shapes + " differ");
  }
  append_free(c, 0, lc, lb, shape);
  append_free(c, 1, rc, rb, shape);
  c.out_is(0, c.in(0).dtype, shape);
}

void dense(const NodeCheck& c) {
  c.arity(c.node.inputs.size() == 3 ? 3 : 2, 1);
  for (size_t i = 0; i < c.node.inputs.size(); ++i) c.in_dtype(i, kF32);
  c.expect(c.rank(0) >= 1, "x must have at least one dimension");
  c.in_rank(1, 2);
  Shape shape = c.in(0).shape;
  const int64_t features = c.in(1).shape[1];
  c.in_shape(1, {shape.back(), features});
  if (c.node.inputs.size() == 3) c.in_shape(2, {features});
  shape.back() = features;
  c.out_is(0, DType::f32, shape);
}

void batch_norm_params(const NodeCheck& c) {
  for (size_t i = 0; i < c.node.inputs.size(); ++i) c.in_dtype(i, kF32);
  c.node.number("epsilon");
  c.node.flag("fastVariance");
  c.expect(c.rank(0) >= 1, "x must have at least one dimension, the features");
}

void batch_norm(const NodeCheck& c) {
  c.arity(3, 3);
  batch_norm_params(c);
  const Shape features{c.in(0).shape.back()};
  c.in_shape(1, features);
  c.in_shape(2, features);
  c.out_is(0, DType::f32, c.in(0).shape);
  c.out_is(1, DType::f32, features);
  c.out_is(2, DType::f32, features);
}

void batch_norm_grad(const NodeCheck& c) {
  c.arity(5, 3);
  batch_norm_params(c);
  const Shape features{c.in(0).shape.back()};
  c.in_shape(1, c.in(0).shape);
  for (size_t i = 2; i < 5; ++i) c.in_shape(i, features);
  c.out_is(0, DType::f32, c.in(0).shape);
  c.out_is(1, DType::f32, features);
  c.out_is(2, DType::f32, features);
}

void softmax_cross_entropy(const NodeCheck& c) {
  c.arity(2, 2);
  c.in_dtype(0, kF32);
  c.in_dtype(1, kI32);
  c.expect(c.rank(0) >= 1, "logits must have at least one dimension, the classes");
  Shape shape = c.in(0).shape;
  shape.pop_back();
  c.in_shape(1, shape);
  c.out_is(0, DType::f32, shape);
  c.out_is(1, DType::f32, shape);
}

void softmax_cross_entropy_grad(const NodeCheck& c) {
  c.arity(4, 1);
  for (size_t i : {0u, 1u, 3u}) c.in_dtype(i, kF32);
  c.in_dtype(2, kI32);
  c.expect(c.rank(1) >= 1, "logits must have at least one dimension, the classes");
  Shape shape = c.in(1).shape;
  shape.pop_back();
  for (size_t i : {0u, 2u, 3u}) c.in_shape(i, shape);
  c.out_is(0, DType::f32, c.in(1).shape);
}

void threefry(const NodeCheck& c) {
  c.arity(3, 2);
  for (size_t i = 0; i < 3; ++i) c.in_dtype(i, kU32);
  c.in_shape(0, {2});
  c.in_shape(2, c.in(1).shape);
  c.out_is(0, DType::u32, c.in(1).shape);
  c.out_is(1, DType::u32, c.in(1).shape);
}

void qr(const NodeCheck& c) {
  c.arity(1, 2);
  c.in_dtype(0, kF32);
  c.in_rank(0, 2);
  const int64_t m = c.in(0).shape[0], n = c.in(0).shape[1], k = std::min(m, n);
  c.out_is(0, DType::f32, {m, k});
  c.out_is(1, DType::f32, {k, n});
}

}  // namespace

const Rules& layer_rules() {
  static const Rules rules = {
      {"dotGeneral", dot_general},
      {"dense", dense},
      {"batchNorm", batch_norm},
      {"batchNormGrad", batch_norm_grad},
      {"softmaxCrossEntropy", softmax_cross_entropy},
      {"softmaxCrossEntropyGrad", softmax_cross_entropy_grad},
      {"threefry2x32", threefry},
      {"qr", qr},
  };
  return rules;
}

}  // namespace flaxen
