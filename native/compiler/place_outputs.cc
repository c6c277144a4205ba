#include <algorithm>

#include "compiler/memory_plan.h"

namespace flaxen {

bool is_view(const Node& node) { return node.op == "reshape" || node.op == "bitcast"; }

std::vector<ValueId> owners(const Graph& graph) {
  std::vector<ValueId> owner(graph.values.size());
  for (size_t v = 0; v < owner.size(); ++v) owner[v] = static_cast<ValueId>(v);
  for (const Node& node : graph.nodes) {
    if (is_view(node)) owner[static_cast<size_t>(node.outputs[0])] = owner[static_cast<size_t>(node.inputs[0])];
  }
  return owner;
}

namespace {

class Placement {
 public:
  Placement(Graph& graph, std::vector<Footprint>& footprints)
      : graph_(graph), footprints_(footprints), owner_(owners(graph)), maker_(graph.values.size(), -1), aliases_(graph.outputs.size(), -1) {
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      for (ValueId v : graph.nodes[n].outputs) maker_[index(v)] = static_cast<int>(n);
    }
  }

  std::vector<int32_t> run() {
    match_returned_inputs();
    match_in_order();
    copy_where_needed();
    return aliases_;
  }

 private:
  static size_t index(ValueId v) { return static_cast<size_t>(v); }
  ValueId owner_of_output(size_t k) const { return owner_[index(graph_.outputs[k])]; }

  // A donated input that is returned keeps its memory. Where its bits are returned as another dtype too, nobody may overwrite it.
  void match_returned_inputs() {
    free_ = graph_.donated;
    for (size_t k = 0; k < graph_.outputs.size(); ++k) {
      const ValueId owner = owner_of_output(k);
      const auto donated = std::find(graph_.donated.begin(), graph_.donated.end(), owner);
      if (donated == graph_.donated.end()) continue;
      const auto still_free = std::find(free_.begin(), free_.end(), owner);
      if (still_free != free_.end()) free_.erase(still_free);
      const bool taken = std::find(aliases_.begin(), aliases_.end(), owner) != aliases_.end();
      const Aval &from = graph_.aval(owner), &to = graph_.aval(graph_.outputs[k]);
      if (!taken && from.dtype == to.dtype && from.bytes() > 0) aliases_[k] = owner;
    }
  }

  // A state's leaves come in the same order in inputs and outputs, so the i-th output of a kind belongs to the i-th donated input of it.
  void match_in_order() {
    for (const bool same_shape : {true, false}) {
      for (size_t k = 0; k < graph_.outputs.size(); ++k) {
        const Aval& to = graph_.aval(graph_.outputs[k]);
        if (aliases_[k] >= 0 || to.bytes() == 0) continue;
        const auto match = std::find_if(free_.begin(), free_.end(), [&](int32_t d) {
          const Aval& from = graph_.aval(d);
          return from.dtype == to.dtype && (same_shape ? from.shape == to.shape : from.bytes() == to.bytes());
        });
        if (match == free_.end()) continue;
        aliases_[k] = *match;
        free_.erase(match);
      }
    }
  }

  void copy_where_needed() {
    std::vector<bool> placed(graph_.values.size());
    for (size_t k = 0; k < graph_.outputs.size(); ++k) {
      const ValueId owner = owner_of_output(k);
      const bool kept_in_place = owner < graph_.inputs && aliases_[k] == owner;
      const bool own = owner >= graph_.inputs && !placed[index(owner)] && may_write(aliases_[k], owner);
      if (kept_in_place || own) {
        placed[index(owner)] = true;
        continue;
      }
      const ValueId copy = graph_.add_value(graph_.aval(graph_.outputs[k]));
      Node node;
      node.op = "copy";
      node.inputs = {graph_.outputs[k]};
      node.outputs = {copy};
      graph_.nodes.push_back(std::move(node));
      footprints_.emplace_back();
      graph_.outputs[k] = copy;
      owner_.push_back(copy);
      placed.push_back(true);
    }
  }

  // Whether the maker of `value` may write over the donated input: all its readers come earlier, or the maker itself reads it in place.
  bool may_write(int32_t donated, ValueId value) const {
    if (donated < 0) return true;
    const int maker = maker_[index(value)];
    for (size_t n = static_cast<size_t>(maker); n < graph_.nodes.size(); ++n) {
      const Node& node = graph_.nodes[n];
      if (is_view(node)) continue;
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        if (owner_[index(node.inputs[i])] != donated) continue;
        if (static_cast<int>(n) != maker) return false;
        const auto& pairs = footprints_[n].in_place;
        const auto output = std::find(node.outputs.begin(), node.outputs.end(), value) - node.outputs.begin();
        if (std::find(pairs.begin(), pairs.end(), std::pair(static_cast<int>(i), static_cast<int>(output))) == pairs.end()) return false;
      }
    }
    return true;
  }

  Graph& graph_;
  std::vector<Footprint>& footprints_;
  std::vector<ValueId> owner_;
  std::vector<int> maker_;
  std::vector<int32_t> aliases_;
  std::vector<int32_t> free_;  // donated inputs without an output
};

}  // namespace

std::vector<int32_t> place_outputs(Graph& graph, std::vector<Footprint>& footprints) { return Placement(graph, footprints).run(); }

}  // namespace flaxen
