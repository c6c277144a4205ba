#include "runtime/program.h"

#include <algorithm>
#include <cstring>

#include "compiler/pipeline.h"
#include "runtime/evaluate.h"
#include "runtime/listing.h"
#include "runtime/thread_pool.h"

namespace flaxen {

namespace {

constexpr double kNsPerStep = 20, kNsPerByteCopied = 0.1;
constexpr size_t kChunk = size_t{1} << 20;

cpu::Prepared prepare_copy(const Graph& graph, const Node& node) {
  const size_t bytes = graph.aval(node.outputs[0]).bytes();
  cpu::Prepared kernel;
  kernel.cost_ns = static_cast<double>(bytes) * kNsPerByteCopied;
  kernel.launch = [bytes](const cpu::Buffers& buffers) {
    const std::byte* from = buffers.input<std::byte>(0);
    std::byte* to = buffers.output<std::byte>(0);
    if (bytes == 0) return;
    ThreadPool::shared().parallel(static_cast<int64_t>((bytes + kChunk - 1) / kChunk), [&](int64_t chunk) {
      const size_t first = static_cast<size_t>(chunk) * kChunk;
      std::memcpy(to + first, from + first, std::min(kChunk, bytes - first));
    });
  };
  return kernel;
}

}  // namespace

Program::Program(Graph graph) : graph_(std::move(graph)) {
  inputs_.assign(graph_.values.begin(), graph_.values.begin() + graph_.inputs);
  for (ValueId v : graph_.outputs) outputs_.push_back(graph_.aval(v));
  optimize(graph_, evaluate_scalar);
  fuse_dense(graph_);

  std::vector<cpu::Prepared> kernels;
  std::vector<Footprint> footprints;
  for (const Node& node : graph_.nodes) {
    kernels.push_back(is_view(node) ? cpu::Prepared{} : cpu::prepare(graph_, node));
    footprints.push_back({kernels.back().scratch_bytes, kernels.back().in_place});
  }
  aliases_ = place_outputs(graph_, footprints);
  for (size_t n = kernels.size(); n < graph_.nodes.size(); ++n) kernels.push_back(prepare_copy(graph_, graph_.nodes[n]));
  plan_ = plan_memory(graph_, footprints);
  if (plan_.arena_bytes > physical_memory()) {
    throw GraphRangeError("the graph needs " + std::to_string(plan_.arena_bytes) + " bytes of scratch memory, more than the " +
                          std::to_string(physical_memory()) + " bytes of this machine; make it smaller");
  }
  lower(std::move(kernels));
}

void Program::lower(std::vector<cpu::Prepared> kernels) {
  const auto bind = [&](ValueId v) {
    const Location& location = plan_.values[static_cast<size_t>(v)];
    const Patch patch{table_.size(), location.at};
    table_.push_back(nullptr);
    if (location.kind == Location::Kind::arena) in_arena_.push_back(patch);
    if (location.kind == Location::Kind::input) in_arrays_.push_back(patch);
    if (location.kind == Location::Kind::output) in_arrays_.push_back({patch.entry, inputs_.size() + patch.at});
  };
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    if (is_view(node)) continue;
    steps_.push_back({std::move(kernels[n]), n, table_.size(), nullptr});
    for (ValueId v : node.inputs) bind(v);
    for (ValueId v : node.outputs) bind(v);
    cost_ns_ += kNsPerStep + steps_.back().kernel.cost_ns;
  }
  if (Profile::wanted()) {
    std::vector<std::string> texts;
    for (const Step& step : steps_) texts.push_back(step_text(graph_, graph_.nodes[step.node], step.kernel.note));
    profile_ = std::make_unique<Profile>(std::move(texts));
  }
}

void Program::move_to(std::byte* arena) {
  for (const Patch& patch : in_arena_) table_[patch.entry] = arena + patch.at;
  for (Step& step : steps_) step.scratch = step.kernel.scratch_bytes > 0 ? arena + plan_.scratch[step.node] : nullptr;
  arena_ = arena;
}

void Program::run(void* const* arrays, Arena& arena) {
  if (std::byte* base = plan_.arena_bytes > 0 ? arena.reserve(plan_.arena_bytes) : nullptr; base != arena_) move_to(base);
  for (const Patch& patch : in_arrays_) table_[patch.entry] = arrays[patch.at];
  if (profile_) return run_profiled();
  for (const Step& step : steps_) {
    void** operands = table_.data() + step.operand;
    step.kernel.launch({operands, operands + graph_.nodes[step.node].inputs.size(), step.scratch});
  }
}

void Program::run_profiled() {
  profile_->start();
  for (size_t s = 0; s < steps_.size(); ++s) {
    const Step& step = steps_[s];
    void** operands = table_.data() + step.operand;
    step.kernel.launch({operands, operands + graph_.nodes[step.node].inputs.size(), step.scratch});
    profile_->finish_step(s);
  }
}

}  // namespace flaxen
