// The graph of primitives: what the addon decodes, what the passes rewrite, what the executor schedules. docs/primitives.md is the
// contract.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

namespace flaxen {

enum class DType : uint8_t { f32, i32, u32, boolean };

inline size_t size_of(DType t) { return t == DType::boolean ? 1 : 4; }
const char* name_of(DType t);

using Shape = std::vector<int64_t>;
constexpr int kMaxRank = 8;

int64_t count(const Shape& shape);          // number of elements
std::string to_string(const Shape& shape);  // "[2, 3]"

struct Aval {
  DType dtype;
  Shape shape;
  int64_t count() const { return flaxen::count(shape); }
  size_t bytes() const { return static_cast<size_t>(count()) * size_of(dtype); }
  bool operator==(const Aval&) const = default;
};

using ValueId = int32_t;

// A parameter of a primitive, as it came over the wire.
using Param = std::variant<bool, double, std::string, std::vector<int64_t>>;
using Params = std::map<std::string, Param>;

// What a fusion pass attaches to a node that it made; each fused op derives its own.
struct Fused {
  virtual ~Fused() = default;
  virtual std::string text() const = 0;
};

struct Node {
  std::string op;  // a primitive's name, or "fused.<name>" made by a pass
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;
  Params params;
  std::shared_ptr<const Fused> fused;

  double number(const char* key) const;
  bool flag(const char* key) const;
  const std::string& text(const char* key) const;
  const std::vector<int64_t>& ints(const char* key) const;
};

struct Graph {
  std::vector<Aval> values;  // by ValueId; the first `inputs` of them are the graph's inputs
  int32_t inputs = 0;
  std::vector<Node> nodes;  // in execution order
  std::vector<ValueId> outputs;
  std::vector<int32_t> donated;  // input indexes

  const Aval& aval(ValueId v) const { return values[static_cast<size_t>(v)]; }
  ValueId add_value(Aval a) {
    values.push_back(std::move(a));
    return static_cast<ValueId>(values.size() - 1);
  }
};

// A graph that breaks the contract; the addon turns it into a JS TypeError. The message names the node and the mend.
struct GraphError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// A graph whose numbers lie outside what is possible (sizes, ids); the addon turns it into a JS RangeError.
struct GraphRangeError : GraphError {
  using GraphError::GraphError;
};

}  // namespace flaxen
