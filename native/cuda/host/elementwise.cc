// Elementwise programs: the interpreter kernel takes any of them, and several arrays at once where one program runs over a tree's leaves.
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

// One launch: a program over one array or several.
struct Segments {
  FlaxenElementwiseCode code;
  std::vector<int64_t> counts;
  std::vector<std::pair<int, int>> first;  // of each segment: the first input and output among the node's

  int launch(const Buffers& buffers) const {
    thread_local std::vector<void*> pointers;
    pointers.clear();
    for (const auto& [in, out] : first) {
      for (int i = 0; i < code.inputs; ++i) pointers.push_back(const_cast<void*>(buffers.in[in + i]));
      for (int o = 0; o < code.stores; ++o) pointers.push_back(buffers.out[out + o]);
    }
    return buffers.library.elementwise(buffers.device, &code, static_cast<int>(counts.size()), counts.data(), pointers.data());
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

class Launches {
 public:
  void add(const ElementwiseProgram& program, int inputs, int first_input, int first_output) {
    FlaxenElementwiseCode code = encode(program, inputs);
    const bool strided = is_strided(code);
    if (!strided) {  // the shape is of no consequence then, and programs of several shapes are the same
      code.rank = 0;
      std::memset(code.shape, 0, sizeof code.shape);
      std::memset(code.stride, 0, sizeof code.stride);
    }
    const auto same =
        strided ? all_.end()
                : std::find_if(all_.begin(), all_.end(), [&](const Segments& s) { return std::memcmp(&s.code, &code, sizeof code) == 0; });
    Segments& segments = same != all_.end() ? *same : all_.emplace_back(Segments{code, {}, {}});
    segments.counts.push_back(count(program.shape));
    segments.first.emplace_back(first_input, first_output);
  }

  void finish(size_t programs, Prepared& prepared) {
    if (programs > 1) prepared.note = std::to_string(programs) + " programs in " + std::to_string(all_.size()) + " launches";
    const auto shared = std::make_shared<const std::vector<Segments>>(std::move(all_));
    prepared.launch = [shared](const Buffers& buffers) {
      for (const Segments& segments : *shared) {
        if (const int error = segments.launch(buffers)) return error;
      }
      return 0;
    };
  }

 private:
  std::vector<Segments> all_;
};

void prepare_one(const ElementwiseProgram& program, size_t inputs, Prepared& prepared) {
  Launches launches;
  launches.add(program, static_cast<int>(inputs), 0, 0);
  add_in_place(program, static_cast<int>(inputs), 0, 0, prepared);
  launches.finish(1, prepared);
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
    Launches launches;
    for (size_t m = 0; m < members.size(); ++m) {
      const auto& [program, first_input, first_output] = members[m];
      const int end = m + 1 < members.size() ? members[m + 1].first_input : static_cast<int>(node.inputs.size());
      launches.add(*program, end - first_input, first_input, first_output);
      add_in_place(*program, end - first_input, first_input, first_output, prepared);
    }
    launches.finish(members.size(), prepared);
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
