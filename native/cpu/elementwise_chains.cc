#include "cpu/elementwise_chains.h"

namespace flaxen::cpu {

namespace {

class Finder {
 public:
  Finder(const ElementwiseProgram& program, const std::vector<bool>& scalar) : program_(program), scalar_(scalar) {
    uses_.resize(static_cast<size_t>(program.values()));
    for (const auto& instruction : program.code) {
      for (int a = 0; a < arity_of(instruction.op); ++a) ++uses_[index(instruction.args[index(a)])];
    }
    for (int32_t v : program.stores) uses_[index(v)] += 2;  // must be there on its own
  }

  Chains find(const ChainTable& table) {
    Chains found;
    found.ending.resize(program_.code.size());
    found.inner.resize(program_.code.size());
    for (size_t i = program_.code.size(); i-- > 0;) {
      if (found.inner[i]) continue;
      for (const Chain* chain = table.begin; chain != table.end; ++chain) {
        Match match;
        const ChainToken* token = chain->expression;
        if (!match_operation(token, program_.first_result() + static_cast<int32_t>(i), match)) continue;
        found.ending[i] = {chain, match.operands};
        for (int32_t inner : match.inner) found.inner[index(inner)] = true;
        break;
      }
    }
    return found;
  }

 private:
  struct Match {
    std::array<int32_t, kMostChainOperands> operands;
    std::vector<int32_t> inner;  // instructions
    Match() { operands.fill(-1); }
  };

  static size_t index(int32_t i) { return static_cast<size_t>(i); }

  // Whether `value` is what the tokens from `token` on say; moves `token` behind them.
  bool match_value(const ChainToken*& token, int32_t value, Match& match) const {
    if (token->kind == ChainToken::Kind::operation) {
      if (uses_[index(value)] != 1 || !match_operation(token, value, match)) return false;
      match.inner.push_back(value - program_.first_result());
      return true;
    }
    if (scalar_[index(value)] != (token->kind == ChainToken::Kind::same)) return false;
    int32_t& operand = match.operands[index(token->operand)];
    if (operand >= 0 && operand != value) return false;
    operand = value;
    ++token;
    return true;
  }

  bool match_operation(const ChainToken*& token, int32_t value, Match& match) const {
    if (value < program_.first_result()) return false;
    const auto& instruction = program_.code[index(value - program_.first_result())];
    if (instruction.op != token->operation || instruction.dtype != DType::f32) return false;
    const ChainToken* const first = token + 1;
    const auto& args = instruction.args;
    const Match before = match;
    const auto in_order = [&](int32_t a, int32_t b) {
      token = first;
      match = before;
      return match_value(token, a, match) && match_value(token, b, match);
    };
    if (arity_of(instruction.op) == 1) {
      token = first;
      return match_value(token, args[0], match);
    }
    const bool commutes = instruction.op == Opcode::add || instruction.op == Opcode::mul;
    return in_order(args[0], args[1]) || (commutes && in_order(args[1], args[0]));
  }

  const ElementwiseProgram& program_;
  const std::vector<bool>& scalar_;
  std::vector<int> uses_;  // by value
};

}  // namespace

Chains find_chains(const ElementwiseProgram& program, const std::vector<bool>& scalar, const ChainTable& table) {
  return Finder(program, scalar).find(table);
}

}  // namespace flaxen::cpu
