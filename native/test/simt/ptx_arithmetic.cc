// Handlers of PTX instructions that only compute.
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>
#include <unordered_map>

#include "simt/collective.h"
#include "simt/ptx_handlers.h"
#include "simt/ptx_kernel.h"

namespace flaxen::simt {

namespace {

template <typename T, typename F>
Handler unary(F) {
  return [](Lane& lane, const Instruction& i) { lane.set(i, 0, F{}(lane.get<T>(i, 1))); };
}
template <typename T, typename F>
Handler binary(F) {
  return [](Lane& lane, const Instruction& i) { lane.set(i, 0, F{}(lane.get<T>(i, 1), lane.get<T>(i, 2))); };
}
template <typename T, typename F>
Handler ternary(F) {
  return [](Lane& lane, const Instruction& i) { lane.set(i, 0, F{}(lane.get<T>(i, 1), lane.get<T>(i, 2), lane.get<T>(i, 3))); };
}
// The second operand is a count of bits.
template <typename T, typename F>
Handler shift(F) {
  return [](Lane& lane, const Instruction& i) { lane.set(i, 0, F{}(lane.get<T>(i, 1), lane.get<uint32_t>(i, 2))); };
}

template <typename T>
using Wide = std::conditional_t<sizeof(T) == 2, std::conditional_t<std::is_signed_v<T>, int32_t, uint32_t>,
                                std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>>;

template <typename T>
T quotient(T a, T b) {
  if (b == 0) return static_cast<T>(-1);
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return static_cast<T>(0 - static_cast<std::make_unsigned_t<T>>(a));
  }
  return static_cast<T>(a / b);
}
template <typename T>
T remainder_of(T a, T b) {
  if (b == 0) return a;
  if constexpr (std::is_signed_v<T>) {
    if (b == -1) return 0;
  }
  return static_cast<T>(a % b);
}

// Arithmetic wraps: signed types compute as unsigned ones.
template <typename T>
void add_integer(HandlerTable& t, const std::string& type) {
  using U = std::make_unsigned_t<T>;
  t["add." + type] = binary<U>([](U a, U b) { return static_cast<U>(a + b); });
  t["sub." + type] = binary<U>([](U a, U b) { return static_cast<U>(a - b); });
  t["mul." + type] = binary<U>([](U a, U b) { return static_cast<U>(uint64_t{a} * b); });
  t["mad." + type] = ternary<U>([](U a, U b, U c) { return static_cast<U>(uint64_t{a} * b + c); });
  t["div." + type] = binary<T>([](T a, T b) { return quotient(a, b); });
  t["rem." + type] = binary<T>([](T a, T b) { return remainder_of(a, b); });
  t["neg." + type] = unary<U>([](U a) { return static_cast<U>(0 - a); });
  t["abs." + type] = unary<T>([](T a) { return a < 0 ? static_cast<U>(0 - static_cast<U>(a)) : static_cast<U>(a); });
  t["min." + type] = binary<T>([](T a, T b) { return a < b ? a : b; });
  t["max." + type] = binary<T>([](T a, T b) { return a > b ? a : b; });
  t["shr." + type] = shift<T>([](T a, uint32_t n) {
    constexpr uint32_t bits = 8 * sizeof(T);
    return static_cast<T>(n < bits ? a >> n : std::is_signed_v<T> && a < 0 ? -1 : 0);
  });
  if constexpr (sizeof(T) < 8) {
    using W = Wide<T>;
    t["mul.wide." + type] = binary<T>([](T a, T b) { return static_cast<W>(static_cast<W>(a) * static_cast<W>(b)); });
    t["mad.wide." + type] = [](Lane& lane, const Instruction& i) {
      const W product = static_cast<W>(static_cast<W>(lane.get<T>(i, 1)) * static_cast<W>(lane.get<T>(i, 2)));
      lane.set(i, 0, static_cast<W>(static_cast<std::make_unsigned_t<W>>(product) + lane.get<std::make_unsigned_t<W>>(i, 3)));
    };
  }
  if constexpr (sizeof(T) == 4) {
    t["mul.hi." + type] = binary<T>([](T a, T b) { return static_cast<T>((static_cast<Wide<T>>(a) * static_cast<Wide<T>>(b)) >> 32); });
  }
}

template <typename T>
void add_bits(HandlerTable& t, const std::string& type) {
  t["and." + type] = binary<T>([](T a, T b) { return static_cast<T>(a & b); });
  t["or." + type] = binary<T>([](T a, T b) { return static_cast<T>(a | b); });
  t["xor." + type] = binary<T>([](T a, T b) { return static_cast<T>(a ^ b); });
  t["not." + type] = unary<T>([](T a) { return static_cast<T>(~a); });
  t["shl." + type] = shift<T>([](T a, uint32_t n) { return static_cast<T>(n < 8 * sizeof(T) ? a << n : 0); });
}

template <typename T>
void add_float(HandlerTable& t, const std::string& type) {
  t["add." + type] = binary<T>([](T a, T b) { return a + b; });
  t["sub." + type] = binary<T>([](T a, T b) { return a - b; });
  t["mul." + type] = binary<T>([](T a, T b) { return a * b; });
  t["div." + type] = binary<T>([](T a, T b) { return a / b; });
  t["fma." + type] = ternary<T>([](T a, T b, T c) { return std::fma(a, b, c); });
  t["neg." + type] = unary<T>([](T a) { return -a; });
  t["abs." + type] = unary<T>([](T a) { return std::fabs(a); });
  t["sqrt." + type] = unary<T>([](T a) { return std::sqrt(a); });
  t["rcp." + type] = unary<T>([](T a) { return T{1} / a; });
  // A NaN loses against a number.
  t["min." + type] = binary<T>([](T a, T b) { return std::fmin(a, b); });
  t["max." + type] = binary<T>([](T a, T b) { return std::fmax(a, b); });
}

// Comparisons: "setp.lt.f32 p, a, b", also joined with a predicate: "setp.lt.and.f32 p, a, b, q".
template <typename T, typename F>
void add_comparison(HandlerTable& t, const std::string& name, const std::string& type, F) {
  t["setp." + name + "." + type] = binary<T>([](T a, T b) { return static_cast<uint32_t>(F{}(a, b)); });
  t["setp." + name + ".and." + type] = [](Lane& lane, const Instruction& i) {
    lane.set(i, 0, static_cast<uint32_t>(F{}(lane.get<T>(i, 1), lane.get<T>(i, 2)) && (lane.get<uint32_t>(i, 3) & 1)));
  };
  t["setp." + name + ".or." + type] = [](Lane& lane, const Instruction& i) {
    lane.set(i, 0, static_cast<uint32_t>(F{}(lane.get<T>(i, 1), lane.get<T>(i, 2)) || (lane.get<uint32_t>(i, 3) & 1)));
  };
}

template <typename T>
void add_comparisons(HandlerTable& t, const std::string& type) {
  const auto lt = [](T a, T b) { return a < b; };
  const auto le = [](T a, T b) { return a <= b; };
  const auto gt = [](T a, T b) { return a > b; };
  const auto ge = [](T a, T b) { return a >= b; };
  add_comparison<T>(t, "lt", type, lt);
  add_comparison<T>(t, "le", type, le);
  add_comparison<T>(t, "gt", type, gt);
  add_comparison<T>(t, "ge", type, ge);
  add_comparison<T>(t, "eq", type, [](T a, T b) { return a == b; });
  if constexpr (std::is_floating_point_v<T>) {  // a name with u is true of a NaN
    add_comparison<T>(t, "ne", type, [](T a, T b) { return a < b || a > b; });
    add_comparison<T>(t, "ltu", type, [](T a, T b) { return !(a >= b); });
    add_comparison<T>(t, "leu", type, [](T a, T b) { return !(a > b); });
    add_comparison<T>(t, "gtu", type, [](T a, T b) { return !(a <= b); });
    add_comparison<T>(t, "geu", type, [](T a, T b) { return !(a < b); });
    add_comparison<T>(t, "equ", type, [](T a, T b) { return !(a < b || a > b); });
    add_comparison<T>(t, "neu", type, [](T a, T b) { return a != b; });
    add_comparison<T>(t, "num", type, [](T a, T b) { return a == a && b == b; });
    add_comparison<T>(t, "nan", type, [](T a, T b) { return a != a || b != b; });
  } else {
    add_comparison<T>(t, "ne", type, [](T a, T b) { return a != b; });
    if constexpr (std::is_unsigned_v<T>) {
      add_comparison<T>(t, "lo", type, lt);
      add_comparison<T>(t, "ls", type, le);
      add_comparison<T>(t, "hi", type, gt);
      add_comparison<T>(t, "hs", type, ge);
    }
  }
}

// Of floats to integers: saturates, NaN gives 0.
template <typename To, typename From>
To converted(From x) {
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (x != x) return 0;
    if (static_cast<double>(x) < static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (static_cast<double>(x) >= std::ldexp(1.0, std::numeric_limits<To>::digits)) return std::numeric_limits<To>::max();
  }
  return static_cast<To>(x);
}

template <typename To, typename From>
void add_conversion(HandlerTable& t, const std::string& to, const std::string& from) {
  const std::string types = "." + to + "." + from;
  t["cvt" + types] = unary<From>([](From x) { return converted<To>(x); });
  if constexpr (std::is_floating_point_v<From>) {
    t["cvt.rzi" + types] = unary<From>([](From x) { return converted<To>(std::trunc(x)); });
    t["cvt.rni" + types] = unary<From>([](From x) { return converted<To>(std::nearbyint(x)); });
    t["cvt.rmi" + types] = unary<From>([](From x) { return converted<To>(std::floor(x)); });
    t["cvt.rpi" + types] = unary<From>([](From x) { return converted<To>(std::ceil(x)); });
  }
}

template <typename From>
void add_conversions(HandlerTable& t, const std::string& from) {
  add_conversion<uint8_t, From>(t, "u8", from);
  add_conversion<int8_t, From>(t, "s8", from);
  add_conversion<uint16_t, From>(t, "u16", from);
  add_conversion<int16_t, From>(t, "s16", from);
  add_conversion<uint32_t, From>(t, "u32", from);
  add_conversion<int32_t, From>(t, "s32", from);
  add_conversion<uint64_t, From>(t, "u64", from);
  add_conversion<int64_t, From>(t, "s64", from);
  add_conversion<float, From>(t, "f32", from);
  add_conversion<double, From>(t, "f64", from);
}

template <typename T>
void add_moves(HandlerTable& t, const std::string& type) {
  t["mov." + type] = unary<T>([](T a) { return a; });
  t["selp." + type] = [](Lane& lane, const Instruction& i) {
    lane.set(i, 0, lane.get<uint32_t>(i, 3) & 1 ? lane.get<T>(i, 1) : lane.get<T>(i, 2));
  };
}

void add_predicates(HandlerTable& t) {
  t["and.pred"] = binary<uint32_t>([](uint32_t a, uint32_t b) { return a & b & 1; });
  t["or.pred"] = binary<uint32_t>([](uint32_t a, uint32_t b) { return (a | b) & 1; });
  t["xor.pred"] = binary<uint32_t>([](uint32_t a, uint32_t b) { return (a ^ b) & 1; });
  t["not.pred"] = unary<uint32_t>([](uint32_t a) { return ~a & 1; });
  t["mov.pred"] = unary<uint32_t>([](uint32_t a) { return a & 1; });
}

// a * b + c, rounded toward zero.
float fma_toward_zero(float a, float b, float c) {
  const float nearest = std::fmaf(a, b, c);
  if (!std::isfinite(nearest)) return nearest;
  // product + c = sum + rest exactly (Knuth's two-sum).
  const double product = static_cast<double>(a) * static_cast<double>(b), addend = static_cast<double>(c);
  const double sum = product + addend, part = sum - product;
  const double rest = (product - (sum - part)) + (addend - part);
  const double beyond = (static_cast<double>(nearest) - sum) - rest;
  return (nearest > 0 && beyond > 0) || (nearest < 0 && beyond < 0) ? std::nextafterf(nearest, 0.0f) : nearest;
}

// "mov.b64 {low, high}, x" and "mov.b64 x, {low, high}".
template <typename Half, typename Whole>
void add_halves(HandlerTable& t, const std::string& type) {
  constexpr int bits = 8 * sizeof(Half);
  t["unpack." + type] = [](Lane& lane, const Instruction& i) {
    const auto x = lane.get<Whole>(i, 2);
    lane.set(i, 0, static_cast<Half>(x));
    lane.set(i, 1, static_cast<Half>(x >> bits));
  };
  t["pack." + type] = [](Lane& lane, const Instruction& i) {
    lane.set(i, 0, static_cast<Whole>(Whole{lane.get<Half>(i, 2)} << bits | lane.get<Half>(i, 1)));
  };
}

void add_special(HandlerTable& t) {
  t["fma.rz.f32"] = ternary<float>([](float a, float b, float c) { return fma_toward_zero(a, b, c); });
  t["ex2.f32"] = unary<float>([](float a) { return std::exp2(a); });
  t["lg2.f32"] = unary<float>([](float a) { return std::log2(a); });
  t["rsqrt.f32"] = unary<float>([](float a) { return 1.0f / std::sqrt(a); });
  t["cvt.rna.tf32.f32"] = unary<float>([](float a) { return round_to_tf32(a); });
  t["cvt.bf16x2.f32"] = binary<float>([](float high, float low) { return round_to_bf16(low, high); });
  t["copysign.f32"] = binary<float>([](float sign, float magnitude) { return std::copysign(magnitude, sign); });
  t["popc.b32"] = unary<uint32_t>([](uint32_t a) { return static_cast<uint32_t>(std::popcount(a)); });
  t["clz.b32"] = unary<uint32_t>([](uint32_t a) { return static_cast<uint32_t>(std::countl_zero(a)); });
  add_halves<uint32_t, uint64_t>(t, "b64");
  add_halves<uint16_t, uint32_t>(t, "b32");
  t["shf.l.wrap.b32"] = ternary<uint32_t>(
      [](uint32_t lo, uint32_t hi, uint32_t n) { return static_cast<uint32_t>((uint64_t{hi} << 32 | lo) << (n & 31) >> 32); });
  t["shf.r.wrap.b32"] =
      ternary<uint32_t>([](uint32_t lo, uint32_t hi, uint32_t n) { return static_cast<uint32_t>((uint64_t{hi} << 32 | lo) >> (n & 31)); });
  t["prmt.b32"] = ternary<uint32_t>([](uint32_t a, uint32_t b, uint32_t selector) {
    const uint64_t bytes = uint64_t{b} << 32 | a;
    uint32_t r = 0;
    for (uint32_t k = 0; k < 4; ++k) {
      const uint32_t s = selector >> (4 * k) & 15;
      uint32_t byte = bytes >> (8 * (s & 7)) & 255;
      if (s & 8) byte = byte & 128 ? 255 : 0;
      r |= byte << (8 * k);
    }
    return r;
  });
  // bfe d, a, position, length; bfi d, field, into, position, length
  t["bfe.u32"] = ternary<uint32_t>([](uint32_t a, uint32_t position, uint32_t length) {
    const uint64_t field = uint64_t{a} >> (position & 255);
    return static_cast<uint32_t>((length & 255) < 32 ? field & ((uint64_t{1} << (length & 255)) - 1) : field);
  });
  t["bfi.b64"] = [](Lane& lane, const Instruction& i) {
    const uint32_t position = lane.get<uint32_t>(i, 3) & 255, length = lane.get<uint32_t>(i, 4) & 255;
    const uint64_t mask = position < 64 ? (length < 64 ? (uint64_t{1} << length) - 1 : ~uint64_t{0}) << position : 0;
    const uint64_t field = position < 64 ? lane.get<uint64_t>(i, 1) << position : 0;
    lane.set(i, 0, (lane.get<uint64_t>(i, 2) & ~mask) | (field & mask));
  };
  // Global memory's addresses are generic ones; those of shared memory begin at the bottom.
  t["cvta.global.u64"] = t["cvta.u64"] = unary<uint64_t>([](uint64_t a) { return a; });
  t["cvta.shared.u64"] = unary<uint64_t>([](uint64_t a) { return a; });
  t["cvta.local.u64"] = unary<uint64_t>([](uint64_t a) { return a; });
}

}  // namespace

void add_arithmetic(HandlerTable& t) {
  add_integer<uint16_t>(t, "u16");
  add_integer<int16_t>(t, "s16");
  add_integer<uint32_t>(t, "u32");
  add_integer<int32_t>(t, "s32");
  add_integer<uint64_t>(t, "u64");
  add_integer<int64_t>(t, "s64");
  add_bits<uint16_t>(t, "b16");
  add_bits<uint32_t>(t, "b32");
  add_bits<uint64_t>(t, "b64");
  add_float<float>(t, "f32");
  add_float<double>(t, "f64");
  add_comparisons<uint16_t>(t, "u16");
  add_comparisons<int16_t>(t, "s16");
  add_comparisons<uint32_t>(t, "u32");
  add_comparisons<int32_t>(t, "s32");
  add_comparisons<uint64_t>(t, "u64");
  add_comparisons<int64_t>(t, "s64");
  add_comparisons<uint16_t>(t, "b16");
  add_comparisons<uint32_t>(t, "b32");
  add_comparisons<uint64_t>(t, "b64");
  add_comparisons<float>(t, "f32");
  add_comparisons<double>(t, "f64");
  add_conversions<uint8_t>(t, "u8");
  add_conversions<int8_t>(t, "s8");
  add_conversions<uint16_t>(t, "u16");
  add_conversions<int16_t>(t, "s16");
  add_conversions<uint32_t>(t, "u32");
  add_conversions<int32_t>(t, "s32");
  add_conversions<uint64_t>(t, "u64");
  add_conversions<int64_t>(t, "s64");
  add_conversions<float>(t, "f32");
  add_conversions<double>(t, "f64");
  for (const char* type : {"b16", "u16", "s16"}) add_moves<uint16_t>(t, type);
  for (const char* type : {"b32", "u32", "s32", "f32"}) add_moves<uint32_t>(t, type);
  for (const char* type : {"b64", "u64", "s64", "f64"}) add_moves<uint64_t>(t, type);
  add_predicates(t);
  add_special(t);
}

}  // namespace flaxen::simt
