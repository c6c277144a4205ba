// take, takeAlong and their transposes against the definition, with indices on both sides of the bounds.
#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

using Index = std::vector<int64_t>;

double filler(DType t) {
  switch (t) {
    case DType::f32:
      return NAN;
    case DType::i32:
      return -2147483648.0;
    case DType::u32:
      return 4294967295.0;
    case DType::boolean:
      return 1;
  }
  return 0;
}

bool same(double a, double b) { return a == b || (a != a && b != b); }

// From below 0 (int32 only) to past the end; now and then far out.
Array indices_for(DType t, const Shape& shape, int64_t size, uint32_t seed) {
  std::mt19937 engine(seed);
  return filled(
      t, shape,
      [&](int64_t) -> double {
        const uint32_t r = engine();
        if (r % 17 == 0) return t == DType::i32 ? (r & 64 ? -2147483648.0 : 2147483647.0) : 4294967295.0;
        const double low = t == DType::i32 ? -2 : 0;
        return low + static_cast<double>(r / 17 % static_cast<uint32_t>(size + 4));
      },
      1);
}

Index joined(const Index& outer, const Index& middle, const Index& inner) {
  Index all = outer;
  all.insert(all.end(), middle.begin(), middle.end());
  all.insert(all.end(), inner.begin(), inner.end());
  return all;
}

void test_take(DType t, DType index_type, const Shape& shape, size_t axis, const Shape& index_shape) {
  const int64_t size = shape[axis];
  const Array x = random_array(t, shape, 1, 1), indices = indices_for(index_type, index_shape, size, 2);
  const Shape outer(shape.begin(), shape.begin() + static_cast<std::ptrdiff_t>(axis)),
      inner(shape.begin() + static_cast<std::ptrdiff_t>(axis) + 1, shape.end());
  const Shape out = joined(outer, index_shape, inner);
  const std::string what =
      std::string(flaxen::name_of(t)) + " " + to_string(shape) + " axis " + std::to_string(axis) + " indices " + to_string(index_shape);
  const Array updates = random_array(t, out, 3, 1);
  const Params params{{"axis", static_cast<double>(axis)}};
  Params clip = params, fill = params;
  clip["mode"] = std::string("clip");
  fill["mode"] = std::string("fill");
  const Array clipped = std::move(run_op("take", {&x, &indices}, clip, {{t, out}}, 1)[0]);
  const Array filled_in = std::move(run_op("take", {&x, &indices}, fill, {{t, out}}, 1)[0]);
  const Array sums = std::move(run_op("scatterAdd", {&x, &indices, &updates}, params, {{t, shape}}, 1)[0]);
  Array wanted = random_array(t, shape, 1);
  for_each_index(outer, [&](const Index& o) {
    for_each_index(index_shape, [&](const Index& i) {
      for_each_index(inner, [&](const Index& j) {
        const int64_t index = static_cast<int64_t>(indices.at(position(index_shape, i)));
        const int64_t to = position(out, joined(o, i, j));
        const bool inside = index >= 0 && index < size;
        const int64_t nearest = index < 0 ? 0 : index >= size ? size - 1 : index;
        if (size > 0) check(clipped.at(to) == x.at(position(shape, joined(o, {nearest}, j))), "take clip " + what);
        check(same(filled_in.at(to), inside ? x.at(position(shape, joined(o, {index}, j))) : filler(t)), "take fill " + what);
        if (!inside) return;
        const int64_t at = position(shape, joined(o, {index}, j));
        if (t == DType::f32) {
          wanted.data<float>()[at] += updates.data<float>()[to];
        } else {
          wanted.set(at, wanted.at(at) + updates.at(to));
        }
      });
    });
  });
  check(sums.same_as(wanted), "scatterAdd " + what);
  on_one_thread([&] {
    check(run_op("scatterAdd", {&x, &indices, &updates}, params, {{t, shape}})[0].same_as(sums), "scatterAdd on one thread " + what);
  });
}

void test_along(DType t, const Shape& shape, size_t axis, int64_t n) {
  Shape index_shape = shape;
  index_shape[axis] = n;
  const Array x = random_array(t, shape, 1, 1), indices = indices_for(DType::i32, index_shape, shape[axis], 2),
              updates = random_array(t, index_shape, 3, 1);
  const std::string what =
      std::string(flaxen::name_of(t)) + " " + to_string(shape) + " axis " + std::to_string(axis) + ", " + std::to_string(n);
  const Params params{{"axis", static_cast<double>(axis)}};
  Params clip = params, fill = params;
  clip["mode"] = std::string("clip");
  fill["mode"] = std::string("fill");
  const Array clipped = std::move(run_op("takeAlong", {&x, &indices}, clip, {{t, index_shape}}, 1)[0]);
  const Array filled_in = std::move(run_op("takeAlong", {&x, &indices}, fill, {{t, index_shape}}, 1)[0]);
  const Array sums = std::move(run_op("scatterAddAlong", {&x, &indices, &updates}, params, {{t, shape}}, 1)[0]);
  Array wanted = random_array(t, shape, 1);
  for_each_index(index_shape, [&](const Index& i) {
    const int64_t to = position(index_shape, i), index = static_cast<int64_t>(indices.at(to)), size = shape[axis];
    Index from = i;
    from[axis] = index < 0 ? 0 : index >= size ? size - 1 : index;
    if (size > 0) check(clipped.at(to) == x.at(position(shape, from)), "takeAlong clip " + what);
    const bool inside = index >= 0 && index < size;
    check(same(filled_in.at(to), inside ? x.at(position(shape, from)) : filler(t)), "takeAlong fill " + what);
    if (!inside) return;
    const int64_t at = position(shape, from);
    if (t == DType::f32) {
      wanted.data<float>()[at] += updates.data<float>()[to];
    } else {
      wanted.set(at, wanted.at(at) + updates.at(to));
    }
  });
  check(sums.same_as(wanted), "scatterAddAlong " + what);
}

}  // namespace

int main() {
  for (DType t : {DType::f32, DType::i32, DType::u32, DType::boolean}) {
    for (DType index_type : {DType::i32, DType::u32}) {
      test_take(t, index_type, {7}, 0, {5});
      test_take(t, index_type, {7, 3}, 0, {4, 2});
      test_take(t, index_type, {3, 7, 5}, 1, {6});
      test_take(t, index_type, {3, 7}, 1, {});
      test_take(t, index_type, {2, 9, 300}, 1, {40});
      test_take(t, index_type, {4, 3}, 0, {0});
    }
    test_take(t, DType::i32, {0, 3}, 0, {4});
    test_take(t, DType::i32, {100, 64}, 0, {3000});
    for (size_t axis = 0; axis < 3; ++axis) test_along(t, {3, 8, 5}, axis, 6);
    test_along(t, {9}, 0, 20);
    test_along(t, {40, 10}, 1, 1);
    test_along(t, {40, 1000}, 0, 90);
    test_along(t, {0, 4}, 0, 3);
  }
  return report("gather");
}
