#include "compiler/graph.h"

namespace flaxen {

const char* name_of(DType t) {
  switch (t) {
    case DType::f32:
      return "float32";
    case DType::i32:
      return "int32";
    case DType::u32:
      return "uint32";
    case DType::boolean:
      return "bool";
  }
  return "?";
}

int64_t count(const Shape& shape) {
  int64_t n = 1;
  for (int64_t d : shape) n *= d;
  return n;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

namespace {

template <typename T>
const T& param(const Node& node, const char* key, const char* kind) {
  const auto found = node.params.find(key);
  if (found == node.params.end()) throw GraphError(node.op + " needs the parameter '" + key + "' (" + kind + ")");
  const T* value = std::get_if<T>(&found->second);
  if (!value) throw GraphError(node.op + ": the parameter '" + key + "' must be " + kind);
  return *value;
}

}  // namespace

double Node::number(const char* key) const { return param<double>(*this, key, "a number"); }
bool Node::flag(const char* key) const { return param<bool>(*this, key, "a boolean"); }
const std::string& Node::text(const char* key) const { return param<std::string>(*this, key, "a string"); }
const std::vector<int64_t>& Node::ints(const char* key) const { return param<std::vector<int64_t>>(*this, key, "a list of integers"); }

}  // namespace flaxen
