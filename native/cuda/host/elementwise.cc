// Elementwise programs: the interpreter kernel takes any of them, several at once, and many arrays, such as a tree's leaves.
#include <algorithm>
#include <cstring>
#include <memory>

#include "compiler/elementwise_program.h"
#include "cuda/elementwise_code.h"
#include "cuda/elementwise_encode.h"
#include "cuda/host/kernel.h"

namespace flaxen::cuda {

namespace {

bool is_strided(const FlaxenElementwiseCode& code) {
  return std::any_of(code.load, code.load + code.loads,
                     [](const FlaxenElementwiseLoad& l) { return l.kind == FLAXEN_LOAD_STRIDED || l.kind == FLAXEN_LOAD_IOTA; });
}

// Programs that one call launches, each over one array or several.
struct Call {
  std::vector<FlaxenElementwiseCode> codes;
  std::vector<FlaxenElementwiseSegment> segments;
  std::vector<std::pair<int, int>> first;  // of each segment: the first input and output among the node's

  int launch(const Buffers& buffers) const {
    thread_local std::vector<void*> pointers;
    pointers.clear();
    for (size_t s = 0; s < segments.size(); ++s) {
      const FlaxenElementwiseCode& code = codes[static_cast<size_t>(segments[s].program)];
      for (int i = 0; i < code.inputs; ++i) pointers.push_back(const_cast<void*>(buffers.in[first[s].first + i]));
      for (int o = 0; o < code.stores; ++o) pointers.push_back(buffers.out[first[s].second + o]);
    }
    return buffers.library.elementwise(buffers.device, static_cast<int>(codes.size()), codes.data(), static_cast<int>(segments.size()),
                                       segments.data(), pointers.data());
  }
};

// An output may take the memory of an input that is only read at the same index.
void add_in_place(const ElementwiseProgram& program, int inputs, int first_input, int first_output, Prepared& prepared) {
  const std::vector<int64_t> dense = dense_strides(program.shape);
  for (int i = 0; i < inputs; ++i) {
    bool same_index = true;
    DType dtype{};
    for (const auto& load : program.loads) {
      if (load.input != i) continue;
      for (size_t d = 0; d < dense.size(); ++d) same_index = same_index && (program.shape[d] == 1 || load.strides[d] == dense[d]);
      dtype = load.dtype;
    }
    for (size_t o = 0; same_index && o < program.stores.size(); ++o) {
      if (size_of(program.dtype_of(program.stores[o])) != size_of(dtype)) continue;
      prepared.in_place.emplace_back(first_input + i, first_output + static_cast<int>(o));
    }
  }
}

// A program's registers take shared memory from all that it is launched with: one with many goes alone.
constexpr int kMostRegistersTogether = 16;

class Calls {
 public:
  void add(const ElementwiseProgram& program, int inputs, int first_input, int first_output) {
    FlaxenElementwiseCode code = encode(program, inputs);
    if (!is_strided(code)) {  // the shape is of no consequence then, and programs of several shapes are the same
      code.rank = 0;
      std::memset(code.shape, 0, sizeof code.shape);
      std::memset(code.stride, 0, sizeof code.stride);
    }
    Call& call = call_for(code);
    const auto same =
        std::find_if(call.codes.begin(), call.codes.end(), [&](const auto& c) { return std::memcmp(&c, &code, sizeof c) == 0; });
    call.segments.push_back({static_cast<int>(same - call.codes.begin()), count(program.shape)});
    if (same == call.codes.end()) call.codes.push_back(code);
    call.first.emplace_back(first_input, first_output);
    ++programs_;
  }

  void finish(Prepared& prepared) {
    size_t kinds = 0;
    for (const Call& call : all_) kinds += call.codes.size();
    if (programs_ > 1) prepared.note = std::to_string(programs_) + " programs of " + std::to_string(kinds) + " kinds";
    const auto shared = std::make_shared<const std::vector<Call>>(std::move(all_));
    prepared.launch = [shared](const Buffers& buffers) {
      for (const Call& call : *shared) {
        if (const int error = call.launch(buffers)) return error;
      }
      return 0;
    };
  }

 private:
  Call& call_for(const FlaxenElementwiseCode& code) {
    const auto takes = [&](const Call& call) {
      const FlaxenElementwiseCode& first = call.codes.front();
      return code.registers <= kMostRegistersTogether ? first.registers <= kMostRegistersTogether
                                                      : std::memcmp(&first, &code, sizeof code) == 0;
    };
    const auto found = std::find_if(all_.begin(), all_.end(), takes);
    return found != all_.end() ? *found : all_.emplace_back();
  }

  std::vector<Call> all_;
  size_t programs_ = 0;
};

void prepare_one(const ElementwiseProgram& program, size_t inputs, Prepared& prepared) {
  Calls calls;
  calls.add(program, static_cast<int>(inputs), 0, 0);
  add_in_place(program, static_cast<int>(inputs), 0, 0, prepared);
  calls.finish(prepared);
}

}  // namespace

bool prepare_elementwise(const Library&, const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op == "fused.elementwise") {
    const auto& program = static_cast<const ElementwiseProgram&>(*node.fused);
    prepare_one(program, node.inputs.size(), prepared);
    prepared.note = std::to_string(program.code.size()) + " instructions in one pass";
    return true;
  }
  if (node.op == "fused.elementwiseGroup") {
    const auto& members = static_cast<const ElementwiseGroup&>(*node.fused).members;
    Calls calls;
    for (size_t m = 0; m < members.size(); ++m) {
      const auto& [program, first_input, first_output] = members[m];
      const int end = m + 1 < members.size() ? members[m + 1].first_input : static_cast<int>(node.inputs.size());
      calls.add(*program, end - first_input, first_input, first_output);
      add_in_place(*program, end - first_input, first_input, first_output, prepared);
    }
    calls.finish(prepared);
    return true;
  }
  ElementwiseProgram program;
  if (node.op == "full") {
    const Aval& out = graph.aval(node.outputs[0]);
    program.shape = out.shape;
    program.constants = {{out.dtype, constant_bits(node.number("value"), out.dtype)}};
    program.stores = {0};
  } else if (node.op == "iota") {
    const Aval& out = graph.aval(node.outputs[0]);
    program.shape = out.shape;
    program.loads = {{ElementwiseProgram::kIota, out.dtype, std::vector<int64_t>(out.shape.size(), 0)}};
    program.loads[0].strides[static_cast<size_t>(node.number("axis"))] = 1;
    program.stores = {0};
  } else if (auto known = program_of(graph, node)) {
    program = std::move(*known);
  } else {
    return false;
  }
  prepare_one(program, node.inputs.size(), prepared);
  return true;
}

}  // namespace flaxen::cuda
