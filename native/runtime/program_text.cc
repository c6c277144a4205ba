// Programs as people read them.
#include <algorithm>
#include <cstdio>

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

}  // namespace

std::string Program::place(ValueId v) const {
  const Location& location = plan_.values[static_cast<size_t>(v)];
  switch (location.kind) {
    case Location::Kind::arena:
      return "arena+" + std::to_string(location.at);
    case Location::Kind::input:
      return "input " + std::to_string(location.at);
    case Location::Kind::output:
      return "output " + std::to_string(location.at) +
             (aliases_[location.at] >= 0 ? " (input " + std::to_string(aliases_[location.at]) + ")" : "");
    case Location::Kind::nowhere:
      return "-";
  }
  return "?";
}

// As "dense float32[64, 128] float32[128, 10] -> float32[64, 10]; 16 rows a task".
std::string Program::step_text(const Step& step) const {
  const Node& node = graph_.nodes[step.node];
  const auto list = [&](const std::vector<ValueId>& values) {
    if (values.size() > 8) return " " + std::to_string(values.size()) + " arrays";
    std::string all;
    for (ValueId v : values) all += " " + describe(graph_.aval(v));
    return all;
  };
  std::string text = node.op + list(node.inputs) + " ->" + list(node.outputs);
  return step.kernel.note.empty() ? text : text + "; " + step.kernel.note;
}

std::string Program::text() const {
  const auto name = [](ValueId v) { return "%" + std::to_string(v); };
  char cost[64];
  std::snprintf(cost, sizeof cost, "%.1f", cost_ns_ / 1e3);
  std::string text = "program: " + std::to_string(inputs_.size()) + " inputs, " + std::to_string(outputs_.size()) + " outputs, " +
                     std::to_string(steps_.size()) + " steps, " + std::to_string(plan_.arena_bytes) + " bytes of scratch memory, about " +
                     cost + " microseconds\n";
  for (size_t i = 0; i < inputs_.size(); ++i) {
    const bool donated = std::find(graph_.donated.begin(), graph_.donated.end(), static_cast<int32_t>(i)) != graph_.donated.end();
    text += "  " + name(static_cast<ValueId>(i)) + ": " + describe(inputs_[i]) + " = input" + (donated ? ", donated" : "") + "\n";
  }
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    std::string line = "  ";
    for (size_t o = 0; o < node.outputs.size(); ++o) {
      const ValueId v = node.outputs[o];
      line += (o ? ", " : "") + name(v) + ": " + describe(graph_.aval(v)) + " @" + place(v);
    }
    line += is_view(node) ? " = view " : " = ";
    line += node.op;
    for (const auto& [key, param] : node.params) line += " " + key + "=" + describe(param);
    line += " (";
    for (size_t i = 0; i < node.inputs.size(); ++i) line += (i ? ", " : "") + name(node.inputs[i]);
    line += ")";
    const auto step = std::find_if(steps_.begin(), steps_.end(), [&](const Step& s) { return s.node == n; });
    if (step != steps_.end() && !step->kernel.note.empty()) line += "  ; " + step->kernel.note;
    text += line + "\n";
    if (node.fused) {
      std::string body = node.fused->text();
      while (!body.empty() && body.back() == '\n') body.pop_back();
      text += "      ";
      for (char c : body) text += c == '\n' ? std::string("\n      ") : std::string(1, c);
      text += "\n";
    }
  }
  text += "  return";
  for (size_t k = 0; k < graph_.outputs.size(); ++k) text += (k ? ", " : " ") + name(graph_.outputs[k]);
  return text + "\n";
}

}  // namespace flaxen
