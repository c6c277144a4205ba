#include "compiler/fuse_elementwise.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <queue>

#include "compiler/elementwise_builder.h"
#include "compiler/passes.h"

namespace flaxen {

namespace {

// What an interpreter's register file and operand table hold.
constexpr size_t kMostInstructions = 64, kMostOperands = 32;

// Clusters of nodes that become one; every other node is a cluster of its own. The graph of clusters stays free of cycles.
class Fusion {
 public:
  explicit Fusion(Graph& graph)
      : graph_(graph),
        maker_(graph.values.size(), -1),
        users_(graph.nodes.size()),
        cluster_(graph.nodes.size()),
        members_(graph.nodes.size()) {
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      for (ValueId v : graph.nodes[n].outputs) maker_[at(v)] = static_cast<int32_t>(n);
      for (ValueId v : graph.nodes[n].inputs) {
        if (maker_[at(v)] >= 0) users_[at(maker_[at(v)])].push_back(static_cast<int32_t>(n));
      }
      cluster_[n] = static_cast<int32_t>(n);
      members_[n] = {static_cast<int32_t>(n)};
    }
    is_output_.assign(graph.values.size(), false);
    for (ValueId v : graph.outputs) is_output_[at(v)] = true;
  }

  void run() {
    for (size_t n = 0; n < graph_.nodes.size(); ++n) join_producers(static_cast<int32_t>(n));
    rebuild();
    remove_dead_code(graph_);
  }

 private:
  static size_t at(int32_t i) { return static_cast<size_t>(i); }

  bool elementwise(int32_t n) const { return opcode_named(graph_.nodes[at(n)].op).has_value(); }
  const Shape& shape(int32_t n) const { return graph_.aval(graph_.nodes[at(n)].outputs[0]).shape; }

  void join_producers(int32_t n) {
    if (!elementwise(n)) return;
    for (ValueId v : graph_.nodes[at(n)].inputs) {
      const int32_t producer = maker_[at(v)];
      if (producer < 0 || !elementwise(producer) || shape(producer) != shape(n)) continue;
      const int32_t from = cluster_[at(producer)], to = cluster_[at(n)];
      if (from != to && fits(from, to) && !path_outside(from, to)) merge(from, to);
    }
  }

  bool fits(int32_t a, int32_t b) const {
    std::vector<int32_t> both = joined(a, b);
    if (both.size() > kMostInstructions) return false;
    const size_t operands =
        ElementwiseBuilder(graph_, maker_).loaded(both).size() + stored_by(both, [&](int32_t c) { return c == a || c == b; }).size();
    return operands <= kMostOperands;
  }

  std::vector<int32_t> joined(int32_t a, int32_t b) const {
    std::vector<int32_t> both;
    std::merge(members_[at(a)].begin(), members_[at(a)].end(), members_[at(b)].begin(), members_[at(b)].end(), std::back_inserter(both));
    return both;
  }

  // Outputs of the nodes that clusters other than their own read, or the graph returns.
  template <typename Own>
  std::vector<ValueId> stored_by(const std::vector<int32_t>& nodes, const Own& own) const {
    std::vector<ValueId> stored;
    for (int32_t n : nodes) {
      const ValueId v = graph_.nodes[at(n)].outputs[0];
      const bool read = std::any_of(users_[at(n)].begin(), users_[at(n)].end(), [&](int32_t user) { return !own(cluster_[at(user)]); });
      if (read || is_output_[at(v)]) stored.push_back(v);
    }
    return stored;
  }

  // Whether `to` depends on `from` by way of a third cluster, which the merger would have to run both before and after.
  bool path_outside(int32_t from, int32_t to) {
    seen_.assign(graph_.nodes.size(), false);
    std::vector<int32_t> open{from};
    const int32_t last = members_[at(to)].back();
    while (!open.empty()) {
      const int32_t c = open.back();
      open.pop_back();
      for (int32_t n : members_[at(c)]) {
        for (int32_t user : users_[at(n)]) {
          const int32_t next = cluster_[at(user)];
          if (next == to && c != from) return true;
          // A cluster that starts after the last node of `to` cannot lead back to it: its nodes have yet to be merged with earlier ones.
          if (next == from || next == to || seen_[at(next)] || members_[at(next)].front() > last) continue;
          seen_[at(next)] = true;
          open.push_back(next);
        }
      }
    }
    return false;
  }

  void merge(int32_t from, int32_t to) {
    members_[at(to)] = joined(from, to);
    for (int32_t n : members_[at(from)]) cluster_[at(n)] = to;
    members_[at(from)].clear();
  }

  // A lone node gains by becoming a program only where it then reads through a broadcast, a constant or an index.
  bool reads_through(int32_t n) const {
    const auto& inputs = graph_.nodes[at(n)].inputs;
    return std::any_of(inputs.begin(), inputs.end(), [&](ValueId v) {
      const int32_t m = maker_[at(v)];
      if (m < 0) return false;
      const std::string& op = graph_.nodes[at(m)].op;
      return op == "broadcast" || op == "full" || op == "iota";
    });
  }

  void rebuild() {
    std::vector<Node> nodes;
    for (int32_t c : schedule()) {
      const std::vector<int32_t>& members = members_[at(c)];
      if (elementwise(members[0]) && (members.size() > 1 || reads_through(members[0]))) {
        const std::vector<ValueId> stored = stored_by(members, [&](int32_t other) { return other == c; });
        if (stored.empty()) continue;  // nobody reads it
        nodes.push_back(ElementwiseBuilder(graph_, maker_).build(members, stored));
      } else {
        nodes.push_back(graph_.nodes[at(members[0])]);
      }
    }
    graph_.nodes = std::move(nodes);
  }

  // Clusters in an order that respects who reads whom, as near as can be to the order of their last nodes.
  std::vector<int32_t> schedule() const {
    std::vector<int32_t> waiting(graph_.nodes.size(), 0), order;
    const auto for_each_reader = [&](int32_t c, const std::function<void(int32_t)>& f) {
      for (int32_t n : members_[at(c)]) {
        for (int32_t user : users_[at(n)]) {
          if (cluster_[at(user)] != c) f(cluster_[at(user)]);
        }
      }
    };
    using Entry = std::pair<int32_t, int32_t>;  // last node, cluster
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    for (int32_t c = 0; c < static_cast<int32_t>(members_.size()); ++c) for_each_reader(c, [&](int32_t reader) { ++waiting[at(reader)]; });
    const auto offer = [&](int32_t c) {
      if (waiting[at(c)] == 0 && !members_[at(c)].empty()) ready.emplace(members_[at(c)].back(), c);
    };
    for (int32_t c = 0; c < static_cast<int32_t>(members_.size()); ++c) offer(c);
    while (!ready.empty()) {
      const int32_t c = ready.top().second;
      ready.pop();
      order.push_back(c);
      for_each_reader(c, [&](int32_t reader) {
        --waiting[at(reader)];
        offer(reader);
      });
    }
    return order;
  }

  Graph& graph_;
  std::vector<int32_t> maker_;                 // by value: the node, or -1
  std::vector<std::vector<int32_t>> users_;    // by node; a node that reads twice is listed twice
  std::vector<int32_t> cluster_;               // by node
  std::vector<std::vector<int32_t>> members_;  // by cluster, in execution order
  std::vector<bool> is_output_;                // by value
  std::vector<bool> seen_;
};

}  // namespace

void fuse_elementwise(Graph& graph) { Fusion(graph).run(); }

}  // namespace flaxen
