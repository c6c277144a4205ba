#include "cuda/host/program.h"

#include <algorithm>

#include "compiler/passes.h"
#include "compiler/pipeline.h"
#include "runtime/evaluate.h"
#include "runtime/listing.h"

namespace flaxen::cuda {

namespace {

// A captured graph saves the launches' own cost, of a few microseconds each, from the second step on.
constexpr size_t kLeastStepsToCapture = 2;
constexpr int kOutOfMemory = 2;  // a value of cudaError_t
constexpr size_t kMostStepsNamed = 8;

Prepared prepare_copy(const Graph& graph, const Node& node) {
  const size_t bytes = graph.aval(node.outputs[0]).bytes();
  Prepared kernel;
  kernel.launch = [bytes](const Buffers& b) {
    return bytes == 0 ? 0 : b.library.memory_copy(b.device->stream, FLAXEN_CUDA_WITHIN_DEVICE, b.out[0], b.in[0], bytes);
  };
  return kernel;
}

}  // namespace

Program::Program(std::shared_ptr<Device> device, Graph graph) : shared_(std::move(device)), graph_(std::move(graph)) {
  inputs_.assign(graph_.values.begin(), graph_.values.begin() + graph_.inputs);
  for (ValueId v : graph_.outputs) outputs_.push_back(graph_.aval(v));
  optimize(graph_, evaluate_scalar, true);
  fuse_dense(graph_, false);
  group_programs(graph_);

  std::vector<Prepared> kernels;
  std::vector<Footprint> footprints;
  for (const Node& node : graph_.nodes) {
    kernels.push_back(is_view(node) ? Prepared{} : prepare(device_.library(), graph_, node));
    footprints.push_back({kernels.back().scratch_bytes, kernels.back().in_place});
  }
  aliases_ = place_outputs(graph_, footprints);
  for (size_t n = kernels.size(); n < graph_.nodes.size(); ++n) kernels.push_back(prepare_copy(graph_, graph_.nodes[n]));
  plan_ = plan_memory(graph_, footprints);
  lower(std::move(kernels));
}

Program::~Program() {
  for (const Replay& replay : replays_) {
    if (replay.graph) device_.library().graph_destroy(replay.graph);
  }
}

void Program::lower(std::vector<Prepared> kernels) {
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const Node& node = graph_.nodes[n];
    if (is_view(node)) continue;
    steps_.push_back({std::move(kernels[n]), n, places_.size()});
    for (const auto* values : {&node.inputs, &node.outputs}) {
      for (ValueId v : *values) places_.push_back(plan_.values[static_cast<size_t>(v)]);
    }
  }
  std::string text;
  for (size_t s = 0; s < std::min(steps_.size(), kMostStepsNamed); ++s) {
    text += (s > 0 ? ", " : "") + step_text(graph_, graph_.nodes[steps_[s].node], "");
  }
  if (steps_.size() > kMostStepsNamed) text += ", " + std::to_string(steps_.size() - kMostStepsNamed) + " more steps";
  steps_text_ = std::make_shared<const std::string>(std::move(text));
  table_.resize(places_.size());
  scratch_.resize(steps_.size());
}

void Program::place(void* const* arrays, std::byte* arena) {
  for (size_t p = 0; p < places_.size(); ++p) {
    const Location& location = places_[p];
    switch (location.kind) {
      case Location::Kind::arena:
        table_[p] = arena + location.at;
        break;
      case Location::Kind::input:
        table_[p] = arrays[location.at];
        break;
      case Location::Kind::output:
        table_[p] = arrays[inputs_.size() + location.at];
        break;
      case Location::Kind::nowhere:
        table_[p] = nullptr;
    }
  }
  for (size_t s = 0; s < steps_.size(); ++s) {
    scratch_[s] = steps_[s].kernel.scratch_bytes > 0 ? arena + plan_.scratch[steps_[s].node] : nullptr;
  }
}

void Program::run(void* const* arrays) {
  std::byte* arena = plan_.arena_bytes > 0 ? device_.arena(plan_.arena_bytes) : nullptr;
  ++runs_;
  if (device_.waits_for_each_step()) {
    place(arrays, arena);
    return run_steps();
  }
  if (!steps_.empty()) device_.in_flight().start(steps_text_);
  const uint64_t generation = device_.memory().generation();
  addresses_.assign(1, arena);
  addresses_.insert(addresses_.end(), arrays, arrays + inputs_.size() + outputs_.size());
  Replay* oldest = &replays_[0];
  for (Replay& replay : replays_) {
    if (replay.generation != generation || replay.addresses != addresses_) {
      if (replay.used < oldest->used) oldest = &replay;
      continue;
    }
    replay.used = runs_;
    if (!replay.graph) {
      place(arrays, arena);
      capture(replay);
    }
    if (!replay.graph) return launch_steps();
    return device_.check(device_.library().graph_launch(replay.graph, device_.stream()), "launching a captured program");
  }
  place(arrays, arena);
  launch_steps();
  if (steps_.size() < kLeastStepsToCapture) return;
  if (oldest->graph) device_.library().graph_destroy(oldest->graph);
  *oldest = {generation, addresses_, nullptr, runs_};
}

void Program::launch_step(size_t s) const {
  const Step& step = steps_[s];
  void* const* operands = table_.data() + step.operand;
  const size_t inputs = graph_.nodes[step.node].inputs.size();
  check_step(s, step.kernel.launch({device_.library(), &device_.handle(), operands, operands + inputs, scratch_[s]}));
}

void Program::check_step(size_t s, int error) const {
  if (error) device_.check(error, [&] { return step_text(graph_, graph_.nodes[steps_[s].node], steps_[s].kernel.note); });
}

void Program::launch_steps() const {
  for (size_t s = 0; s < steps_.size(); ++s) launch_step(s);
}

void Program::run_steps() const {
  for (size_t s = 0; s < steps_.size(); ++s) {
    launch_step(s);
    check_step(s, device_.library().stream_synchronize(device_.stream()));
  }
}

void Program::capture(Replay& replay) {
  const Library& library = device_.library();
  device_.check(library.capture_begin(device_.stream()), "capturing a program");
  try {
    launch_steps();
  } catch (...) {
    void* none = nullptr;
    library.capture_end(device_.stream(), &none);
    throw;
  }
  // A graph takes memory of its own on the device; where none is left, the program does without.
  const int error = library.capture_end(device_.stream(), &replay.graph);
  if (error != kOutOfMemory) device_.check(error, "capturing a program");
}

std::string Program::text() const {
  std::vector<std::string> notes(graph_.nodes.size());
  for (const Step& step : steps_) notes[step.node] = step.kernel.note;
  return listing_text({graph_, plan_, aliases_, std::move(notes)}, " on the device");
}

}  // namespace flaxen::cuda
