#include "compiler/elementwise_builder.h"

#include <algorithm>
#include <memory>

namespace flaxen {

namespace {

// Provisional numbers of constants and results, until all loads and constants are known.
constexpr int32_t kConstants = 1 << 20, kResults = 1 << 24;

template <typename T>
int32_t index_in(std::vector<T>& list, const T& item) {
  const auto found = std::find(list.begin(), list.end(), item);
  const auto index = static_cast<int32_t>(found - list.begin());
  if (found == list.end()) list.push_back(item);
  return index;
}

}  // namespace

// Follows broadcasts down to what they spread.
ElementwiseBuilder::Source ElementwiseBuilder::source_of(ValueId value) const {
  const size_t rank = graph_.aval(value).shape.size();
  std::vector<size_t> place(rank);  // of the value's dimensions among those of the iteration space
  std::vector<bool> stretched(rank);
  for (size_t d = 0; d < rank; ++d) place[d] = d;
  const auto strides = [&](const std::vector<int64_t>& of_value) {
    std::vector<int64_t> all(rank, 0);
    for (size_t d = 0; d < of_value.size(); ++d) all[place[d]] = stretched[d] ? 0 : of_value[d];
    return all;
  };
  for (;;) {
    const Aval& aval = graph_.aval(value);
    const int32_t m = maker_[static_cast<size_t>(value)];
    const Node* node = m < 0 ? nullptr : &graph_.nodes[static_cast<size_t>(m)];
    if (node && node->op == "broadcast") {
      const auto& dims = node->ints("dims");
      const Shape& in = graph_.aval(node->inputs[0]).shape;
      std::vector<size_t> inner_place;
      std::vector<bool> inner_stretched;
      for (size_t d = 0; d < in.size(); ++d) {
        const auto to = static_cast<size_t>(dims[d]);
        inner_place.push_back(place[to]);
        inner_stretched.push_back(stretched[to] || in[d] != aval.shape[to]);
      }
      place = inner_place;
      stretched = inner_stretched;
      value = node->inputs[0];
      continue;
    }
    if (node && node->op == "full") return {Source::Kind::constant, value, {}, constant_bits(node->number("value"), aval.dtype)};
    if (node && node->op == "iota") {
      std::vector<int64_t> along(aval.shape.size(), 0);
      along[static_cast<size_t>(node->number("axis"))] = 1;
      return {Source::Kind::iota, value, strides(along), 0};
    }
    return {Source::Kind::memory, value, strides(dense_strides(aval.shape)), 0};
  }
}

int32_t ElementwiseBuilder::term_of(ValueId value) {
  if (const auto found = terms_.find(value); found != terms_.end()) return found->second;
  const Source source = source_of(value);
  const DType dtype = graph_.aval(value).dtype;
  int32_t term = 0;
  switch (source.kind) {
    case Source::Kind::constant:
      term = kConstants + index_in(program_.constants, ElementwiseProgram::Constant{dtype, source.bits});
      break;
    case Source::Kind::iota:
      term = index_in(program_.loads, ElementwiseProgram::Load{ElementwiseProgram::kIota, dtype, source.strides});
      break;
    case Source::Kind::memory:
      term = index_in(program_.loads, ElementwiseProgram::Load{index_in(node_.inputs, source.value), dtype, source.strides});
      break;
  }
  return terms_[value] = term;
}

Node ElementwiseBuilder::build(const std::vector<int32_t>& nodes, const std::vector<ValueId>& stored) {
  program_ = {};
  terms_.clear();
  node_ = {"fused.elementwise", {}, stored, {}, nullptr};
  program_.shape = graph_.aval(stored[0]).shape;
  for (int32_t n : nodes) {
    const Node& node = graph_.nodes[static_cast<size_t>(n)];
    const ValueId out = node.outputs[0];
    ElementwiseProgram::Instruction instruction{*opcode_named(node.op), graph_.aval(out).dtype, {}};
    for (size_t a = 0; a < node.inputs.size(); ++a) instruction.args[a] = term_of(node.inputs[a]);
    terms_[out] = kResults + static_cast<int32_t>(program_.code.size());
    program_.code.push_back(instruction);
  }
  for (ValueId v : stored) program_.stores.push_back(terms_.at(v));
  const auto settle = [&](int32_t& term) {
    if (term >= kResults) {
      term += program_.first_result() - kResults;
    } else if (term >= kConstants) {
      term += program_.first_constant() - kConstants;
    }
  };
  for (auto& instruction : program_.code) {
    for (int a = 0; a < arity_of(instruction.op); ++a) settle(instruction.args[static_cast<size_t>(a)]);
  }
  for (int32_t& term : program_.stores) settle(term);
  node_.fused = std::make_shared<const ElementwiseProgram>(std::move(program_));
  return std::move(node_);
}

std::vector<ValueId> ElementwiseBuilder::loaded(const std::vector<int32_t>& nodes) const {
  std::vector<ValueId> made, values;
  for (int32_t n : nodes) made.push_back(graph_.nodes[static_cast<size_t>(n)].outputs[0]);
  std::sort(made.begin(), made.end());
  for (int32_t n : nodes) {
    for (ValueId v : graph_.nodes[static_cast<size_t>(n)].inputs) {
      if (std::binary_search(made.begin(), made.end(), v)) continue;
      const Source source = source_of(v);
      if (source.kind == Source::Kind::memory) values.push_back(source.value);
    }
  }
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

}  // namespace flaxen
