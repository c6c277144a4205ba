#include "cpu/elementwise.h"

#include <algorithm>
#include <memory>

#include "cpu/elementwise_plan.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr double kAloneNs = 4000;   // what one thread does in this time is not shared out
constexpr double kTaskNs = 100000;  // of a task, where a thread has several: what is taken from another thread must move between caches
constexpr int64_t kMostTasks = 32;  // of a thread

// Walks over the rows of the iteration space and keeps one input's offset.
class RowWalk {
 public:
  RowWalk(const Shape& outer, const std::vector<int64_t>& strides, int64_t row) : outer_(outer), strides_(strides) {
    for (size_t d = outer.size(); d-- > 0;) {
      index_[d] = row % outer[d];
      row /= outer[d];
      offset_ += index_[d] * strides[d];
    }
  }
  int64_t offset() const { return offset_; }
  void advance() {
    for (size_t d = outer_.size(); d-- > 0;) {
      offset_ += strides_[d];
      if (++index_[d] < outer_[d]) return;
      offset_ -= outer_[d] * strides_[d];
      index_[d] = 0;
    }
  }

 private:
  const Shape& outer_;
  const std::vector<int64_t>& strides_;
  int64_t index_[kMaxRank];
  int64_t offset_ = 0;
};

template <typename T>
void gather(T* out, const T* from, int64_t stride, int64_t n) {
  if (stride == 0) {
    const T x = *from;
    for (int64_t i = 0; i < n; ++i) out[i] = x;
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = from[i * stride];
  }
}

template <typename T>
void count_up(T* out, int64_t first, int64_t stride, int64_t n) {
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<T>(first + i * stride);
}

void fill_row(const Fill& fill, const void* input, void* out, int64_t offset, int64_t n) {
  if (fill.iota) {
    switch (fill.dtype) {
      case DType::f32:
        return count_up(static_cast<float*>(out), offset, fill.col_stride, n);
      case DType::i32:
        return count_up(static_cast<int32_t*>(out), offset, fill.col_stride, n);
      case DType::u32:
        return count_up(static_cast<uint32_t*>(out), offset, fill.col_stride, n);
      case DType::boolean:
        return count_up(static_cast<bool*>(out), offset, fill.col_stride, n);
    }
  }
  if (fill.dtype == DType::boolean)
    return gather(static_cast<uint8_t*>(out), static_cast<const uint8_t*>(input) + offset, fill.col_stride, n);
  gather(static_cast<uint32_t*>(out), static_cast<const uint32_t*>(input) + offset, fill.col_stride, n);
}

void fill_block(const Fill& fill, const Blocks& blocks, const void* input, char* out, int64_t row, int64_t rows, int64_t col,
                int64_t cols) {
  const int64_t row_bytes = cols * static_cast<int64_t>(size_of(fill.dtype));
  RowWalk walk(blocks.outer, fill.row_strides, row);
  for (int64_t r = 0; r < rows; ++r) {
    fill_row(fill, input, out + r * row_bytes, walk.offset() + col * fill.col_stride, cols);
    walk.advance();
  }
}

// One program.
class Machine {
 public:
  explicit Machine(ElementwisePlan plan) : plan_(std::move(plan)) {}

  const ElementwisePlan& plan() const { return plan_; }

  void run_blocks(const Buffers& buffers, int64_t first, int64_t last) const {
    if (first >= last) return;
    alignas(64) char registers[kRegisterFile];
    char* base[kMaxSlots];
    char* at[kMaxSlots];
    const size_t slots = plan_.slots.size();
    for (size_t s = 0; s < slots; ++s) at[s] = base[s] = address(plan_.slots[s], buffers, registers);
    const Blocks& b = plan_.blocks;
    const int64_t block = b.rows_per_block * b.cols_per_block;
    for (const Step& step : plan_.prologue) step.run(at, block);
    for (const Fill& fill : plan_.fills) {
      if (fill.once) fill_block(fill, b, input(buffers, fill.input), at[fill.slot], 0, b.rows_per_block, 0, b.cols_per_block);
    }
    for (int64_t i = first; i < last; ++i) {
      const bool parts = b.blocks_per_row > 1;
      const int64_t row = parts ? i / b.blocks_per_row : i * b.rows_per_block;
      const int64_t col = parts ? (i - row * b.blocks_per_row) * b.cols_per_block : 0;
      const int64_t rows = std::min(b.rows_per_block, b.rows - row), cols = std::min(b.cols_per_block, b.cols - col);
      const int64_t start = row * b.cols + col;
      for (size_t s = 0; s < slots; ++s) at[s] = base[s] + start * plan_.slots[s].step;
      for (const RowPointer& p : plan_.row_pointers) {
        at[p.slot] = base[p.slot] + (RowWalk(b.outer, p.row_strides, row).offset() + col * p.col_stride) * p.size;
      }
      for (const Fill& fill : plan_.fills) {
        if (!fill.once) fill_block(fill, b, input(buffers, fill.input), at[fill.slot], row, rows, col, cols);
      }
      for (const Step& step : plan_.steps) step.run(at, rows * cols);
    }
  }

 private:
  static const void* input(const Buffers& buffers, int32_t index) { return index < 0 ? nullptr : buffers.in[index]; }

  char* address(const Slot& slot, const Buffers& buffers, char* registers) const {
    const void* p = nullptr;
    switch (slot.kind) {
      case Slot::Kind::input:
        p = buffers.in[slot.index];
        break;
      case Slot::Kind::output:
        p = buffers.out[slot.index];
        break;
      case Slot::Kind::constant:
        p = &plan_.constants[static_cast<size_t>(slot.index)];
        break;
      case Slot::Kind::reg:
        p = registers + slot.index * plan_.register_bytes;
        break;
    }
    return const_cast<char*>(static_cast<const char*>(p));
  }

  ElementwisePlan plan_;
};

// Programs that run as one step, their blocks shared out together.
class Group {
 public:
  void add(ElementwisePlan plan, int first_input, int first_output) {
    cost_ns_ += 8 + plan.block_ns * static_cast<double>(plan.blocks.count);
    for (const auto& [i, o] : plan.in_place) in_place_.emplace_back(first_input + i, first_output + o);
    members_.push_back({Machine(std::move(plan)), first_input, first_output});
  }

  // Each task gets the same part of every member, so that a thread meets the memory that it wrote in the step before, and the rows of a
  // gradient that it made. (No result depends on where the blocks are cut.)
  void share_out() {
    const int64_t threads = ThreadPool::shared().threads();
    const double tasks_of_thread = cost_ns_ / static_cast<double>(threads) / kTaskNs;
    const int64_t tasks = cost_ns_ < kAloneNs ? 1 : threads * std::clamp(static_cast<int64_t>(tasks_of_thread), int64_t{1}, kMostTasks);
    tasks_.resize(static_cast<size_t>(tasks));
    std::vector<double> filled(tasks_.size());
    const auto give = [&](int64_t task, size_t member, int64_t first, int64_t last) {
      if (first == last) return;
      tasks_[static_cast<size_t>(task)].push_back({member, first, last});
      filled[static_cast<size_t>(task)] += members_[member].machine.plan().block_ns * static_cast<double>(last - first);
    };
    for (size_t m = 0; m < members_.size(); ++m) {
      const int64_t blocks = members_[m].machine.plan().blocks.count;
      if (blocks < tasks) {
        for (int64_t b = 0; b < blocks; ++b) give(std::min_element(filled.begin(), filled.end()) - filled.begin(), m, b, b + 1);
      } else {
        for (int64_t t = 0; t < tasks; ++t) give(t, m, blocks * t / tasks, blocks * (t + 1) / tasks);
      }
    }
  }

  double cost_ns() const { return cost_ns_; }
  const std::vector<std::pair<int, int>>& in_place() const { return in_place_; }

  void run(const Buffers& buffers) const {
    const auto run_task = [&](int64_t t) {
      for (const Piece& piece : tasks_[static_cast<size_t>(t)]) {
        const Member& member = members_[piece.member];
        member.machine.run_blocks({buffers.in + member.first_input, buffers.out + member.first_output, nullptr}, piece.first, piece.last);
      }
    };
    if (tasks_.size() == 1) {
      run_task(0);
    } else {
      ThreadPool::shared().parallel(static_cast<int64_t>(tasks_.size()), run_task);
    }
  }

 private:
  struct Member {
    Machine machine;
    int first_input, first_output;
  };
  struct Piece {
    size_t member;
    int64_t first, last;  // blocks
  };

  std::vector<Member> members_;
  std::vector<std::vector<Piece>> tasks_;
  std::vector<std::pair<int, int>> in_place_;
  double cost_ns_ = 0;
};

Prepared prepared_group(Group group) {
  group.share_out();
  const auto shared = std::make_shared<const Group>(std::move(group));
  Prepared prepared;
  prepared.launch = [shared](const Buffers& buffers) { shared->run(buffers); };
  prepared.cost_ns = shared->cost_ns();
  prepared.in_place = shared->in_place();
  return prepared;
}

}  // namespace

Prepared prepare_program(const ElementwiseProgram& program, Isa isa) {
  Group group;
  group.add(plan_program(program, isa), 0, 0);
  return prepared_group(std::move(group));
}

bool prepare_elementwise(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op == "fused.elementwise") {
    const auto& program = static_cast<const ElementwiseProgram&>(*node.fused);
    prepared = prepare_program(program, chosen_isa());
    prepared.note = std::to_string(program.code.size()) + " instructions in one pass";
    return true;
  }
  if (node.op == "fused.elementwiseGroup") {
    Group group;
    size_t instructions = 0;
    const auto& members = static_cast<const ElementwiseGroup&>(*node.fused).members;
    for (const auto& member : members) {
      group.add(plan_program(*member.program, chosen_isa()), member.first_input, member.first_output);
      instructions += member.program->code.size();
    }
    prepared = prepared_group(std::move(group));
    prepared.note = std::to_string(members.size()) + " programs, " + std::to_string(instructions) + " instructions in one pass";
    return true;
  }
  const auto program = program_of(graph, node);
  if (!program) return false;
  prepared = prepare_program(*program, chosen_isa());
  return true;
}

}  // namespace flaxen::cpu
