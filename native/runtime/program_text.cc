// Programs as people read them.
#include <algorithm>
#include <cstdio>

#include "runtime/listing.h"
#include "runtime/program.h"

namespace flaxen {

namespace {

std::string describe(const Aval& aval) { return name_of(aval.dtype) + to_string(aval.shape); }

std::string describe(const Param& param) {
  if (const bool* flag = std::get_if<bool>(&param)) return *flag ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&param)) return *text;
  if (const auto* list = std::get_if<std::vector<int64_t>>(&param)) return to_string(*list);
  char number[32];
  std::snprintf(number, sizeof number, "%.9g", std::get<double>(param));
  return number;
}

std::string name(ValueId v) { return "%" + std::to_string(v); }

std::string place_text(const Listing& listing, ValueId v) {
  const Location& location = listing.plan.values[static_cast<size_t>(v)];
  switch (location.kind) {
    case Location::Kind::arena:
      return "arena+" + std::to_string(location.at);
    case Location::Kind::input:
      return "input " + std::to_string(location.at);
    case Location::Kind::output: {
      const int32_t alias = listing.aliases[location.at];
      return "output " + std::to_string(location.at) + (alias >= 0 ? " (input " + std::to_string(alias) + ")" : "");
    }
    case Location::Kind::nowhere:
      return "-";
  }
  return "?";
}

std::string node_text(const Listing& listing, size_t n) {
  const Node& node = listing.graph.nodes[n];
  std::string line = "  ";
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    const ValueId v = node.outputs[o];
    line += (o ? ", " : "") + name(v) + ": " + describe(listing.graph.aval(v)) + " @" + place_text(listing, v);
  }
  line += is_view(node) ? " = view " : " = ";
  line += node.op;
  for (const auto& [key, param] : node.params) line += " " + key + "=" + describe(param);
  line += " (";
  for (size_t i = 0; i < node.inputs.size(); ++i) line += (i ? ", " : "") + name(node.inputs[i]);
  line += ")";
  if (!listing.notes[n].empty()) line += "  ; " + listing.notes[n];
  line += "\n";
  if (!node.fused) return line;
  std::string body = node.fused->text();
  while (!body.empty() && body.back() == '\n') body.pop_back();
  line += "      ";
  for (char c : body) line += c == '\n' ? std::string("\n      ") : std::string(1, c);
  return line + "\n";
}

}  // namespace

std::string step_text(const Graph& graph, const Node& node, const std::string& note) {
  const auto list = [&](const std::vector<ValueId>& values) {
    if (values.size() > 8) return " " + std::to_string(values.size()) + " arrays";
    std::string all;
    for (ValueId v : values) all += " " + describe(graph.aval(v));
    return all;
  };
  const std::string text = node.op + list(node.inputs) + " ->" + list(node.outputs);
  return note.empty() ? text : text + "; " + note;
}

std::string listing_text(const Listing& listing, const std::string& head) {
  const Graph& graph = listing.graph;
  const auto steps = std::count_if(graph.nodes.begin(), graph.nodes.end(), [](const Node& node) { return !is_view(node); });
  std::string text = "program: " + std::to_string(graph.inputs) + " inputs, " + std::to_string(graph.outputs.size()) + " outputs, " +
                     std::to_string(steps) + " steps, " + std::to_string(listing.plan.arena_bytes) + " bytes of scratch memory" + head +
                     "\n";
  for (ValueId i = 0; i < graph.inputs; ++i) {
    const bool donated = std::find(graph.donated.begin(), graph.donated.end(), i) != graph.donated.end();
    text += "  " + name(i) + ": " + describe(graph.aval(i)) + " = input" + (donated ? ", donated" : "") + "\n";
  }
  for (size_t n = 0; n < graph.nodes.size(); ++n) text += node_text(listing, n);
  text += "  return";
  for (size_t k = 0; k < graph.outputs.size(); ++k) text += (k ? ", " : " ") + name(graph.outputs[k]);
  return text + "\n";
}

std::string Program::text() const {
  std::vector<std::string> notes(graph_.nodes.size());
  for (const Step& step : steps_) notes[step.node] = step.kernel.note;
  char cost[64];
  std::snprintf(cost, sizeof cost, ", about %.1f microseconds", cost_ns_ / 1e3);
  return listing_text({graph_, plan_, aliases_, std::move(notes)}, cost);
}

}  // namespace flaxen
