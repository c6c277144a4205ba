// The chains that there are: an optimizer's sums and its division by a root.
#include <array>

#include "cpu/elementwise_chains.h"
#include "cpu/simd.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

using Kind = ChainToken::Kind;

struct Operands {
  const float* each[kMostChainOperands];
  VecF same[kMostChainOperands];
};

// An expression has its tokens, and a value at i: of a whole vector, or of the first `n` lanes.
template <int k>
struct Each {
  static constexpr std::array tokens = {ChainToken{Kind::each, Opcode::copy, k}};
  static constexpr int operands = k + 1;
  template <typename... N>
  static FLAXEN_INLINE VecF at(const Operands& x, int64_t i, N... n) {
    return load(x.each[k] + i, n...);
  }
};

template <int k>
struct Same {
  static constexpr std::array tokens = {ChainToken{Kind::same, Opcode::copy, k}};
  static constexpr int operands = k + 1;
  template <typename... N>
  static FLAXEN_INLINE VecF at(const Operands& x, int64_t, N...) {
    return x.same[k];
  }
};

template <Opcode op, typename A, typename B>
struct Binary {
  static constexpr auto tokens = [] {
    std::array<ChainToken, 1 + A::tokens.size() + B::tokens.size()> all{};
    size_t n = 0;
    all[n++] = {Kind::operation, op, 0};
    for (const ChainToken& t : A::tokens) all[n++] = t;
    for (const ChainToken& t : B::tokens) all[n++] = t;
    return all;
  }();
  static constexpr int operands = A::operands > B::operands ? A::operands : B::operands;
  template <typename... N>
  static FLAXEN_INLINE VecF at(const Operands& x, int64_t i, N... n) {
    const VecF a = A::at(x, i, n...), b = B::at(x, i, n...);
    if constexpr (op == Opcode::add) {
      return a + b;
    } else if constexpr (op == Opcode::mul) {
      return a * b;
    } else {
      static_assert(op == Opcode::div);
      return a / b;
    }
  }
};
template <typename A, typename B>
using Add = Binary<Opcode::add, A, B>;
template <typename A, typename B>
using Mul = Binary<Opcode::mul, A, B>;
template <typename A, typename B>
using Div = Binary<Opcode::div, A, B>;

template <typename A>
struct Sqrt {
  static constexpr auto tokens = [] {
    std::array<ChainToken, 1 + A::tokens.size()> all{};
    size_t n = 0;
    all[n++] = {Kind::operation, Opcode::sqrt, 0};
    for (const ChainToken& t : A::tokens) all[n++] = t;
    return all;
  }();
  static constexpr int operands = A::operands;
  template <typename... N>
  static FLAXEN_INLINE VecF at(const Operands& x, int64_t i, N... n) {
    return sqrt(A::at(x, i, n...));
  }
};

template <typename E>
void loop(void* out, const void* const* operands, int64_t n) {
  float* const o = static_cast<float*>(out);
  Operands x;
  for (int k = 0; k < E::operands; ++k) {
    x.each[k] = static_cast<const float*>(operands[k]);
    x.same[k] = splat(*x.each[k]);
  }
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(o + i, E::at(x, i));
  if (i < n) store(o + i, E::at(x, i, static_cast<int>(n - i)), static_cast<int>(n - i));
}

template <typename E>
constexpr Chain chain() {
  return {loop<E>, E::tokens.data(), E::operands};
}

// x s + y t
using Mix = Add<Mul<Each<0>, Same<1>>, Mul<Each<2>, Same<3>>>;
// x^2 s + y t
using MixSquare = Add<Mul<Mul<Each<0>, Each<0>>, Same<1>>, Mul<Each<2>, Same<3>>>;
// m s / (sqrt(v t) + epsilon)
using RootRatio = Div<Mul<Each<0>, Same<1>>, Add<Sqrt<Mul<Each<2>, Same<3>>>, Same<4>>>;
// p + rate * that
using RootStep = Add<Each<5>, Mul<RootRatio, Same<6>>>;
// p + x s
using Step = Add<Each<0>, Mul<Each<1>, Same<2>>>;

constexpr Chain chains[] = {chain<RootStep>(), chain<RootRatio>(), chain<MixSquare>(), chain<Mix>(), chain<Step>()};

}  // namespace

const ChainTable chain_table = {std::begin(chains), std::end(chains)};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
