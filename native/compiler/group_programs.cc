#include <algorithm>
#include <memory>
#include <vector>

#include "compiler/elementwise_program.h"
#include "compiler/passes.h"

namespace flaxen {

namespace {

// Larger arrays keep their place: each is worth a launch of its own, and should live no longer than it must.
constexpr int64_t kMostElements = 1 << 14;

class ProgramGroups {
 public:
  explicit ProgramGroups(Graph& graph)
      : graph_(graph), made_at_(graph.values.size(), -1), first_read_(graph.values.size(), kNever), groups_(graph.nodes.size()) {}

  void run() {
    for (size_t n = graph_.nodes.size(); n-- > 0;) {
      for (ValueId v : graph_.nodes[n].inputs) first_read_[at(v)] = static_cast<int64_t>(n);
    }
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const auto program = small_program(graph_.nodes[n]);
      if (program) {
        place(n, program);
      } else {
        for (ValueId v : graph_.nodes[n].outputs) made_at_[at(v)] = static_cast<int64_t>(n);
      }
    }
    rebuild();
  }

 private:
  using Program = std::shared_ptr<const ElementwiseProgram>;
  struct Member {
    size_t node;
    Program program;
  };
  static constexpr int64_t kNever = INT64_MAX;

  static size_t at(ValueId v) { return static_cast<size_t>(v); }

  Program small_program(const Node& node) const {
    Program program = program_in(graph_, node);
    return program && count(program->shape) <= kMostElements ? program : nullptr;
  }

  // Joins the last group where that is, or moves it here, if neither comes too early or too late for anybody.
  void place(size_t n, const Program& program) {
    const Node& node = graph_.nodes[n];
    const auto made_before_group = [&](ValueId v) { return made_at_[at(v)] < last_; };
    const auto read_after_this = [&](const Member& m) {
      const std::vector<ValueId>& made = graph_.nodes[m.node].outputs;
      return std::all_of(made.begin(), made.end(), [&](ValueId v) { return first_read_[at(v)] > static_cast<int64_t>(n); });
    };
    const bool joins = last_ >= 0 && std::all_of(node.inputs.begin(), node.inputs.end(), made_before_group);
    if (!joins) {
      std::vector<Member> moved;
      if (last_ >= 0) {
        std::vector<Member>& group = groups_[static_cast<size_t>(last_)];
        if (std::all_of(group.begin(), group.end(), read_after_this)) moved.swap(group);
      }
      last_ = static_cast<int64_t>(n);
      groups_[n] = std::move(moved);
    }
    std::vector<Member>& group = groups_[static_cast<size_t>(last_)];
    group.push_back({n, program});
    for (const Member& m : group) {
      for (ValueId v : graph_.nodes[m.node].outputs) made_at_[at(v)] = last_;
    }
  }

  void rebuild() {
    std::vector<bool> grouped(graph_.nodes.size());
    for (const std::vector<Member>& group : groups_) {
      for (const Member& m : group) grouped[m.node] = true;
    }
    std::vector<Node> order;
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!groups_[n].empty()) {
        order.push_back(together(groups_[n]));
      } else if (!grouped[n]) {
        order.push_back(graph_.nodes[n]);
      }
    }
    graph_.nodes = std::move(order);
  }

  Node together(const std::vector<Member>& members) const {
    if (members.size() == 1) return graph_.nodes[members[0].node];
    Node all;
    all.op = "fused.elementwiseGroup";
    auto group = std::make_shared<ElementwiseGroup>();
    for (const Member& m : members) group->add(m.program, graph_.nodes[m.node], all);
    all.fused = std::move(group);
    return all;
  }

  Graph& graph_;
  std::vector<int64_t> made_at_, first_read_;  // by value: places among the nodes
  std::vector<std::vector<Member>> groups_;    // by place
  int64_t last_ = -1;                          // the place of the last group
};

}  // namespace

void group_programs(Graph& graph) { ProgramGroups(graph).run(); }

}  // namespace flaxen
