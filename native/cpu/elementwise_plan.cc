#include "cpu/elementwise_plan.h"

#include <algorithm>
#include <bit>
#include <span>

namespace flaxen::cpu {

namespace {

constexpr int64_t kLongRow = 128;        // from here on a block stays inside one row
constexpr int64_t kMostElements = 1024;  // of a block

constexpr double kChainNs = 0.15;  // of an element, as cost_of

using Load = ElementwiseProgram::Load;

// The iteration space with size-1 dimensions dropped, and with neighbours merged where all loads step evenly through both.
void collapse(Shape& shape, std::vector<Load>& loads) {
  Shape merged;
  std::vector<std::vector<int64_t>> strides(loads.size());
  for (size_t d = 0; d < shape.size(); ++d) {
    if (shape[d] == 1) continue;
    bool even = !merged.empty();
    for (size_t i = 0; i < loads.size() && even; ++i) even = strides[i].back() == loads[i].strides[d] * shape[d];
    if (even) {
      merged.back() *= shape[d];
      for (size_t i = 0; i < loads.size(); ++i) strides[i].back() = loads[i].strides[d];
    } else {
      merged.push_back(shape[d]);
      for (size_t i = 0; i < loads.size(); ++i) strides[i].push_back(loads[i].strides[d]);
    }
  }
  if (merged.empty()) {
    merged.push_back(1);
    for (auto& s : strides) s.push_back(1);
    for (size_t i = 0; i < loads.size(); ++i) {
      if (loads[i].input == ElementwiseProgram::kIota) strides[i][0] = 0;
    }
  }
  shape = merged;
  for (size_t i = 0; i < loads.size(); ++i) loads[i].strides = strides[i];
}

bool all_zero(const std::vector<int64_t>& strides) {
  return std::all_of(strides.begin(), strides.end(), [](int64_t s) { return s == 0; });
}

// A rough cost of one element, in nanoseconds: of 512-bit vectors, twice that for narrower ones.
double cost_of(Opcode op, DType from) {
  const bool integer = from != DType::f32;
  switch (op) {
    case Opcode::pow:
      return 8;
    case Opcode::rem:
      return integer ? 1.5 : 2;
    case Opcode::div:
      return integer ? 1.5 : 0.05;
    case Opcode::exp:
    case Opcode::expm1:
    case Opcode::log:
      return 0.2;
    case Opcode::log1p:
    case Opcode::tanh:
    case Opcode::logistic:
      return 0.35;
    case Opcode::erf:
    case Opcode::erf_inv:
      return 0.6;
    case Opcode::sin:
    case Opcode::cos:
      return 0.45;
    case Opcode::sqrt:
    case Opcode::rsqrt:
      return 0.1;
    default:
      return 0.03;
  }
}

class Planner {
 public:
  Planner(const ElementwiseProgram& program, Isa isa) : program_(program), isa_(isa), shape_(program.shape), loads_(program.loads) {
    collapse(shape_, loads_);
    Blocks& b = plan_.blocks;
    b.cols = shape_.back();
    b.outer.assign(shape_.begin(), shape_.end() - 1);
    b.rows = flaxen::count(b.outer);
    long_rows_ = b.cols >= kLongRow || b.rows == 1;
    plan_.constants.reserve(program.constants.size());
    for (const auto& constant : program.constants) plan_.constants.push_back(constant.bits);
  }

  ElementwisePlan make() {
    places_.resize(static_cast<size_t>(program_.values()));
    for (int32_t v = 0; v < program_.first_constant(); ++v) place_load(v);
    for (int32_t v = program_.first_constant(); v < program_.first_result(); ++v) {
      places_[static_cast<size_t>(v)] = {add_slot(Slot::Kind::constant, v - program_.first_constant(), 0), true, true, -1};
    }
    std::vector<bool> scalar;
    for (const Place& place : places_) scalar.push_back(place.scalar);
    chains_ = find_chains(program_, scalar, chain_table(isa_));
    find_lifetimes();
    for (size_t i = 0; i < program_.code.size(); ++i) {
      if (!chains_.inner[i]) emit(static_cast<int32_t>(i));
    }
    for (size_t o = 0; o < program_.stores.size(); ++o) store(static_cast<int32_t>(o));
    find_in_place_pairs();
    lay_blocks();
    if (plan_.slots.size() > kMaxSlots) throw GraphError("fused.elementwise has more operands than the interpreter's slots");
    return std::move(plan_);
  }

 private:
  // Where a value is to be found.
  struct Place {
    int32_t slot = -1;
    bool scalar = false;   // one element for the whole block
    bool settled = false;  // the same for all blocks
    int32_t spread = -1;   // the slot of the register that a scalar was spread over
  };

  int32_t add_slot(Slot::Kind kind, int32_t index, int32_t step) {
    plan_.slots.push_back({kind, index, step});
    return static_cast<int32_t>(plan_.slots.size() - 1);
  }

  int32_t take_register() {
    if (!free_.empty()) {
      const int32_t slot = free_.back();
      free_.pop_back();
      return slot;
    }
    return add_slot(Slot::Kind::reg, registers_++, 0);
  }

  // The values that the step of instruction i reads.
  std::span<const int32_t> operands_of(int32_t i) const {
    const FoundChain& found = chains_.ending[static_cast<size_t>(i)];
    if (found.chain) return {found.operands.data(), static_cast<size_t>(found.chain->operands)};
    const auto& instruction = program_.code[static_cast<size_t>(i)];
    return {instruction.args.data(), static_cast<size_t>(arity_of(instruction.op))};
  }

  int32_t size(int32_t value) const { return static_cast<int32_t>(size_of(program_.dtype_of(value))); }

  void find_lifetimes() {
    const size_t values = static_cast<size_t>(program_.values());
    last_use_.assign(values, -1);
    output_.assign(values, -1);
    for (size_t i = 0; i < program_.code.size(); ++i) {
      if (chains_.inner[i]) continue;
      for (int32_t v : operands_of(static_cast<int32_t>(i))) last_use_[static_cast<size_t>(v)] = static_cast<int32_t>(i);
    }
    for (size_t o = program_.stores.size(); o-- > 0;) output_[static_cast<size_t>(program_.stores[o])] = static_cast<int32_t>(o);
    written_.assign(program_.stores.size(), -1);
  }

  void place_load(int32_t v) {
    const Load& load = loads_[static_cast<size_t>(v)];
    Place& place = places_[static_cast<size_t>(v)];
    const bool iota = load.input == ElementwiseProgram::kIota;
    const bool dense = load.strides == dense_strides(shape_);
    const int64_t col_stride = load.strides.back();
    const std::vector<int64_t> row_strides(load.strides.begin(), load.strides.end() - 1);
    if (!iota && all_zero(load.strides)) {
      place = {add_slot(Slot::Kind::input, load.input, 0), true, true, -1};
    } else if (!iota && dense) {
      place = {add_slot(Slot::Kind::input, load.input, size(v)), false, false, -1};
    } else if (!iota && long_rows_ && (col_stride == 0 || col_stride == 1)) {
      place = {add_slot(Slot::Kind::input, load.input, 0), col_stride == 0, false, -1};
      plan_.row_pointers.push_back({place.slot, size(v), col_stride, row_strides});
    } else {
      place = {take_register(), false, false, -1};
      plan_.fills.push_back({place.slot, load.input, load.dtype, iota, false, col_stride, row_strides});
    }
  }

  ElementwiseKernel find(Opcode op, DType from, DType to, unsigned scalars) const {
    if (const auto kernel = arithmetic_table(isa_).find(op, from, to, scalars)) return kernel;
    if (const auto kernel = logic_table(isa_).find(op, from, to, scalars)) return kernel;
    return math_table(isa_).find(op, from, to, scalars);
  }

  // The subset of `scalars`, as large as possible, that a kernel takes as they are.
  ElementwiseKernel find_best(Opcode op, DType from, DType to, unsigned& scalars) const {
    const unsigned all = scalars;
    ElementwiseKernel best = nullptr;
    int most = -1;
    for (unsigned subset = all;; subset = (subset - 1) & all) {
      const ElementwiseKernel kernel = find(op, from, to, subset);
      if (kernel && std::popcount(subset) > most) {
        best = kernel;
        most = std::popcount(subset);
        scalars = subset;
      }
      if (subset == 0) break;
    }
    if (!best) throw GraphError(std::string("the CPU backend has no kernel for ") + name_of(op) + " on " + flaxen::name_of(from));
    return best;
  }

  int32_t spread(int32_t value) {
    Place& place = places_[static_cast<size_t>(value)];
    if (place.spread < 0) {
      const DType type = program_.dtype_of(value);
      // What the prologue fills must outlive the block, so it shares no register.
      place.spread = place.settled ? add_slot(Slot::Kind::reg, registers_++, 0) : take_register();
      Step step{find(Opcode::copy, type, type, 1), nullptr, place.spread};
      step.in.fill(place.slot);
      (place.settled ? plan_.prologue : plan_.steps).push_back(step);
    }
    return place.spread;
  }

  void emit(int32_t i) {
    Step step = chains_.ending[static_cast<size_t>(i)].chain ? chain_step(i) : kernel_step(i);
    const int32_t result = program_.first_result() + i;
    const int32_t now = static_cast<int32_t>(plan_.steps.size());
    for (int32_t v : operands_of(i)) note_read(v, now);
    release_operands(i, [&](int32_t v) { return size(v) == size(result); });
    const int32_t output = output_[static_cast<size_t>(result)];
    Place& place = places_[static_cast<size_t>(result)];
    if (output >= 0) {
      place.slot = add_slot(Slot::Kind::output, output, size(result));
      written_[static_cast<size_t>(output)] = now;
    } else {
      place.slot = take_register();
    }
    release_operands(i, [&](int32_t v) { return size(v) != size(result); });
    if (output < 0 && last_use_[static_cast<size_t>(result)] < 0) free_.push_back(place.slot);
    step.out = place.slot;
    plan_.steps.push_back(step);
  }

  Step chain_step(int32_t i) {
    Step step{nullptr, chains_.ending[static_cast<size_t>(i)].chain->loop, -1};
    int32_t* in = step.in.data();
    for (int32_t v : operands_of(i)) *in++ = places_[static_cast<size_t>(v)].slot;
    element_ns_ += kChainNs;
    return step;
  }

  Step kernel_step(int32_t i) {
    const auto& instruction = program_.code[static_cast<size_t>(i)];
    const std::span<const int32_t> operands = operands_of(i);
    unsigned scalars = 0;
    for (size_t a = 0; a < operands.size(); ++a) {
      if (places_[static_cast<size_t>(operands[a])].scalar) scalars |= 1u << a;
    }
    const DType from = program_.dtype_of(instruction.args[instruction.op == Opcode::select ? 1 : 0]);
    Step step{find_best(instruction.op, from, instruction.dtype, scalars), nullptr, -1};
    step.in.fill(places_[static_cast<size_t>(operands[0])].slot);  // where the operation has fewer operands
    for (size_t a = 0; a < operands.size(); ++a) {
      const Place& place = places_[static_cast<size_t>(operands[a])];
      step.in[a] = place.scalar && !(scalars >> a & 1) ? spread(operands[a]) : place.slot;
    }
    element_ns_ += cost_of(instruction.op, from);
    return step;
  }

  // Registers of results that instruction i reads last. One of another element size may not become its result: elements would move over
  // others that are still to be read.
  template <typename Which>
  void release_operands(int32_t i, Which which) {
    const std::span<const int32_t> operands = operands_of(i);
    for (auto v = operands.begin(); v != operands.end(); ++v) {
      if (*v < program_.first_result() || last_use_[static_cast<size_t>(*v)] != i || !which(*v)) continue;
      if (std::find(operands.begin(), v, *v) != v) continue;
      const int32_t slot = places_[static_cast<size_t>(*v)].slot;
      if (plan_.slots[static_cast<size_t>(slot)].kind == Slot::Kind::reg) free_.push_back(slot);
    }
  }

  void store(int32_t o) {
    const int32_t v = program_.stores[static_cast<size_t>(o)];
    if (written_[static_cast<size_t>(o)] >= 0) return;
    const Place& place = places_[static_cast<size_t>(v)];
    const DType type = program_.dtype_of(v);
    const int32_t slot = add_slot(Slot::Kind::output, o, size(v));
    written_[static_cast<size_t>(o)] = static_cast<int32_t>(plan_.steps.size());
    note_read(v, written_[static_cast<size_t>(o)]);
    Step step{find(Opcode::copy, type, type, place.scalar ? 1 : 0), nullptr, slot};
    step.in.fill(place.slot);
    plan_.steps.push_back(step);
    element_ns_ += cost_of(Opcode::copy, type);
  }

  void note_read(int32_t value, int32_t step) {
    if (value >= program_.first_constant()) return;
    const int32_t input = loads_[static_cast<size_t>(value)].input;
    if (input < 0) return;
    if (last_read_.size() <= static_cast<size_t>(input)) last_read_.resize(static_cast<size_t>(input) + 1, -1);
    last_read_[static_cast<size_t>(input)] = std::max(last_read_[static_cast<size_t>(input)], step);
  }

  // An output may lie over an input that is only ever read at the index being computed, by no instruction after the one that writes.
  void find_in_place_pairs() {
    for (int32_t input = 0; input < static_cast<int32_t>(last_read_.size()); ++input) {
      bool dense = last_read_[static_cast<size_t>(input)] >= 0;
      int32_t bytes = 0;
      for (int32_t v = 0; v < program_.first_constant(); ++v) {
        if (loads_[static_cast<size_t>(v)].input != input) continue;
        const Slot& slot = plan_.slots[static_cast<size_t>(places_[static_cast<size_t>(v)].slot)];
        bytes = size(v);
        dense = dense && slot.kind == Slot::Kind::input && slot.step == bytes;
      }
      if (!dense) continue;
      for (size_t o = 0; o < program_.stores.size(); ++o) {
        if (size(program_.stores[o]) == bytes && last_read_[static_cast<size_t>(input)] <= written_[o]) {
          plan_.in_place.emplace_back(input, static_cast<int>(o));
        }
      }
    }
  }

  void lay_blocks() {
    Blocks& b = plan_.blocks;
    const int64_t file = kRegisterFile / 4 / std::max(registers_, 1) / 16 * 16;  // elements of one register
    const int64_t elements = std::min(file, kMostElements);
    if (elements < 16) throw GraphError("fused.elementwise needs more registers than the interpreter has");
    plan_.register_bytes = elements * 4;
    if (long_rows_) {
      b.cols_per_block = std::min(elements, b.cols);
      b.blocks_per_row = b.cols_per_block ? (b.cols + b.cols_per_block - 1) / b.cols_per_block : 0;
      b.count = b.rows * b.blocks_per_row;
    } else {
      b.cols_per_block = b.cols;
      b.rows_per_block = b.cols ? std::min(b.rows, std::max<int64_t>(1, elements / b.cols)) : b.rows;
      b.count = b.cols && b.rows ? (b.rows + b.rows_per_block - 1) / b.rows_per_block : 0;
    }
    for (Fill& fill : plan_.fills) fill.once = b.blocks_per_row == 1 && all_zero(fill.row_strides);
    const double block = static_cast<double>(b.rows_per_block * b.cols_per_block);
    const double fills =
        0.5 * static_cast<double>(std::count_if(plan_.fills.begin(), plan_.fills.end(), [](const Fill& f) { return !f.once; }));
    const double width = isa_ == Isa::avx512 ? 1 : isa_ == Isa::baseline ? 8 : 2;
    const double compute = 4 + 4 * static_cast<double>(plan_.steps.size()) + block * width * (element_ns_ + fills);
    // What does not stay in the L2 cache waits for memory.
    int64_t bytes = 0;
    for (const Slot& slot : plan_.slots) bytes += slot.step;
    const double traffic = static_cast<double>(b.rows * b.cols * bytes) > 1e6 ? 0.01 * block * static_cast<double>(bytes) : 0;
    plan_.block_ns = std::max(compute, traffic);
  }

  const ElementwiseProgram& program_;
  Isa isa_;
  Shape shape_;
  std::vector<Load> loads_;
  bool long_rows_ = true;
  ElementwisePlan plan_;
  Chains chains_;
  std::vector<Place> places_;       // by value
  std::vector<int32_t> last_use_;   // by value: the last instruction that reads it, or -1
  std::vector<int32_t> output_;     // by value: the output that its instruction writes at once, or -1
  std::vector<int32_t> written_;    // by output: the step that writes it
  std::vector<int32_t> last_read_;  // by input: the last step that reads it
  std::vector<int32_t> free_;       // register slots
  int32_t registers_ = 0;
  double element_ns_ = 0;
};

}  // namespace

ElementwisePlan plan_program(const ElementwiseProgram& program, Isa isa) { return Planner(program, isa).make(); }

}  // namespace flaxen::cpu
