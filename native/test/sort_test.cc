// Stable sorts against std::stable_sort.
#include <algorithm>
#include <numeric>

#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

// NaN last, all NaNs equal, -0 equal to 0.
bool less(double a, double b) { return a != a ? false : b != b ? true : a < b; }

void test_sort(const std::vector<DType>& dtypes, size_t keys, const Shape& shape, size_t axis) {
  std::vector<Array> xs;
  std::vector<const Array*> inputs;
  std::vector<Aval> avals;
  for (DType t : dtypes) {
    std::mt19937 engine(static_cast<uint32_t>(xs.size()) + 9);
    xs.push_back(filled(
        t, shape,
        [&](int64_t) -> double {
          static const double special[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-40, -1e-40};
          const uint32_t r = engine();
          if (t == DType::f32) return r % 4 == 0 ? special[r / 4 % 7] : static_cast<double>(static_cast<int32_t>(r) % 5);
          if (t == DType::boolean) return r & 1;
          return t == DType::i32 ? static_cast<double>(static_cast<int32_t>(r) >> (r % 32)) : static_cast<double>(r >> (r % 32));
        },
        1));
  }
  for (const Array& x : xs) {
    inputs.push_back(&x);
    avals.push_back(x.aval);
  }
  const std::vector<Array> ys =
      run_op("sort", inputs, {{"axis", static_cast<double>(axis)}, {"numKeys", static_cast<double>(keys)}}, avals, 1);
  int64_t inner = 1, n = shape[axis];
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
  bool same = true;
  for (int64_t line = 0; n > 0 && line < count(shape) / n; ++line) {
    const int64_t start = line / inner * n * inner + line % inner;
    std::vector<int64_t> order(static_cast<size_t>(n));
    std::iota(order.begin(), order.end(), int64_t{0});
    std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
      for (size_t k = 0; k < keys; ++k) {
        const double x = xs[k].at(start + a * inner), y = xs[k].at(start + b * inner);
        if (less(x, y) || less(y, x)) return less(x, y);
      }
      return false;
    });
    for (size_t k = 0; k < xs.size(); ++k) {
      const size_t bytes = size_of(dtypes[k]);
      for (int64_t i = 0; i < n; ++i) {
        const auto at = static_cast<size_t>(start + i * inner), from = static_cast<size_t>(start + order[static_cast<size_t>(i)] * inner);
        same = same && std::memcmp(ys[k].data<uint8_t>() + at * bytes, xs[k].data<uint8_t>() + from * bytes, bytes) == 0;
      }
    }
  }
  check(same, "sort of " + std::to_string(dtypes.size()) + " operands by " + std::to_string(keys) + ", " + to_string(shape) + " axis " +
                  std::to_string(axis));
}

}  // namespace

int main() {
  for (DType t : {DType::f32, DType::i32, DType::u32, DType::boolean}) {
    for (int64_t n : {0, 1, 2, 17, 1000, 30000}) {
      test_sort({t}, 1, {n}, 0);
      test_sort({t, DType::i32}, 1, {n}, 0);
    }
    for (size_t axis = 0; axis < 3; ++axis) test_sort({t, DType::f32, DType::boolean}, 2, {5, 40, 3}, axis);
    test_sort({DType::boolean, t, DType::u32}, 3, {50, 20}, 0);
  }
  test_sort({DType::f32}, 1, {0, 4}, 1);
  return report("sort");
}
