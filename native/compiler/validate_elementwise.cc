// Elementwise primitives and those that create values.
#include "compiler/validate.h"

namespace flaxen {

namespace {

// All inputs of one dtype out of `dtypes`, and of the output's shape.
template <size_t arity, unsigned dtypes>
void same(const NodeCheck& c) {
  c.arity(arity, 1);
  c.in_dtype(0, dtypes);
  for (size_t i = 1; i < arity; ++i) c.in_dtype(i, set_of(c.in(0).dtype));
  for (size_t i = 1; i < arity; ++i) c.in_shape(i, c.in(0).shape);
  c.out_is(0, c.in(0).dtype, c.in(0).shape);
}

template <size_t arity, unsigned dtypes>
void predicate(const NodeCheck& c) {
  c.arity(arity, 1);
  c.in_dtype(0, dtypes);
  for (size_t i = 1; i < arity; ++i) c.in_dtype(i, set_of(c.in(0).dtype));
  for (size_t i = 1; i < arity; ++i) c.in_shape(i, c.in(0).shape);
  c.out_is(0, DType::boolean, c.in(0).shape);
}

void convert(const NodeCheck& c) {
  c.arity(1, 1);
  c.out_is(0, c.out().dtype, c.in(0).shape);
}

void bitcast(const NodeCheck& c) {
  c.arity(1, 1);
  c.in_dtype(0, kWord);
  c.expect(set_of(c.out().dtype) & kWord, "the output must be " + names_of(kWord) + ", of as many bytes as the input");
  c.out_is(0, c.out().dtype, c.in(0).shape);
}

void select(const NodeCheck& c) {
  c.arity(3, 1);
  c.in_dtype(0, kBool);
  c.in_dtype(2, set_of(c.in(1).dtype));
  c.in_shape(0, c.in(1).shape);
  c.in_shape(2, c.in(1).shape);
  c.out_is(0, c.in(1).dtype, c.in(1).shape);
}

void full(const NodeCheck& c) {
  c.arity(0, 1);
  c.node.number("value");
}

void iota(const NodeCheck& c) {
  c.arity(0, 1);
  c.axis(c.out().shape.size());
  c.expect(set_of(c.out().dtype) & kNumeric, "the output must be " + names_of(kNumeric));
}

}  // namespace

const Rules& elementwise_rules() {
  constexpr unsigned kLogical = kBool | kInt;
  static const Rules rules = {
      {"neg", same<1, kNumeric>},
      {"abs", same<1, kNumeric>},
      {"sign", same<1, kNumeric>},
      {"floor", same<1, kF32>},
      {"ceil", same<1, kF32>},
      {"round", same<1, kF32>},
      {"exp", same<1, kF32>},
      {"expm1", same<1, kF32>},
      {"log", same<1, kF32>},
      {"log1p", same<1, kF32>},
      {"sqrt", same<1, kF32>},
      {"rsqrt", same<1, kF32>},
      {"sin", same<1, kF32>},
      {"cos", same<1, kF32>},
      {"tanh", same<1, kF32>},
      {"logistic", same<1, kF32>},
      {"erf", same<1, kF32>},
      {"erfInv", same<1, kF32>},
      {"isFinite", predicate<1, kF32>},
      {"not", same<1, kLogical>},
      {"convert", convert},
      {"bitcast", bitcast},
      {"add", same<2, kNumeric>},
      {"sub", same<2, kNumeric>},
      {"mul", same<2, kNumeric>},
      {"div", same<2, kNumeric>},
      {"rem", same<2, kNumeric>},
      {"pow", same<2, kF32>},
      {"max", same<2, kAny>},
      {"min", same<2, kAny>},
      {"eq", predicate<2, kAny>},
      {"ne", predicate<2, kAny>},
      {"lt", predicate<2, kAny>},
      {"le", predicate<2, kAny>},
      {"gt", predicate<2, kAny>},
      {"ge", predicate<2, kAny>},
      {"and", same<2, kLogical>},
      {"or", same<2, kLogical>},
      {"xor", same<2, kLogical>},
      {"shiftLeft", same<2, kInt>},
      {"shiftRightLogical", same<2, kInt>},
      {"select", select},
      {"fma", same<3, kF32>},
      {"full", full},
      {"iota", iota},
  };
  return rules;
}

}  // namespace flaxen
