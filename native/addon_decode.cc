#include "addon_decode.h"

#include <cmath>

#include "addon_errors.h"

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
  Graph graph(Napi::Value wire, const Place& at) const {
    const Napi::Object object = this->object(wire, at);
    Graph graph;
    each(object, "inputs", at, [&](Napi::Value input, const Place& here) { graph.add_value(aval(input, here)); });
    graph.inputs = static_cast<int32_t>(graph.values.size());
    each(object, "nodes", at, [&](Napi::Value node, const Place& here) { graph.nodes.push_back(this->node(graph, node, here)); });
    each(object, "outputs", at, [&](Napi::Value id, const Place& here) { graph.outputs.push_back(id_of(id, here)); });
    each(object, "donated", at, [&](Napi::Value index, const Place& here) { graph.donated.push_back(id_of(index, here)); });
    return graph;
  }

 private:
  [[noreturn]] void wrong(const Place& at, const std::string& wanted) const { throw GraphError(at.text() + " must be " + wanted); }

  Napi::Object object(Napi::Value value, const Place& at) const {
    if (value.Type() != napi_object) wrong(at, "an object");
    return value.As<Napi::Object>();
  }

  // Calls f for every element of the array `object[key]`.
  template <typename F>
  void each(Napi::Object object, const char* key, const Place& outer, F f) const {
    elements(object.Get(key), Place{&outer, key}, f);
  }

  template <typename F>
  void elements(Napi::Value list, const Place& at, F f) const {
    if (!list.IsArray()) wrong(at, "an array");
    const auto array = list.As<Napi::Array>();
    const uint32_t length = array.Length();
    for (uint32_t i = 0; i < length; ++i) {
      // Handles made inside are freed at once, so that long lists cost no memory.
      const Napi::HandleScope scope(array.Env());
      f(array.Get(i), Place{&at, {}, i});
    }
  }

  double number(Napi::Value value, const Place& at) const {
    if (!value.IsNumber()) wrong(at, "a number");
    return value.As<Napi::Number>().DoubleValue();
  }

  int64_t integer(Napi::Value value, const Place& at) const {
    const double x = number(value, at);
    if (x == std::floor(x) && std::fabs(x) <= kLargestInteger) return static_cast<int64_t>(x);
    throw GraphRangeError(at.text() + " is " + std::to_string(x) + " but must be an integer of at most 2^40");
  }

  ValueId id_of(Napi::Value value, const Place& at) const {
    const int64_t id = integer(value, at);
    if (id >= 0 && id <= INT32_MAX) return static_cast<ValueId>(id);
    throw GraphRangeError(at.text() + " is " + std::to_string(id) + " but must count from 0");
  }

  // Utf8Value() would copy a string of any length.
  std::string string(Napi::Value value, const Place& at) const {
    char text[kLongestString + 1];
    size_t length = 0;
    if (napi_get_value_string_utf8(value.Env(), value, text, sizeof text, &length) != napi_ok) wrong(at, "a string");
    return std::string(text, length);
  }

  Aval aval(Napi::Value wire, const Place& at) const {
    const Napi::Object object = this->object(wire, at);
    Aval aval{};
    const Place dtype_at{&at, "dtype"};
    const std::string dtype = string(object.Get("dtype"), dtype_at);
    aval.dtype = dtype_named(dtype, dtype_at);
    aval.shape = integers(object.Get("shape"), Place{&at, "shape"});
    return aval;
  }

  DType dtype_named(const std::string& name, const Place& at) const {
    for (DType t : {DType::f32, DType::i32, DType::u32, DType::boolean}) {
      if (name == name_of(t)) return t;
    }
    throw GraphError(at.text() + " is '" + name + "' but must be float32, int32, uint32 or bool");
  }

  std::vector<int64_t> integers(Napi::Value list, const Place& at) const {
    std::vector<int64_t> result;
    elements(list, at, [&](Napi::Value element, const Place& here) { result.push_back(integer(element, here)); });
    return result;
  }

  Node node(Graph& graph, Napi::Value wire, const Place& at) const {
    const Napi::Object object = this->object(wire, at);
    Node node;
    node.op = string(object.Get("op"), Place{&at, "op"});
    each(object, "inputs", at, [&](Napi::Value id, const Place& here) { node.inputs.push_back(id_of(id, here)); });
    node.params = params(object.Get("params"), Place{&at, "params"});
    each(object, "outputs", at,
         [&](Napi::Value output, const Place& here) { node.outputs.push_back(graph.add_value(aval(output, here))); });
    return node;
  }

  Params params(Napi::Value wire, const Place& at) const {
    const Napi::Object object = this->object(wire, at);
    napi_value names;  // GetPropertyNames() would list inherited ones too
    check(object.Env(), napi_get_all_property_names(object.Env(), object, napi_key_own_only,
                                                    static_cast<napi_key_filter>(napi_key_enumerable | napi_key_skip_symbols),
                                                    napi_key_numbers_to_strings, &names));
    Params params;
    elements(Napi::Value(object.Env(), names), at, [&](Napi::Value name, const Place&) {
      const std::string key = string(name, at);
      params.emplace(key, param(object.Get(name), Place{&at, key}));
    });
    return params;
  }

  Param param(Napi::Value value, const Place& at) const {
    switch (value.Type()) {
      case napi_boolean:
        return value.As<Napi::Boolean>().Value();
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
};

}  // namespace

Graph decode_graph(Napi::Value graph) { return Decoder().graph(graph, Place{nullptr, "graph"}); }

}  // namespace flaxen::addon
