// Every elementwise primitive on every dtype against float64, and the same bits on every instruction set.
#include "cpu/elementwise.h"

#include <algorithm>

#include "compiler/elementwise_program.h"
#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

constexpr DType kAll[] = {DType::f32, DType::i32, DType::u32, DType::boolean};
const int64_t kSizes[] = {0, 1, 3, 4, 15, 16, 17, 100, 1023, 1025, 5000};

uint32_t bits_of(float x) {
  uint32_t b;
  std::memcpy(&b, &x, sizeof b);
  return b;
}
float float_of(uint32_t b) {
  float x;
  std::memcpy(&x, &b, sizeof x);
  return x;
}

// Distance in units in the last place; 0 for two NaNs.
double ulps(float got, long double wanted) {
  if (std::isnan(wanted)) return std::isnan(got) ? 0 : 1e30;
  const float nearest = static_cast<float>(wanted);
  if (std::isinf(nearest) || std::isinf(got)) return got == nearest ? 0 : 1e30;
  const float a = std::abs(nearest);
  const long double unit = static_cast<long double>(std::max(std::nextafter(a, INFINITY) - a, 1.4012985e-45f));
  return static_cast<double>(std::abs(static_cast<long double>(got) - wanted) / (std::isinf(unit) ? 2.0282409603651670e31L : unit));
}

// Dense samples over all magnitudes and signs, then the special values.
Array samples() {
  std::vector<float> values = {0.0f,   -0.0f,   1.0f,    -1.0f,           0.5f,          -0.5f,          INFINITY, -INFINITY, NAN,
                               1e-45f, -1e-45f, 1e-40f,  1.17549435e-38f, 3.4028235e38f, -3.4028235e38f, 88.0f,    -88.0f,    88.72f,
                               88.73f, -103.9f, -104.5f, 0.625f,          0.41421354f,   0.4142136f};
  for (uint32_t b = 0; b < 0x7f800000u; b += 104729) {
    values.push_back(float_of(b));
    values.push_back(-float_of(b));
  }
  for (int i = -40000; i <= 40000; ++i) values.push_back(static_cast<float>(i) * 0.0026f);
  for (int i = -20000; i <= 20000; ++i) values.push_back(static_cast<float>(i) / 20000.0f);
  return filled(DType::f32, {static_cast<int64_t>(values.size())},
                [&](int64_t i) { return static_cast<double>(values[static_cast<size_t>(i)]); });
}

ElementwiseProgram single(Opcode op, const std::vector<DType>& from, DType to, const Shape& shape) {
  ElementwiseProgram p;
  p.shape = shape;
  ElementwiseProgram::Instruction instruction{op, to, {}};
  for (size_t i = 0; i < from.size(); ++i) {
    p.loads.push_back({static_cast<int32_t>(i), from[i], dense_strides(shape)});
    instruction.args[i] = static_cast<int32_t>(i);
  }
  p.code = {instruction};
  p.stores = {p.first_result()};
  return p;
}

// Runs on every instruction set, compares their bits (all NaNs are one), returns one of them.
Array on_all_isas(const ElementwiseProgram& program, const std::vector<const Array*>& inputs, const std::string& what) {
  const Aval out{program.dtype_of(program.stores[0]), program.shape};
  std::vector<Array> results;
  for (Isa isa : runnable_isas()) {
    results.push_back(std::move(run_prepared(prepare_program(program, isa), inputs, {out}, what + " " + name_of(isa), 1)[0]));
    for (int64_t i = 0; i < results[0].size(); ++i) {
      const double a = results[0].at(i), b = results.back().at(i);
      const bool same =
          out.dtype == DType::f32 ? results[0].data<uint32_t>()[i] == results.back().data<uint32_t>()[i] || (a != a && b != b) : a == b;
      if (same) continue;
      check(false, what + " differs on " + name_of(isa) + " at " + std::to_string(i));
      break;
    }
  }
  return std::move(results[0]);
}

struct Function {
  Opcode op;
  long double (*exact)(long double);
  double tolerance;  // in ulps
};

long double exact_sign(long double x) { return std::isnan(x) ? x : x > 0 ? 1 : x < 0 ? -1 : x; }
// As XLA, which takes denormals for the least normal number.
long double exact_log(long double x) { return std::log(x > 0 && x < 1.17549435e-38L ? 1.17549435082228750797e-38L : x); }

void test_functions() {
  const Function functions[] = {
      {Opcode::neg, [](long double x) { return -x; }, 0},
      {Opcode::abs, [](long double x) { return std::abs(x); }, 0},
      {Opcode::sign, exact_sign, 0},
      {Opcode::floor, [](long double x) { return std::floor(x); }, 0},
      {Opcode::ceil, [](long double x) { return std::ceil(x); }, 0},
      {Opcode::round, [](long double x) { return std::rint(x); }, 0},
      {Opcode::exp, [](long double x) { return std::exp(x); }, 1.5},
      {Opcode::expm1, [](long double x) { return std::expm1(x); }, 2.5},
      {Opcode::log, exact_log, 1.5},
      {Opcode::log1p, [](long double x) { return std::log1p(x); }, 3},
      {Opcode::sqrt, [](long double x) { return std::sqrt(x); }, 0.5},
      {Opcode::rsqrt, [](long double x) { return 1 / std::sqrt(x); }, 1.5},
      {Opcode::sin, [](long double x) { return std::sin(x); }, 2},
      {Opcode::cos, [](long double x) { return std::cos(x); }, 2},
      {Opcode::tanh, [](long double x) { return std::tanh(x); }, 2},
      {Opcode::logistic, [](long double x) { return 1 / (1 + std::exp(-x)); }, 2.5},
      {Opcode::erf, [](long double x) { return std::erf(x); }, 2},
  };
  const Array x = samples();
  for (const Function& f : functions) {
    const std::string what = flaxen::name_of(f.op);
    const Array y = on_all_isas(single(f.op, {DType::f32}, DType::f32, x.aval.shape), {&x}, what);
    double worst = 0;
    float at = 0;
    for (int64_t i = 0; i < x.size(); ++i) {
      const long double wanted = f.exact(static_cast<long double>(x.data<float>()[i]));
      const double error = ulps(y.data<float>()[i], wanted);
      if (error > worst) worst = error, at = x.data<float>()[i];
      const bool zero = wanted == 0 && y.data<float>()[i] == 0;
      if (zero && f.op != Opcode::log)
        check(std::signbit(wanted) == std::signbit(y.data<float>()[i]), what + ": the sign of zero at " + std::to_string(at));
    }
    std::printf("  %-10s %.2f ulp (at %.9g)\n", what.c_str(), worst, static_cast<double>(at));
    check(worst <= f.tolerance, what + " is off by " + std::to_string(worst) + " ulp at " + std::to_string(at));
  }
}

// The bits that XLA gives, made with reference/flax_init_reference.mjs.
void test_xla_bits() {
#include "xla_log_bits.inc"
  const int64_t n = static_cast<int64_t>(sizeof kXlaBits / sizeof kXlaBits[0]);
  const Array x = filled(DType::f32, {n}, [&](int64_t i) { return static_cast<double>(float_of(kXlaBits[i].x)); });
  const Opcode ops[] = {Opcode::log1p, Opcode::erf_inv};
  for (int k = 0; k < 2; ++k) {
    const Array y = on_all_isas(single(ops[k], {DType::f32}, DType::f32, {n}), {&x}, flaxen::name_of(ops[k]));
    for (int64_t i = 0; i < n; ++i) {
      check(bits_of(y.data<float>()[i]) == kXlaBits[i].y[k],
            std::string(flaxen::name_of(ops[k])) + " differs from XLA at " + std::to_string(x.at(i)));
    }
  }
}

// What one element of a binary primitive should be, on the dtype's own values widened to double.
double binary_reference(Opcode op, DType t, double x, double y) {
  const auto wrap = [&](double v) -> double {
    if (t == DType::f32) return static_cast<double>(static_cast<float>(v));
    const uint32_t low = static_cast<uint32_t>(static_cast<uint64_t>(static_cast<int64_t>(v)));
    return t == DType::i32 ? static_cast<double>(static_cast<int32_t>(low)) : static_cast<double>(low);
  };
  const auto ux = static_cast<uint32_t>(static_cast<int64_t>(t == DType::f32 ? 0 : x)),
             uy = static_cast<uint32_t>(static_cast<int64_t>(t == DType::f32 ? 0 : y));
  switch (op) {
    case Opcode::add:
      return wrap(x + y);
    case Opcode::sub:
      return wrap(x - y);
    case Opcode::mul:
      return t == DType::f32 ? wrap(x * y) : wrap(static_cast<double>(static_cast<int32_t>(ux * uy)));
    case Opcode::div:
      if (t == DType::f32) return wrap(x / y);
      return y == 0 ? (t == DType::i32 ? -1.0 : 4294967295.0) : wrap(std::trunc(x / y));
    case Opcode::rem:
      return y == 0 && t != DType::f32 ? x : std::fmod(x, y);
    case Opcode::max:
      return x != x || y != y ? NAN : std::max(x, y);
    case Opcode::min:
      return x != x || y != y ? NAN : std::min(x, y);
    case Opcode::eq:
      return x == y;
    case Opcode::ne:
      return x != y;
    case Opcode::lt:
      return x < y;
    case Opcode::le:
      return x <= y;
    case Opcode::gt:
      return x > y;
    case Opcode::ge:
      return x >= y;
    case Opcode::conjunction:
      return wrap(static_cast<double>(static_cast<int32_t>(ux & uy)));
    case Opcode::disjunction:
      return wrap(static_cast<double>(static_cast<int32_t>(ux | uy)));
    case Opcode::exclusive_or:
      return wrap(static_cast<double>(static_cast<int32_t>(ux ^ uy)));
    case Opcode::shift_left:
      return wrap(static_cast<double>(static_cast<int32_t>(uy < 32 ? ux << uy : 0)));
    case Opcode::shift_right_logical:
      return wrap(static_cast<double>(static_cast<int32_t>(uy < 32 ? ux >> uy : 0)));
    default:
      return 0;
  }
}

Array interesting(DType t, int64_t n, uint32_t seed) {
  std::mt19937 engine(seed);
  static const double floats[] = {0.0, -0.0, 1.0, -1.5, 1e30, -1e30, INFINITY, -INFINITY, NAN, 1e-40, 3.0, 7.25};
  static const double ints[] = {0, 1, -1, 2, 31, 32, 33, 2147483647.0, -2147483648.0, 7, -7, 123456};
  static const double uints[] = {0, 1, 2, 31, 32, 33, 4294967295.0, 2147483648.0, 2147483647.0, 7, 65536, 123456};
  return filled(t, {n}, [&](int64_t) -> double {
    const uint32_t r = engine();
    if (t == DType::boolean) return r & 1;
    if (r % 3 == 0)
      return t == DType::f32   ? static_cast<double>(static_cast<int32_t>(engine())) / 1e8
             : t == DType::i32 ? static_cast<double>(static_cast<int32_t>(engine()))
                               : engine();
    return t == DType::f32 ? floats[r / 3 % 12] : t == DType::i32 ? ints[r / 3 % 12] : uints[r / 3 % 12];
  });
}

bool equal_numbers(double a, double b) { return (a != a && b != b) || a == b; }

void test_binary() {
  const Opcode arithmetic[] = {Opcode::add, Opcode::sub, Opcode::mul, Opcode::div, Opcode::rem, Opcode::max, Opcode::min};
  const Opcode comparisons[] = {Opcode::eq, Opcode::ne, Opcode::lt, Opcode::le, Opcode::gt, Opcode::ge};
  const Opcode bitwise[] = {Opcode::conjunction, Opcode::disjunction, Opcode::exclusive_or, Opcode::shift_left,
                            Opcode::shift_right_logical};
  const auto test = [](Opcode op, DType t, DType to) {
    for (int64_t n : kSizes) {
      const std::string what = std::string(flaxen::name_of(op)) + " " + flaxen::name_of(t) + " of " + std::to_string(n);
      const Array x = interesting(t, n, 1), y = interesting(t, n, 2);
      // Both operands dense, then one of them a scalar, either broadcast or a constant.
      for (int scalar = -1; scalar < 4; ++scalar) {
        if (scalar >= 0 && n == 0) continue;
        ElementwiseProgram program = single(op, {t, t}, to, {n});
        if (scalar == 0 || scalar == 1) program.loads[static_cast<size_t>(scalar)].strides = {0};
        if (scalar >= 2) {
          const Array& source = scalar == 2 ? x : y;
          uint32_t bits = 0;
          std::memcpy(&bits, source.data<uint8_t>(), size_of(t));
          program.loads.erase(program.loads.begin() + (scalar - 2));
          program.constants = {{t, bits}};
          program.code[0].args = scalar == 2 ? std::array<int32_t, 3>{1, 0, 0} : std::array<int32_t, 3>{0, 1, 0};
        }
        const Array z = on_all_isas(program, {&x, &y}, what);
        for (int64_t i = 0; i < n; ++i) {
          const double a = x.at(scalar == 0 || scalar == 2 ? 0 : i), b = y.at(scalar == 1 || scalar == 3 ? 0 : i);
          if (!equal_numbers(z.at(i), binary_reference(op, t, a, b))) {
            check(false, what + ": " + std::to_string(a) + ", " + std::to_string(b) + " gave " + std::to_string(z.at(i)) + ", scalar " +
                             std::to_string(scalar));
            break;
          }
        }
      }
    }
  };
  for (DType t : kAll) {
    for (Opcode op : arithmetic) {
      if (t != DType::boolean || op == Opcode::max || op == Opcode::min) test(op, t, t);
    }
    for (Opcode op : comparisons) test(op, t, DType::boolean);
    for (Opcode op : bitwise) {
      if (t == DType::f32 || (t == DType::boolean && (op == Opcode::shift_left || op == Opcode::shift_right_logical))) continue;
      test(op, t, t);
    }
  }
  const Array zeros = filled(DType::f32, {2}, [](int64_t i) { return i ? -0.0 : 0.0; }),
              swapped = filled(DType::f32, {2}, [](int64_t i) { return i ? 0.0 : -0.0; });
  const Array high = on_all_isas(single(Opcode::max, {DType::f32, DType::f32}, DType::f32, {2}), {&zeros, &swapped}, "max of zeros");
  const Array low = on_all_isas(single(Opcode::min, {DType::f32, DType::f32}, DType::f32, {2}), {&zeros, &swapped}, "min of zeros");
  for (int i = 0; i < 2; ++i) check(!std::signbit(high.at(i)) && std::signbit(low.at(i)), "max and min order the zeros");
}

void test_power() {
  const int64_t n = 20000;
  std::mt19937 engine(5);
  static const double special[] = {0.0, -0.0, 1.0, -1.0, 2.0, 3.0, -3.0, 0.5, INFINITY, -INFINITY, NAN, 1e-40, 1e38, 200};
  const auto draw = [&](double scale) {
    const uint32_t r = engine();
    return r % 4 == 0
               ? special[r / 4 % 14]
               : static_cast<double>(static_cast<float>(std::ldexp(static_cast<double>(static_cast<int32_t>(engine())), -31) * scale));
  };
  const Array x = filled(DType::f32, {n}, [&](int64_t) { return draw(4); }), y = filled(DType::f32, {n}, [&](int64_t) { return draw(30); });
  const Array z = on_all_isas(single(Opcode::pow, {DType::f32, DType::f32}, DType::f32, {n}), {&x, &y}, "pow");
  double worst = 0;
  for (int64_t i = 0; i < n; ++i) {
    const double error = ulps(z.data<float>()[i], std::pow(static_cast<long double>(x.at(i)), static_cast<long double>(y.at(i))));
    worst = std::max(worst, error);
    check(error <= 0.51, "pow(" + std::to_string(x.at(i)) + ", " + std::to_string(y.at(i)) + ") = " + std::to_string(z.at(i)));
  }
  std::printf("  %-10s %.3f ulp\n", "pow", worst);
}

void test_fma_and_select() {
  for (int64_t n : kSizes) {
    const Array x = interesting(DType::f32, n, 1), y = interesting(DType::f32, n, 2), z = interesting(DType::f32, n, 3);
    for (unsigned scalars = 0; scalars < 8; ++scalars) {
      ElementwiseProgram program = single(Opcode::fma, {DType::f32, DType::f32, DType::f32}, DType::f32, {n});
      for (size_t k = 0; k < 3; ++k) {
        if (scalars >> k & 1) program.loads[k].strides = {0};
      }
      if (n == 0) continue;
      const Array r = on_all_isas(program, {&x, &y, &z}, "fma");
      for (int64_t i = 0; i < n; ++i) {
        const auto pick = [&](const Array& a, unsigned k) { return a.data<float>()[scalars >> k & 1 ? 0 : i]; };
        const float wanted = std::fma(pick(x, 0), pick(y, 1), pick(z, 2));
        check(equal_numbers(static_cast<double>(wanted), r.at(i)),
              "fma of " + std::to_string(n) + " with scalars " + std::to_string(scalars));
      }
    }
    for (DType t : kAll) {
      const Array p = interesting(DType::boolean, n, 7), a = interesting(t, n, 8), b = interesting(t, n, 9);
      for (unsigned scalars = 0; scalars < 8 && n; ++scalars) {
        ElementwiseProgram program = single(Opcode::select, {DType::boolean, t, t}, t, {n});
        for (size_t k = 0; k < 3; ++k) {
          if (scalars >> k & 1) program.loads[k].strides = {0};
        }
        const Array r = on_all_isas(program, {&p, &a, &b}, "select");
        for (int64_t i = 0; i < n; ++i) {
          const double wanted = p.at(scalars & 1 ? 0 : i) != 0 ? a.at(scalars & 2 ? 0 : i) : b.at(scalars & 4 ? 0 : i);
          check(equal_numbers(wanted, r.at(i)),
                std::string("select of ") + flaxen::name_of(t) + " with scalars " + std::to_string(scalars));
        }
      }
    }
  }
}

double converted(DType from, DType to, double x) {
  if (to == DType::boolean) return x != 0;
  if (to == DType::f32) return static_cast<double>(static_cast<float>(x));
  if (from == DType::f32) {
    if (x != x) return 0;
    return to == DType::i32 ? std::clamp(std::trunc(x), -2147483648.0, 2147483647.0) : std::clamp(std::trunc(x), 0.0, 4294967295.0);
  }
  const auto low = static_cast<uint32_t>(static_cast<int64_t>(x));
  return to == DType::i32 ? static_cast<double>(static_cast<int32_t>(low)) : static_cast<double>(low);
}

void test_unary_of_other_dtypes() {
  const Array edges = filled(DType::f32, {12}, [](int64_t i) {
    static const double v[] = {2147483648.0, 2147483520.0, -2147483648.0, -2147483904.0, 4294967296.0, 4294967040.0,
                               -0.9,         0.9,          -1.0,          3e9,           NAN,          -INFINITY};
    return v[i];
  });
  for (DType from : kAll) {
    for (DType to : kAll) {
      for (int64_t n : kSizes) {
        const Array random = interesting(from, n, 4);
        const Array& x = from == DType::f32 && n == 100 ? edges : random;
        const Array y = on_all_isas(single(Opcode::convert, {from}, to, x.aval.shape), {&x}, "convert");
        for (int64_t i = 0; i < x.size(); ++i) {
          check(equal_numbers(y.at(i), converted(from, to, x.at(i))), std::string("convert ") + flaxen::name_of(from) + " to " +
                                                                          flaxen::name_of(to) + ": " + std::to_string(x.at(i)) + " gave " +
                                                                          std::to_string(y.at(i)));
        }
        if (from == DType::boolean || to == DType::boolean) continue;
        const Array z = on_all_isas(single(Opcode::bitcast, {from}, to, x.aval.shape), {&x}, "bitcast");
        check(n == 0 || std::memcmp(z.data<uint8_t>(), x.data<uint8_t>(), x.aval.bytes()) == 0, "bitcast keeps the bits");
      }
    }
  }
  for (int64_t n : kSizes) {
    const Array i = interesting(DType::i32, n, 5), u = interesting(DType::u32, n, 6), b = interesting(DType::boolean, n, 7),
                f = interesting(DType::f32, n, 8);
    const auto unary = [&](Opcode op, const Array& x, DType to, const std::function<double(double)>& wanted) {
      const Array y = on_all_isas(single(op, {x.aval.dtype}, to, {n}), {&x}, flaxen::name_of(op));
      for (int64_t k = 0; k < n; ++k)
        check(y.at(k) == wanted(x.at(k)), std::string(flaxen::name_of(op)) + " of " + std::to_string(x.at(k)));
    };
    const auto wrap = [](double v) { return static_cast<double>(static_cast<int32_t>(static_cast<uint32_t>(static_cast<int64_t>(v)))); };
    const auto uwrap = [](double v) { return static_cast<double>(static_cast<uint32_t>(static_cast<int64_t>(v))); };
    unary(Opcode::neg, i, DType::i32, [&](double v) { return wrap(-v); });
    unary(Opcode::neg, u, DType::u32, [&](double v) { return uwrap(-v); });
    unary(Opcode::abs, i, DType::i32, [&](double v) { return wrap(std::abs(v)); });
    unary(Opcode::abs, u, DType::u32, [&](double v) { return v; });
    unary(Opcode::sign, i, DType::i32, [&](double v) { return static_cast<double>((v > 0) - (v < 0)); });
    unary(Opcode::sign, u, DType::u32, [&](double v) { return static_cast<double>(v > 0); });
    unary(Opcode::negation, i, DType::i32, [&](double v) { return -v - 1; });
    unary(Opcode::negation, u, DType::u32, [&](double v) { return 4294967295.0 - v; });
    unary(Opcode::negation, b, DType::boolean, [&](double v) { return static_cast<double>(v == 0); });
    unary(Opcode::is_finite, f, DType::boolean, [&](double v) { return static_cast<double>(std::isfinite(v)); });
  }
}

}  // namespace

int main() {
  test_functions();
  test_xla_bits();
  test_binary();
  test_power();
  test_fma_and_select();
  test_unary_of_other_dtypes();
  return report("elementwise");
}
