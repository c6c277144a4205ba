// The shapes that convolutions and pools accept, and what their refusals name.
#include "compiler/validate.h"
#include "graph_builder.h"
#include "kernel_check.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

using List = std::vector<int64_t>;

// What validate says of one node, or "".
std::string complaint(const char* op, const std::vector<Shape>& inputs, const Params& params, const Shape& output) {
  GraphBuilder b;
  std::vector<ValueId> ids;
  for (const Shape& shape : inputs) ids.push_back(b.input(f32(shape)));
  b.graph.outputs = {b.node(op, ids, params, {f32(output)})};
  try {
    validate(b.graph);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

void accepted(const char* op, const std::vector<Shape>& inputs, const Params& params, const Shape& output) {
  const std::string said = complaint(op, inputs, params, output);
  check(said.empty(), std::string(op) + " is refused: " + said);
}

void refused(const char* op, const std::vector<Shape>& inputs, const Params& params, const Shape& output, const std::string& names) {
  const std::string said = complaint(op, inputs, params, output);
  check(said.find(names) != std::string::npos, std::string(op) + " says \"" + said + "\", not \"" + names + "\"");
}

const Params kConv{{"strides", List{2, 1}}, {"low", List{1, 0}}, {"high", List{0, 2}}, {"dilation", List{1, 2}}, {"groups", 2.0}};
const Params kPool{{"window", List{3}}, {"strides", List{2}}, {"low", List{1}}, {"high", List{0}}};

Params with(Params params, const char* key, const Params::mapped_type& value) {
  params[key] = value;
  return params;
}

void convolutions() {
  // (9 + 1 - 3) / 2 + 1 = 4, (7 + 2 - 5) / 1 + 1 = 5
  const Shape x{3, 9, 7, 4}, kernel{3, 3, 2, 6}, y{3, 4, 5, 6};
  accepted("conv", {x, kernel}, kConv, y);
  accepted("convInputGrad", {y, kernel}, with(kConv, "spatial", List{9, 7}), x);
  accepted("convKernelGrad", {x, y}, with(kConv, "window", List{3, 3}), kernel);
  accepted("conv", {{3, 1, 7, 4}, kernel}, kConv, {3, 0, 5, 6});
  refused("conv", {x, kernel}, kConv, {3, 4, 4, 6}, "[3, 4, 5, 6]");
  refused("conv", {x, {3, 3, 4, 6}}, kConv, y, "must take 2 features");
  refused("conv", {x, {0, 3, 2, 6}}, kConv, y, "must not be 0");
  refused("conv", {x, kernel}, with(kConv, "groups", 3.0), y, "must divide");
  refused("conv", {x, kernel}, with(kConv, "groups", 0.0), y, "whole number");
  refused("conv", {x, kernel}, with(kConv, "strides", List{0, 1}), y, "below 1");
  refused("conv", {x, kernel}, with(kConv, "low", List{1}), y, "2 entries");
  refused("conv", {x, kernel}, with(kConv, "high", List{0, int64_t{1} << 40}), y, "past 2147483647");
  refused("conv", {{3, 4}, kernel}, kConv, y, "spatial");
  refused("convInputGrad", {y, kernel}, with(kConv, "spatial", List{9, 8}), x, "[3, 4, 6, 6]");
  refused("convKernelGrad", {x, y}, with(kConv, "window", List{3, 0}), kernel, "below 1");
}

void pools() {
  const Shape x{2, 8, 5}, y{2, 4, 5};  // (8 + 1 - 3) / 2 + 1
  for (const char* op : {"maxPool", "sumPool"}) {
    accepted(op, {x}, kPool, y);
    refused(op, {x}, kPool, {2, 3, 5}, "[2, 4, 5]");
    refused(op, {x}, with(kPool, "window", List{0}), y, "below 1");
  }
  accepted("maxPoolGrad", {x, y}, kPool, x);
  accepted("maxPoolGather", {x, x}, kPool, y);
  accepted("sumPoolGrad", {y}, with(kPool, "spatial", List{8}), x);
  refused("maxPoolGrad", {x, x}, kPool, x, "[2, 4, 5]");
  refused("maxPoolGather", {x, y}, kPool, y, "[2, 8, 5]");
  refused("sumPoolGrad", {y}, with(kPool, "spatial", List{12}), x, "[2, 6, 5]");
}

}  // namespace

int main() {
  convolutions();
  pools();
  for (const std::string& name : primitive_names())
    check(name.find("Pool") == name.npos && name != "conv", "the CPU has no kernel of " + name);
  return report("windows");
}
