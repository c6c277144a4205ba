#include "cpu/elementwise.h"

#include <algorithm>
#include <memory>

#include "cpu/elementwise_plan.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr double kTaskNs = 20000;  // what a task should take at least, so that sharing it out pays

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

class Machine {
 public:
  explicit Machine(ElementwisePlan plan) : plan_(std::move(plan)) {
    const int64_t blocks_per_task = std::max<int64_t>(1, static_cast<int64_t>(kTaskNs / plan_.block_ns));
    tasks_ = (plan_.blocks.count + blocks_per_task - 1) / blocks_per_task;
    blocks_per_task_ = tasks_ ? (plan_.blocks.count + tasks_ - 1) / tasks_ : 0;
  }

  double cost_ns() const { return 8 + static_cast<double>(plan_.blocks.count) * plan_.block_ns; }
  const ElementwisePlan& plan() const { return plan_; }

  void run(const Buffers& buffers) const {
    if (tasks_ <= 1) {
      run_blocks(buffers, 0, plan_.blocks.count);
      return;
    }
    ThreadPool::shared().parallel(tasks_, [&](int64_t task) {
      run_blocks(buffers, task * blocks_per_task_, std::min((task + 1) * blocks_per_task_, plan_.blocks.count));
    });
  }

 private:
  void run_blocks(const Buffers& buffers, int64_t first, int64_t last) const {
    if (first >= last) return;
    alignas(64) char registers[kRegisterFile];
    char* base[kMaxSlots];
    char* at[kMaxSlots];
    const size_t slots = plan_.slots.size();
    for (size_t s = 0; s < slots; ++s) at[s] = base[s] = address(plan_.slots[s], buffers, registers);
    const Blocks& b = plan_.blocks;
    const int64_t block = b.rows_per_block * b.cols_per_block;
    for (const Step& step : plan_.prologue) step.kernel(at[step.out], at[step.a], at[step.b], at[step.c], block);
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
      for (const Step& step : plan_.steps) step.kernel(at[step.out], at[step.a], at[step.b], at[step.c], rows * cols);
    }
  }

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
  int64_t tasks_ = 0, blocks_per_task_ = 0;
};

}  // namespace

Prepared prepare_program(const ElementwiseProgram& program, Isa isa) {
  const auto machine = std::make_shared<const Machine>(plan_program(program, isa));
  Prepared prepared;
  prepared.launch = [machine](const Buffers& buffers) { machine->run(buffers); };
  prepared.cost_ns = machine->cost_ns();
  prepared.in_place = machine->plan().in_place;
  return prepared;
}

bool prepare_elementwise(const Graph& graph, const Node& node, Prepared& prepared) {
  if (node.op == "fused.elementwise") {
    const auto& program = static_cast<const ElementwiseProgram&>(*node.fused);
    prepared = prepare_program(program, chosen_isa());
    prepared.note = std::to_string(program.code.size()) + " instructions in one pass";
    return true;
  }
  const auto program = program_of(graph, node);
  if (!program) return false;
  prepared = prepare_program(*program, chosen_isa());
  return true;
}

}  // namespace flaxen::cpu
