#include <cstring>
#include <unordered_map>

#include "compiler/passes.h"
#include "compiler/rewriter.h"

namespace flaxen {

namespace {

void append(std::string& key, const void* data, size_t bytes) { key.append(static_cast<const char*>(data), bytes); }

template <typename T>
void append_list(std::string& key, const std::vector<T>& list) {
  const size_t size = list.size();
  append(key, &size, sizeof size);
  append(key, list.data(), size * sizeof(T));
}

// Two nodes with the same key compute the same; numbers count by their bits, so that 0 and -0 differ.
std::string key_of(const Graph& graph, const Node& node) {
  std::string key = node.op;
  key += '\0';
  append_list(key, node.inputs);
  for (const auto& [name, param] : node.params) {
    key += name;
    key += '\0';
    key += static_cast<char>(param.index());
    if (const bool* flag = std::get_if<bool>(&param)) append(key, flag, sizeof *flag);
    if (const double* number = std::get_if<double>(&param)) append(key, number, sizeof *number);
    if (const auto* text = std::get_if<std::string>(&param)) key += *text + '\0';
    if (const auto* list = std::get_if<std::vector<int64_t>>(&param)) append_list(key, *list);
  }
  for (ValueId v : node.outputs) {
    key += static_cast<char>(graph.aval(v).dtype);
    append_list(key, graph.aval(v).shape);
  }
  return key;
}

}  // namespace

void merge_common_subexpressions(Graph& graph) {
  Rewriter rewriter(graph);
  std::unordered_map<std::string, const Node*> known;
  rewriter.walk([&](Node& node) {
    const auto [first, is_new] = known.emplace(key_of(graph, node), &node);
    if (is_new) return;
    for (size_t o = 0; o < node.outputs.size(); ++o) rewriter.replace(node.outputs[o], first->second->outputs[o]);
  });
}

}  // namespace flaxen
