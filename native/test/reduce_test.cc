// Reductions, argmax, argmin and cumsum against float64, over all axes of shapes of all kinds; the same bits on every instruction set.
#include <algorithm>

#include "cpu/reduce_kernels.h"
#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

constexpr DType kAll[] = {DType::f32, DType::i32, DType::u32, DType::boolean};

std::vector<int64_t> axes_of(unsigned mask) {
  std::vector<int64_t> axes;
  for (int64_t d = 0; d < 8; ++d) {
    if (mask >> d & 1) axes.push_back(d);
  }
  return axes;
}

Shape kept(const Shape& shape, unsigned mask) {
  Shape out;
  for (size_t d = 0; d < shape.size(); ++d) {
    if (!(mask >> d & 1)) out.push_back(shape[d]);
  }
  return out;
}

double identity(const std::string& op, DType t) {
  if (op == "reduceSum") return 0;
  if (op == "reduceProd") return 1;
  const bool max = op == "reduceMax";
  switch (t) {
    case DType::f32:
      return max ? -INFINITY : INFINITY;
    case DType::i32:
      return max ? -2147483648.0 : 2147483647.0;
    case DType::u32:
      return max ? 0 : 4294967295.0;
    case DType::boolean:
      return max ? 0 : 1;
  }
  return 0;
}

double wrapped(DType t, double x) {
  if (t == DType::f32) return x;
  const auto low = static_cast<uint32_t>(static_cast<int64_t>(x));
  return t == DType::i32 ? static_cast<double>(static_cast<int32_t>(low)) : t == DType::u32 ? static_cast<double>(low) : x;
}

void test_reduction(const std::string& op, DType t, const Shape& shape, unsigned mask) {
  const bool product = op == "reduceProd";
  Array x = random_array(t, shape, 3, 1);
  if (product) {
    for (int64_t i = 0; i < x.size(); ++i) x.set(i, t == DType::f32 ? 1 + x.at(i) / 64 : i % 5 == 0 ? 3 : 1);
  }
  const Shape out = kept(shape, mask);
  std::vector<double> wanted(static_cast<size_t>(count(out)), identity(op, t)), magnitude(wanted.size(), 0);
  for_each_index(shape, [&](const std::vector<int64_t>& index) {
    std::vector<int64_t> to;
    for (size_t d = 0; d < shape.size(); ++d) {
      if (!(mask >> d & 1)) to.push_back(index[d]);
    }
    double& acc = wanted[static_cast<size_t>(position(out, to))];
    const double v = x.at(position(shape, index));
    magnitude[static_cast<size_t>(position(out, to))] += std::abs(v);
    acc = op == "reduceSum" ? acc + v : product ? wrapped(t, acc * v) : op == "reduceMax" ? std::max(acc, v) : std::min(acc, v);
  });
  const std::string what = op + " " + flaxen::name_of(t) + " " + to_string(shape) + " mask " + std::to_string(mask);
  const Params params{{"axes", axes_of(mask)}};
  const Array y = std::move(run_op(op, {&x}, params, {{t, out}}, 1)[0]);
  for (int64_t i = 0; i < y.size(); ++i) {
    const double w = wanted[static_cast<size_t>(i)];
    const double n = static_cast<double>(std::max<int64_t>(1, x.size() / std::max<int64_t>(1, y.size())));
    const double allowed = t != DType::f32     ? 0
                           : op == "reduceSum" ? 4e-7 * magnitude[static_cast<size_t>(i)]
                           : product           ? 2e-7 * n * std::abs(w)
                                               : 0;
    check(std::abs(y.at(i) - wrapped(t, w)) <= allowed || y.at(i) == w,
          what + " at " + std::to_string(i) + ": " + std::to_string(y.at(i)) + ", not " + std::to_string(w));
  }
  on_one_thread([&] { check(run_op(op, {&x}, params, {{t, out}})[0].same_as(y), what + " differs on one thread"); });
}

void test_shapes() {
  const Shape shapes[] = {{},     {1},    {7},       {1, 1},     {5, 3},        {3, 40},         {40, 3},     {200, 70},
                          {0, 3}, {3, 0}, {2, 3, 4}, {9, 1, 33}, {4, 17, 3, 5}, {2, 3, 2, 3, 2}, {130, 2, 40}};
  for (const Shape& shape : shapes) {
    for (unsigned mask = 0; mask < 1u << shape.size(); ++mask) {
      for (DType t : kAll) {
        for (const char* op : {"reduceSum", "reduceProd", "reduceMax", "reduceMin"}) {
          if (t != DType::boolean || op[6] == 'M') test_reduction(op, t, shape, mask);
        }
      }
    }
  }
  const Shape large[] = {{70001}, {300001}, {50000, 3}, {3, 50000}, {2, 70000, 2}, {5, 3000}, {3000, 1500}, {40, 30, 50, 3}};
  for (const Shape& shape : large) {
    for (unsigned mask = 1; mask < 1u << shape.size(); ++mask) {
      test_reduction("reduceSum", DType::f32, shape, mask);
      test_reduction("reduceMax", DType::f32, shape, mask);
      test_reduction("reduceMin", DType::boolean, shape, mask);
    }
  }
}

// A sum of many equal terms: adding them one by one would lose five digits.
void test_accuracy() {
  const int64_t n = 1 << 22;
  const Array x = filled(DType::f32, {n}, [](int64_t) { return 0.1; });
  const double exact = static_cast<double>(0.1f) * static_cast<double>(n);
  const Array whole = std::move(run_op("reduceSum", {&x}, {{"axes", axes_of(1)}}, {{DType::f32, {}}})[0]);
  check(std::abs(whole.at(0) - exact) <= 1e-6 * exact, "the sum of 4M equal terms is off by " + std::to_string(whole.at(0) - exact));
  const Array columns = filled(DType::f32, {n / 4, 4}, [](int64_t) { return 0.1; });
  const Array sums = std::move(run_op("reduceSum", {&columns}, {{"axes", axes_of(1)}}, {{DType::f32, {4}}})[0]);
  for (int i = 0; i < 4; ++i) check(std::abs(sums.at(i) - exact / 4) <= 1e-6 * exact, "column sums of equal terms");
}

void test_nan() {
  for (int64_t n : {3, 40, 500, 3000}) {
    for (int64_t at : {int64_t{0}, n / 2, n - 1}) {
      const Array x = filled(DType::f32, {n}, [&](int64_t i) { return i == at ? NAN : static_cast<double>(i); });
      const Array tall = filled(DType::f32, {n, 3}, [&](int64_t i) { return i / 3 == at && i % 3 == 1 ? NAN : static_cast<double>(i); });
      for (const char* op : {"reduceMax", "reduceMin", "reduceSum"}) {
        check(std::isnan(run_op(op, {&x}, {{"axes", axes_of(1)}}, {{DType::f32, {}}})[0].at(0)), std::string(op) + " keeps a NaN");
        const Array y = std::move(run_op(op, {&tall}, {{"axes", axes_of(1)}}, {{DType::f32, {3}}})[0]);
        check(!std::isnan(y.at(0)) && std::isnan(y.at(1)) && !std::isnan(y.at(2)), std::string(op) + " keeps a NaN in its column");
      }
      for (const char* op : {"argmax", "argmin"}) {
        check(run_op(op, {&x}, {{"axis", 0.0}}, {{DType::i32, {}}})[0].at(0) == static_cast<double>(at),
              std::string(op) + " finds the NaN");
      }
    }
  }
}

void test_arg_and_cumsum(DType t, const Shape& shape, size_t axis) {
  Array x = random_array(t, shape, 11, 1);
  for (int64_t i = 0; i < x.size(); ++i) {
    if (t != DType::boolean)
      x.set(i, t == DType::f32 ? std::floor(x.at(i))
                               : static_cast<double>(static_cast<int64_t>(x.at(i)) % 7 + (t == DType::u32 ? 7 : 0)));  // ties
  }
  Shape out = shape;
  out.erase(out.begin() + static_cast<std::ptrdiff_t>(axis));
  const std::string what = std::string(flaxen::name_of(t)) + " " + to_string(shape) + " axis " + std::to_string(axis);
  const Params params{{"axis", static_cast<double>(axis)}};
  const bool sums = t != DType::boolean;
  const Array most = std::move(run_op("argmax", {&x}, params, {{DType::i32, out}}, 1)[0]);
  const Array least = std::move(run_op("argmin", {&x}, params, {{DType::i32, out}}, 1)[0]);
  std::vector<Array> forward, backward;
  if (sums) {
    forward = run_op("cumsum", {&x}, {{"axis", static_cast<double>(axis)}, {"reverse", false}}, {x.aval}, 1);
    backward = run_op("cumsum", {&x}, {{"axis", static_cast<double>(axis)}, {"reverse", true}}, {x.aval}, 1);
  }
  for_each_index(out, [&](const std::vector<int64_t>& index) {
    std::vector<int64_t> at = index;
    at.insert(at.begin() + static_cast<std::ptrdiff_t>(axis), 0);
    int64_t high = 0, low = 0;
    double total = 0;
    for (int64_t i = 0; i < shape[axis]; ++i) {
      const auto value = [&](int64_t k) {
        at[axis] = k;
        return x.at(position(shape, at));
      };
      if (value(i) > value(high)) high = i;
      if (value(i) < value(low)) low = i;
      total += value(i);
      if (sums) check(forward[0].at(position(shape, at)) == total, "cumsum " + what);
    }
    total = 0;
    for (int64_t i = shape[axis]; sums && i-- > 0;) {
      at[axis] = i;
      total += x.at(position(shape, at));
      check(backward[0].at(position(shape, at)) == total, "reverse cumsum " + what);
    }
    check(most.at(position(out, index)) == static_cast<double>(high), "argmax " + what);
    check(least.at(position(out, index)) == static_cast<double>(low), "argmin " + what);
  });
}

// Straight from the tables, so that one run compares all instruction sets.
void test_isas() {
  for (Reduction reduction : {Reduction::sum, Reduction::prod, Reduction::max, Reduction::min}) {
    for (int64_t n : {1, 5, 23, 24, 100, 255, 256, 1000, 5000}) {
      const Array x = random_array(DType::f32, {n * 70}, 5);
      std::vector<Array> rows, columns;
      for (Isa isa : runnable_isas()) {
        const ReduceKernels kernels = reduce_table(isa).find(reduction, DType::f32);
        rows.push_back(Array(DType::f32, {70}));
        kernels.rows(rows.back().data<float>(), x.data<float>(), 70, n, n);
        check(rows.back().same_as(rows[0]), "rows differ on " + std::string(name_of(isa)));
        for (int64_t cols : {1, 3, 16, 35, 70}) {
          columns.push_back(Array(DType::f32, {cols}));
          kernels.columns(columns.back().data<float>(), x.data<float>(), n * 70 / cols, cols, cols);
          check(columns.back().intact(), "columns within bounds");
          const size_t first = columns.size() < 6 ? columns.size() - 1 : (columns.size() - 1) % 5;
          check(columns.back().same_as(columns[first]), "columns differ on " + std::string(name_of(isa)));
        }
      }
    }
  }
}

}  // namespace

int main() {
  test_shapes();
  test_accuracy();
  test_nan();
  for (DType t : kAll) {
    const Shape shapes[] = {{1}, {9}, {3, 5}, {4, 1, 6}, {7, 300, 2}, {3, 4, 270}, {2, 40000}};
    for (const Shape& shape : shapes) {
      for (size_t axis = 0; axis < shape.size(); ++axis) test_arg_and_cumsum(t, shape, axis);
    }
  }
  test_isas();
  return report("reduce");
}
