#include "addon_decode.h"

#include <cmath>

#include "addon_napi.h"

namespace flaxen::addon {

namespace {

// Larger integers make no sense anywhere in a graph, and smaller ones add up without overflow.
constexpr double kLargestInteger = 1099511627776.0;  // 2^40
constexpr size_t kLongestString = 256;

// Where in the graph the decoder is, spelled out only when something is wrong.
struct Place {
  const Place* outer = nullptr;
  std::string_view name = {};
  int64_t index = -1;

  std::string text() const {
    std::string own = index >= 0 ? "[" + std::to_string(index) + "]" : std::string(name);
    return outer ? outer->text() + (index >= 0 ? "" : ".") + own : own;
  }
};

class Decoder {
 public:
  explicit Decoder(napi_env env) : env_(env) {}

  Graph graph(napi_value object, const Place& at) {
    need_object(object, at);
    Graph graph;
    each(object, "inputs", at, [&](napi_value input, const Place& here) { graph.add_value(aval(input, here)); });
    graph.inputs = static_cast<int32_t>(graph.values.size());
    each(object, "nodes", at, [&](napi_value node, const Place& here) { graph.nodes.push_back(this->node(graph, node, here)); });
    each(object, "outputs", at, [&](napi_value id, const Place& here) { graph.outputs.push_back(id_of(id, here)); });
    each(object, "donated", at, [&](napi_value index, const Place& here) { graph.donated.push_back(id_of(index, here)); });
    return graph;
  }

 private:
  [[noreturn]] void wrong(const Place& at, const std::string& wanted) const { throw TypeError(at.text() + " must be " + wanted); }

  void need_object(napi_value value, const Place& at) const {
    if (type_of(env_, value) != napi_object) wrong(at, "an object");
  }

  // Calls f for every element of the array `object[key]`.
  template <typename F>
  void each(napi_value object, const char* key, const Place& outer, F f) const {
    const Place at{&outer, key};
    elements(property(env_, object, key), at, f);
  }

  template <typename F>
  void elements(napi_value list, const Place& at, F f) const {
    bool is_array = false;
    check(env_, napi_is_array(env_, list, &is_array));
    if (!is_array) wrong(at, "an array");
    uint32_t length = 0;
    check(env_, napi_get_array_length(env_, list, &length));
    for (uint32_t i = 0; i < length; ++i) {
      const Scope scope(env_);
      napi_value element;
      check(env_, napi_get_element(env_, list, i, &element));
      f(element, Place{&at, {}, i});
    }
  }

  double number(napi_value value, const Place& at) const {
    double result;
    if (napi_get_value_double(env_, value, &result) != napi_ok) wrong(at, "a number");
    return result;
  }

  int64_t integer(napi_value value, const Place& at) const {
    const double x = number(value, at);
    if (x == std::floor(x) && std::fabs(x) <= kLargestInteger) return static_cast<int64_t>(x);
    throw RangeError(at.text() + " is " + std::to_string(x) + " but must be an integer of at most 2^40");
  }

  ValueId id_of(napi_value value, const Place& at) const {
    const int64_t id = integer(value, at);
    if (id >= 0 && id <= INT32_MAX) return static_cast<ValueId>(id);
    throw RangeError(at.text() + " is " + std::to_string(id) + " but must count from 0");
  }

  std::string string(napi_value value, const Place& at) const {
    char text[kLongestString + 1];
    size_t length = 0;
    if (napi_get_value_string_utf8(env_, value, text, sizeof text, &length) != napi_ok) wrong(at, "a string");
    return std::string(text, length);
  }

  Aval aval(napi_value object, const Place& at) const {
    need_object(object, at);
    Aval aval{};
    const Place dtype_at{&at, "dtype"};
    const std::string dtype = string(property(env_, object, "dtype"), dtype_at);
    aval.dtype = dtype_named(dtype, dtype_at);
    aval.shape = integers(property(env_, object, "shape"), Place{&at, "shape"});
    return aval;
  }

  DType dtype_named(const std::string& name, const Place& at) const {
    for (DType t : {DType::f32, DType::i32, DType::u32, DType::boolean}) {
      if (name == name_of(t)) return t;
    }
    throw TypeError(at.text() + " is '" + name + "' but must be float32, int32, uint32 or bool");
  }

  std::vector<int64_t> integers(napi_value list, const Place& at) const {
    std::vector<int64_t> result;
    elements(list, at, [&](napi_value element, const Place& here) { result.push_back(integer(element, here)); });
    return result;
  }

  Node node(Graph& graph, napi_value object, const Place& at) const {
    need_object(object, at);
    Node node;
    node.op = string(property(env_, object, "op"), Place{&at, "op"});
    each(object, "inputs", at, [&](napi_value id, const Place& here) { node.inputs.push_back(id_of(id, here)); });
    node.params = params(property(env_, object, "params"), Place{&at, "params"});
    each(object, "outputs", at, [&](napi_value output, const Place& here) { node.outputs.push_back(graph.add_value(aval(output, here))); });
    return node;
  }

  Params params(napi_value object, const Place& at) const {
    need_object(object, at);
    napi_value names;
    check(env_, napi_get_all_property_names(env_, object, napi_key_own_only,
                                            static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols),
                                            napi_key_numbers_to_strings, &names));
    Params params;
    elements(names, at, [&](napi_value name, const Place&) {
      const std::string key = string(name, at);
      napi_value value;
      check(env_, napi_get_property(env_, object, name, &value));
      params.emplace(key, param(value, Place{&at, key}));
    });
    return params;
  }

  Param param(napi_value value, const Place& at) const {
    switch (type_of(env_, value)) {
      case napi_boolean: {
        bool flag;
        check(env_, napi_get_value_bool(env_, value, &flag));
        return flag;
      }
      case napi_number:
        return number(value, at);
      case napi_string:
        return string(value, at);
      case napi_object:
        return integers(value, at);
      default:
        wrong(at, "a number, a boolean, a string or a list of integers");
    }
  }

  napi_env env_;
};

}  // namespace

Graph decode_graph(napi_env env, napi_value graph) { return Decoder(env).graph(graph, Place{nullptr, "graph"}); }

}  // namespace flaxen::addon
