// Layout and creation primitives on 1- and 4-byte elements, against the definition, element by element.
#include <algorithm>

#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

constexpr DType kTypes[] = {DType::f32, DType::boolean};
using Index = std::vector<int64_t>;

Array numbered(DType t, const Shape& shape) {
  return t == DType::boolean ? random_array(t, shape, 1, 1)
                             : filled(
                                   t, shape, [](int64_t i) { return static_cast<double>(i + 1); }, 1);
}

// `source` says which element of x belongs at an index of the output, or -1 for one that keeps `otherwise`.
void compare(const Array& y, const Array& x, double otherwise, const std::function<int64_t(const Index&)>& source,
             const std::string& what) {
  bool same = true;
  for_each_index(y.aval.shape, [&](const Index& index) {
    const int64_t from = source(index);
    same = same && y.at(position(y.aval.shape, index)) == (from < 0 ? otherwise : x.at(from));
  });
  check(same, what + " " + to_string(x.aval.shape) + " to " + to_string(y.aval.shape));
}

void test_transpose(DType t, const Shape& shape) {
  const Array x = numbered(t, shape);
  Index perm(shape.size());
  for (size_t d = 0; d < perm.size(); ++d) perm[d] = static_cast<int64_t>(d);
  do {
    Shape out;
    for (int64_t p : perm) out.push_back(shape[static_cast<size_t>(p)]);
    const Array y = std::move(run_op("transpose", {&x}, {{"perm", perm}}, {{t, out}}, 1)[0]);
    compare(
        y, x, 0,
        [&](const Index& index) {
          Index from(shape.size());
          for (size_t d = 0; d < perm.size(); ++d) from[static_cast<size_t>(perm[d])] = index[d];
          return position(shape, from);
        },
        "transpose");
  } while (std::next_permutation(perm.begin(), perm.end()));
}

void test_broadcast(DType t, const Shape& in, const Index& dims, const Shape& out) {
  const Array x = numbered(t, in);
  const Array y = std::move(run_op("broadcast", {&x}, {{"dims", dims}}, {{t, out}}, 1)[0]);
  compare(
      y, x, 0,
      [&](const Index& index) {
        Index from(in.size());
        for (size_t d = 0; d < in.size(); ++d) from[d] = in[d] == 1 ? 0 : index[static_cast<size_t>(dims[d])];
        return position(in, from);
      },
      "broadcast");
}

void test_reverse(DType t, const Shape& shape, const Index& axes) {
  const Array x = numbered(t, shape);
  const Array y = std::move(run_op("reverse", {&x}, {{"axes", axes}}, {{t, shape}}, 1)[0]);
  compare(
      y, x, 0,
      [&](Index index) {
        for (int64_t a : axes) index[static_cast<size_t>(a)] = shape[static_cast<size_t>(a)] - 1 - index[static_cast<size_t>(a)];
        return position(shape, index);
      },
      "reverse");
}

void test_slice(DType t, const Shape& shape, const Index& start, const Index& limit, const Index& strides) {
  const Array x = numbered(t, shape);
  Shape out;
  for (size_t d = 0; d < shape.size(); ++d) out.push_back((limit[d] - start[d] + strides[d] - 1) / strides[d]);
  const Array y = std::move(run_op("slice", {&x}, {{"start", start}, {"limit", limit}, {"strides", strides}}, {{t, out}}, 1)[0]);
  compare(
      y, x, 0,
      [&](Index index) {
        for (size_t d = 0; d < shape.size(); ++d) index[d] = start[d] + index[d] * strides[d];
        return position(shape, index);
      },
      "slice");
}

void test_pad(DType t, const Shape& shape, const Index& low, const Index& high, const Index& interior) {
  const Array x = numbered(t, shape), value = filled(t, {}, [](int64_t) { return 1.0; });
  Shape out;
  for (size_t d = 0; d < shape.size(); ++d) out.push_back(low[d] + high[d] + shape[d] + std::max<int64_t>(0, shape[d] - 1) * interior[d]);
  const Array y = std::move(run_op("pad", {&x, &value}, {{"low", low}, {"high", high}, {"interior", interior}}, {{t, out}}, 1)[0]);
  compare(
      y, x, 1,
      [&](Index index) -> int64_t {
        for (size_t d = 0; d < shape.size(); ++d) {
          index[d] -= low[d];
          if (index[d] < 0 || index[d] % (interior[d] + 1)) return -1;
          index[d] /= interior[d] + 1;
          if (index[d] >= shape[d]) return -1;
        }
        return position(shape, index);
      },
      "pad");
}

void test_concatenate(DType t, const std::vector<Shape>& shapes, size_t axis) {
  std::vector<Array> xs;
  Shape out = shapes[0];
  out[axis] = 0;
  for (const Shape& shape : shapes) {
    xs.push_back(random_array(t, shape, static_cast<uint32_t>(xs.size()), 1));
    out[axis] += shape[axis];
  }
  std::vector<const Array*> inputs;
  for (const Array& x : xs) inputs.push_back(&x);
  const Array y = std::move(run_op("concatenate", inputs, {{"axis", static_cast<double>(axis)}}, {{t, out}}, 1)[0]);
  bool same = true;
  for_each_index(out, [&](const Index& index) {
    Index from = index;
    size_t part = 0;
    while (from[axis] >= shapes[part][axis]) from[axis] -= shapes[part++][axis];
    same = same && y.at(position(out, index)) == xs[part].at(position(shapes[part], from));
  });
  check(same, "concatenate " + to_string(out));
}

void test_creation() {
  for (DType t : {DType::f32, DType::i32, DType::u32, DType::boolean}) {
    for (const Shape& shape : {Shape{}, Shape{0}, Shape{5}, Shape{3, 4, 5}, Shape{300, 300}}) {
      const Array y = std::move(run_op("full", {}, {{"value", 1.0}}, {{t, shape}}, 1)[0]);
      bool same = true;
      for (int64_t i = 0; i < y.size(); ++i) same = same && y.at(i) == 1;
      check(same, "full " + to_string(shape));
      for (size_t axis = 0; axis < shape.size() && t != DType::boolean; ++axis) {
        const Array z = std::move(run_op("iota", {}, {{"axis", static_cast<double>(axis)}}, {{t, shape}}, 1)[0]);
        for_each_index(shape, [&](const Index& index) { same = same && z.at(position(shape, index)) == static_cast<double>(index[axis]); });
        check(same, "iota " + to_string(shape));
      }
    }
  }
  const auto full = [](DType t, double value) { return run_op("full", {}, {{"value", value}}, {{t, {}}})[0].at(0); };
  check(full(DType::f32, INFINITY) == INFINITY && std::isnan(full(DType::f32, NAN)), "full of infinity and NaN");
  check(full(DType::i32, 3e9) == 2147483647.0 && full(DType::u32, -1) == 0 && full(DType::u32, 4294967295.0) == 4294967295.0,
        "full saturates");
}

}  // namespace

int main() {
  for (DType t : kTypes) {
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 4}, Shape{17, 33}, Shape{64, 100}, Shape{2, 3, 4}, Shape{16, 5, 48},
                               Shape{1, 7, 1, 9}, Shape{0, 3}, Shape{2, 3, 4, 5}, Shape{300, 500}}) {
      test_transpose(t, shape);
    }
    test_broadcast(t, {}, {}, {3, 4});
    test_broadcast(t, {4}, {1}, {3, 4});
    test_broadcast(t, {3}, {0}, {3, 4});
    test_broadcast(t, {3, 1}, {0, 1}, {3, 700});
    test_broadcast(t, {1, 5}, {0, 2}, {2, 3, 5});
    test_broadcast(t, {2, 5}, {0, 2}, {2, 3, 5});
    test_broadcast(t, {40}, {1}, {3000, 40});
    test_broadcast(t, {0}, {1}, {3, 0});
    test_reverse(t, {5}, {0});
    test_reverse(t, {3, 4, 5}, {0, 2});
    test_reverse(t, {3, 4, 50}, {1});
    test_reverse(t, {3, 4}, {});
    test_reverse(t, {0, 4}, {0});
    test_slice(t, {10}, {2}, {9}, {3});
    test_slice(t, {6, 7, 8}, {1, 0, 2}, {5, 7, 8}, {2, 3, 1});
    test_slice(t, {400, 300}, {7, 11}, {390, 290}, {1, 1});
    test_slice(t, {4, 4}, {2, 2}, {2, 4}, {1, 1});
    test_pad(t, {3, 4}, {1, 2}, {3, 0}, {0, 0});
    test_pad(t, {3, 4, 2}, {0, 1, 2}, {1, 0, 3}, {2, 1, 0});
    test_pad(t, {0, 4}, {2, 0}, {1, 0}, {3, 1});
    test_pad(t, {200, 300}, {5, 5}, {5, 5}, {0, 1});
    test_concatenate(t, {{3, 4}, {2, 4}, {1, 4}}, 0);
    test_concatenate(t, {{3, 4}, {3, 1}, {3, 0}, {3, 9}}, 1);
    test_concatenate(t, {{200, 3, 50}, {200, 2, 50}}, 1);
  }
  for (DType t : {DType::f32, DType::boolean}) {
    const Array x = numbered(t, {30, 40});
    const Array y = std::move(run_op("reshape", {&x}, {}, {{t, {40, 30}}}, 1)[0]);
    check(std::memcmp(y.data<uint8_t>(), x.data<uint8_t>(), x.aval.bytes()) == 0, "reshape keeps the order");
  }
  test_creation();
  return report("layout");
}
