#include "compiler/memory_plan.h"

#include <algorithm>

namespace flaxen {

namespace {

constexpr size_t kAlign = 64;

// A piece of the arena, needed from one node to another (both included).
struct Slot {
  size_t bytes;
  int first, last;
  size_t offset = 0;
};

class Planner {
 public:
  Planner(const Graph& graph, const std::vector<Footprint>& footprints)
      : graph_(graph),
        footprints_(footprints),
        owner_(owners(graph)),
        slot_(graph.values.size(), -1),
        last_read_(graph.values.size(), -1),
        scratch_slot_(graph.nodes.size(), -1) {
    plan_.values.resize(graph.values.size());
    plan_.scratch.resize(graph.nodes.size());
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      if (is_view(graph.nodes[n])) continue;
      for (ValueId v : graph.nodes[n].inputs) last_read_[owner(v)] = static_cast<int>(n);
    }
  }

  MemoryPlan run() {
    place_inputs_and_outputs();
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!is_view(graph_.nodes[n])) open_slots(n);
    }
    pack();
    for (size_t v = 0; v < slot_.size(); ++v) {
      if (slot_[v] >= 0) plan_.values[v] = {Location::Kind::arena, slots_[static_cast<size_t>(slot_[v])].offset};
    }
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (scratch_slot_[n] >= 0) plan_.scratch[n] = slots_[static_cast<size_t>(scratch_slot_[n])].offset;
    }
    for (size_t v = 0; v < owner_.size(); ++v) plan_.values[v] = plan_.values[static_cast<size_t>(owner_[v])];
    return std::move(plan_);
  }

 private:
  size_t owner(ValueId v) const { return static_cast<size_t>(owner_[static_cast<size_t>(v)]); }

  void place_inputs_and_outputs() {
    for (size_t k = 0; k < graph_.outputs.size(); ++k) plan_.values[owner(graph_.outputs[k])] = {Location::Kind::output, k};
    for (size_t i = 0; i < static_cast<size_t>(graph_.inputs); ++i) plan_.values[i] = {Location::Kind::input, i};
  }

  int open_slot(size_t bytes, int first, int last) {
    slots_.push_back({(bytes + kAlign - 1) / kAlign * kAlign, first, last});
    return static_cast<int>(slots_.size()) - 1;
  }

  void open_slots(size_t n) {
    const Node& node = graph_.nodes[n];
    const int now = static_cast<int>(n);
    for (size_t o = 0; o < node.outputs.size(); ++o) {
      const auto v = static_cast<size_t>(node.outputs[o]);
      const size_t bytes = graph_.values[v].bytes();
      if (bytes == 0 || plan_.values[v].kind != Location::Kind::nowhere) continue;
      const int last = std::max(now, last_read_[v]);
      if (const int taken = slot_to_take_over(n, static_cast<int>(o)); taken >= 0) {
        slot_[v] = taken;
        slots_[static_cast<size_t>(taken)].last = last;
      } else {
        slot_[v] = open_slot(bytes, now, last);
      }
    }
    if (footprints_[n].scratch_bytes > 0) scratch_slot_[n] = open_slot(footprints_[n].scratch_bytes, now, now);
  }

  // The slot of an input that dies here and that the kernel lets this output overwrite.
  int slot_to_take_over(size_t n, int output) const {
    const Node& node = graph_.nodes[n];
    const auto& pairs = footprints_[n].in_place;
    const size_t bytes = graph_.aval(node.outputs[static_cast<size_t>(output)]).bytes();
    for (const auto& [i, o] : pairs) {
      if (o != output) continue;
      const size_t v = owner(node.inputs[static_cast<size_t>(i)]);
      if (slot_[v] < 0 || last_read_[v] != static_cast<int>(n) || graph_.values[v].bytes() != bytes) continue;
      bool free = true;
      for (size_t j = 0; j < node.inputs.size(); ++j) {
        if (owner(node.inputs[j]) != v) continue;
        free = free && std::find(pairs.begin(), pairs.end(), std::pair(static_cast<int>(j), output)) != pairs.end();
      }
      for (ValueId earlier : node.outputs) free = free && slot_[static_cast<size_t>(earlier)] != slot_[v];
      if (free) return slot_[v];
    }
    return -1;
  }

  // Largest first, each at the lowest offset that is free for its whole lifetime.
  void pack() {
    std::vector<Slot*> by_size;
    for (Slot& slot : slots_) by_size.push_back(&slot);
    std::stable_sort(by_size.begin(), by_size.end(), [](const Slot* a, const Slot* b) { return a->bytes > b->bytes; });
    std::vector<const Slot*> placed;  // by offset
    for (Slot* slot : by_size) {
      size_t offset = 0;
      for (const Slot* other : placed) {
        if (other->last < slot->first || slot->last < other->first) continue;
        if (other->offset >= offset + slot->bytes) break;
        offset = std::max(offset, other->offset + other->bytes);
      }
      slot->offset = offset;
      const auto after = [](const Slot* a, const Slot* b) { return a->offset < b->offset; };
      placed.insert(std::upper_bound(placed.begin(), placed.end(), slot, after), slot);
      plan_.arena_bytes = std::max(plan_.arena_bytes, offset + slot->bytes);
    }
  }

  const Graph& graph_;
  const std::vector<Footprint>& footprints_;
  std::vector<ValueId> owner_;
  std::vector<int> slot_;       // by value
  std::vector<int> last_read_;  // by owner: the last node that reads it
  std::vector<int> scratch_slot_;
  std::vector<Slot> slots_;
  MemoryPlan plan_;
};

}  // namespace

MemoryPlan plan_memory(const Graph& graph, const std::vector<Footprint>& footprints) { return Planner(graph, footprints).run(); }

}  // namespace flaxen
