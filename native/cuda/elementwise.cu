// Elementwise programs by an interpreter: one pass over memory, whatever the program.
//
// Moves each input and output once: for Adam 7 x 4 bytes an element (p, g, m, v in; p, m, v out), for about 15 operations.
// A thread computes 4 consecutive elements, so that loads, stores and register accesses are 16 bytes wide and the decoding of an
// instruction is shared by 4. Registers of the program live in shared memory, register r of thread t at [r][t]: no conflicts, and no
// barrier, as each thread touches its own alone. The program is a kernel parameter: it is read through the constant cache, the same word by
// the whole warp. An instruction costs a warp about 30 issue slots and 3 shared accesses of 16 bytes for 128 elements; an H100 moves a
// float of traffic in the time of three such instructions, so that programs are bound by memory up to that ratio. Functions with long code
// run element after element in a loop, which keeps the kernel's own registers few. Shared memory: 16 bytes x threads x registers
// of the program: 128 threads up to 23 registers, then 64, then 32. One launch takes several programs and many arrays, such as all that a
// train step updates at its end: a block runs one program over a part of one array.
// By ptxas 31 to 45 registers, 48256 bytes of shared memory.
#include "cuda/elementwise_code.h"
#include "cuda/elementwise_operations.cuh"
#include "cuda/launch.cuh"

namespace flaxen::cuda {

constexpr int kPrograms = 8, kSegments = 64, kPointers = 256;  // of one launch
constexpr int kWidth = 4;

// Of a launch of at most so many programs: one alone need not carry room for others.
template <int programs>
struct ElementwiseArguments {
  int segments;
  uint32_t tiles_per_block;
  uint32_t first_block[kSegments + 1];
  uint32_t count[kSegments];
  uint16_t program[kSegments], first_pointer[kSegments];
  void* pointer[kPointers];
  FlaxenElementwiseCode code[programs];
};
static_assert(sizeof(ElementwiseArguments<kPrograms>) <= 32764, "what a kernel's parameters may take");

namespace {

// The memory of one array: 4 elements from index i on, of which `left` exist.
FLAXEN_DEVICE uint4 load_dense(const void* p, int type, uint32_t i, uint32_t left) {
  uint4 v = make_uint4(0, 0, 0, 0);
  if (type == FLAXEN_CUDA_BOOL) {
    const uint8_t* from = static_cast<const uint8_t*>(p) + i;
    if (left > 0) v.x = from[0];
    if (left > 1) v.y = from[1];
    if (left > 2) v.z = from[2];
    if (left > 3) v.w = from[3];
    return v;
  }
  const uint32_t* from = static_cast<const uint32_t*>(p) + i;
  if (left >= kWidth && (reinterpret_cast<uintptr_t>(p) & 15) == 0) return *reinterpret_cast<const uint4*>(from);
  if (left > 0) v.x = from[0];
  if (left > 1) v.y = from[1];
  if (left > 2) v.z = from[2];
  if (left > 3) v.w = from[3];
  return v;
}

FLAXEN_DEVICE void store_dense(void* p, int type, uint32_t i, uint32_t left, uint4 v) {
  if (type == FLAXEN_CUDA_BOOL) {
    uint8_t* to = static_cast<uint8_t*>(p) + i;
    if (left > 0) to[0] = static_cast<uint8_t>(v.x);
    if (left > 1) to[1] = static_cast<uint8_t>(v.y);
    if (left > 2) to[2] = static_cast<uint8_t>(v.z);
    if (left > 3) to[3] = static_cast<uint8_t>(v.w);
    return;
  }
  uint32_t* to = static_cast<uint32_t*>(p) + i;
  if (left >= kWidth && (reinterpret_cast<uintptr_t>(p) & 15) == 0) {
    *reinterpret_cast<uint4*>(to) = v;
    return;
  }
  if (left > 0) to[0] = v.x;
  if (left > 1) to[1] = v.y;
  if (left > 2) to[2] = v.z;
  if (left > 3) to[3] = v.w;
}

FLAXEN_DEVICE uint32_t load_one(const void* p, int type, int64_t i) {
  return type == FLAXEN_CUDA_BOOL ? static_cast<const uint8_t*>(p)[i] : static_cast<const uint32_t*>(p)[i];
}

// A strided load, or an iota, of one element.
FLAXEN_DEVICE uint32_t load_at(const FlaxenElementwiseCode& code, int l, const void* p, uint32_t i) {
  int64_t offset = 0;
  for (int d = code.rank - 1; d >= 0; --d) {
    const uint32_t next = i / code.shape[d];
    offset += static_cast<int64_t>(i - next * code.shape[d]) * code.stride[l][d];
    i = next;
  }
  if (code.load[l].kind == FLAXEN_LOAD_STRIDED) return load_one(p, code.load[l].type, offset);
  return convert(static_cast<uint32_t>(offset), FLAXEN_CUDA_I32, code.load[l].type);
}

// The operands of one thread.
struct Operands {
  uint32_t* registers;  // the thread's 4 words of register 0
  int stride;           // words from a register to the next
  const uint32_t* scalars;
  const FlaxenElementwiseCode* code;

  FLAXEN_DEVICE uint32_t uniform(int operand) const {
    return operand < FLAXEN_ELEMENTWISE_FIRST_SCALAR ? code->constant[operand - FLAXEN_ELEMENTWISE_FIRST_CONSTANT]
                                                     : scalars[operand - FLAXEN_ELEMENTWISE_FIRST_SCALAR];
  }
  FLAXEN_DEVICE uint4 get(int operand) const {
    if (operand < FLAXEN_ELEMENTWISE_FIRST_CONSTANT) return *reinterpret_cast<const uint4*>(registers + operand * stride);
    const uint32_t v = uniform(operand);
    return make_uint4(v, v, v, v);
  }
  FLAXEN_DEVICE uint32_t get_one(int operand, int element) const {
    return operand < FLAXEN_ELEMENTWISE_FIRST_CONSTANT ? registers[operand * stride + element] : uniform(operand);
  }
  FLAXEN_DEVICE void set(int reg, uint4 v) const { *reinterpret_cast<uint4*>(registers + reg * stride) = v; }
};

FLAXEN_DEVICE void carry_out(const FlaxenElementwiseInstruction& i, const Operands& operands) {
  const Opcode op = static_cast<Opcode>(i.op);
  if (is_long(op, i.from)) {
    const bool binary = op == Opcode::pow || op == Opcode::rem;
#pragma unroll 1
    for (int e = 0; e < kWidth; ++e) {
      const uint32_t a = operands.get_one(i.a, e), b = binary ? operands.get_one(i.b, e) : 0;
      operands.registers[i.result * operands.stride + e] = long_function(op, a, b);
    }
    return;
  }
  const uint4 a = operands.get(i.a);
  if (op < Opcode::add) return operands.set(i.result, one_operand(op, i.from, i.type, a));
  const uint4 b = operands.get(i.b);
  if (op < Opcode::select) return operands.set(i.result, two_operands(op, i.from, a, b));
  const uint4 c = operands.get(i.c);
  if (op == Opcode::select) {
    operands.set(i.result, map(a, b, c, [](uint32_t p, uint32_t x, uint32_t y) { return p ? x : y; }));
  } else {
    operands.set(i.result, map(a, b, c, [](uint32_t x, uint32_t y, uint32_t z) { return u(fmaf(f(x), f(y), f(z))); }));
  }
}

}  // namespace

template <int programs>
__global__ void __launch_bounds__(128) elementwise_program(const __grid_constant__ ElementwiseArguments<programs> arguments) {
  FLAXEN_DYNAMIC_SHARED(memory);
  FLAXEN_SHARED(uint32_t, scalars, [FLAXEN_ELEMENTWISE_ARRAYS]);
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x);
  int segment = 0;
  while (segment + 1 < arguments.segments && blockIdx.x >= arguments.first_block[segment + 1]) ++segment;
  const FlaxenElementwiseCode& code = arguments.code[programs > 1 ? arguments.program[segment] : 0];
  const uint32_t count = arguments.count[segment];
  void* const* pointer = arguments.pointer + arguments.first_pointer[segment];

  for (int l = thread; l < code.loads; l += threads) {
    const FlaxenElementwiseLoad load = code.load[l];
    if (load.kind == FLAXEN_LOAD_SCALAR) scalars[load.place] = load_one(pointer[load.input], load.type, 0);
  }
  __syncthreads();

  const Operands operands{reinterpret_cast<uint32_t*>(memory) + thread * kWidth, threads * kWidth, scalars, &code};
  const uint32_t first_tile = (blockIdx.x - arguments.first_block[segment]) * arguments.tiles_per_block;
  for (uint32_t tile = first_tile; tile < first_tile + arguments.tiles_per_block; ++tile) {
    const uint32_t i = (tile * static_cast<uint32_t>(threads) + static_cast<uint32_t>(thread)) * kWidth;
    if (i >= count) return;
    const uint32_t left = count - i;
    for (int l = 0; l < code.loads; ++l) {
      const FlaxenElementwiseLoad load = code.load[l];
      if (load.kind == FLAXEN_LOAD_DENSE) {
        operands.set(load.place, load_dense(pointer[load.input], load.type, i, left));
      } else if (load.kind != FLAXEN_LOAD_SCALAR) {
#pragma unroll 1
        for (uint32_t e = 0; e < kWidth; ++e) {
          operands.registers[load.place * operands.stride + static_cast<int>(e)] =
              e < left ? load_at(code, l, pointer[load.input], i + e) : 0;
        }
      }
    }
    for (int k = 0; k < code.instructions; ++k) carry_out(code.code[k], operands);
    for (int k = 0; k < code.stores; ++k) {
      store_dense(pointer[code.inputs + k], code.store[k].type, i, left, operands.get(code.store[k].operand));
    }
  }
}

namespace {

bool valid(const FlaxenElementwiseCode& code) {
  const auto within = [](int n, int limit) { return n >= 0 && n <= limit; };
  return within(code.loads, FLAXEN_ELEMENTWISE_ARRAYS) && within(code.stores, FLAXEN_ELEMENTWISE_ARRAYS) &&
         within(code.inputs + code.stores, FLAXEN_ELEMENTWISE_ARRAYS) && within(code.constants, FLAXEN_ELEMENTWISE_CONSTANTS) &&
         within(code.instructions, FLAXEN_ELEMENTWISE_INSTRUCTIONS) && within(code.registers, FLAXEN_ELEMENTWISE_REGISTERS) &&
         within(code.rank, FLAXEN_ELEMENTWISE_RANK) && code.stores > 0;
}

// Strided loads find their places by the program's own shape.
bool fits(const FlaxenElementwiseCode& code, int64_t count) {
  bool strided = false;
  for (int l = 0; l < code.loads; ++l) strided |= code.load[l].kind == FLAXEN_LOAD_STRIDED || code.load[l].kind == FLAXEN_LOAD_IOTA;
  int64_t elements = 1;
  for (int d = 0; d < code.rank; ++d) elements *= code.shape[d];
  return !strided || count == elements;
}

constexpr size_t kSharedBytes = 47 * 1024;

int threads_for(int registers) {
  int threads = 128;
  while (threads > 32 && static_cast<size_t>(registers * threads) * 16 > kSharedBytes) threads /= 2;
  return threads;
}

// Collects segments and launches them when no more fit.
template <int programs>
class ElementwiseLaunches {
 public:
  ElementwiseLaunches(const FlaxenCudaDevice& device, const FlaxenElementwiseCode* code, int registers, int64_t tiles)
      : device_(device), code_(code), threads_(threads_for(registers)), shared_(static_cast<size_t>(registers * threads_) * 16) {
    // Few blocks with many tiles each start fewer threads; many blocks fill the device.
    arguments_.tiles_per_block = tiles > int64_t{64} * device.processors ? 4 : 1;
  }

  int add(int program, int64_t count, void* const* pointers) {
    const FlaxenElementwiseCode& code = code_[program];
    const int arrays = code.inputs + code.stores;
    int slot = slot_of(program);
    if (arguments_.segments == kSegments || pointers_ + arrays > kPointers || slot == programs) {
      if (const int error = flush()) return error;
      slot = 0;
    }
    if (slot == used_) {
      programs_[used_++] = program;
      arguments_.code[slot] = code;
    }
    const int at = arguments_.segments++;
    arguments_.first_block[at] = blocks_;
    arguments_.count[at] = static_cast<uint32_t>(count);
    arguments_.program[at] = static_cast<uint16_t>(slot);
    arguments_.first_pointer[at] = static_cast<uint16_t>(pointers_);
    for (int p = 0; p < arrays; ++p) arguments_.pointer[pointers_++] = pointers[p];
    blocks_ += static_cast<uint32_t>(ceil_div(count, int64_t{threads_} * kWidth * arguments_.tiles_per_block));
    return 0;
  }

  int flush() {
    if (arguments_.segments == 0) return 0;
    const Shape shape{dim3(blocks_), dim3(static_cast<unsigned>(threads_)), shared_};
    const int error = launch(device_, shape, elementwise_program<programs>, arguments_);
    arguments_.segments = used_ = pointers_ = 0;
    blocks_ = 0;
    return error;
  }

 private:
  // Where the launch has a program, or would have it.
  int slot_of(int program) const {
    int slot = 0;
    while (slot < used_ && programs_[slot] != program) ++slot;
    return slot;
  }

  const FlaxenCudaDevice& device_;
  const FlaxenElementwiseCode* code_;
  const int threads_;
  const size_t shared_;
  ElementwiseArguments<programs> arguments_{};
  int programs_[programs] = {}, used_ = 0, pointers_ = 0;
  uint32_t blocks_ = 0;
};

template <int programs>
int launch_all(const FlaxenCudaDevice& device, const FlaxenElementwiseCode* code, int registers, int64_t tiles, int segments,
               const FlaxenElementwiseSegment* segment, void* const* pointers) {
  ElementwiseLaunches<programs> launches(device, code, registers, tiles);
  for (int s = 0; s < segments; ++s) {
    if (segment[s].count > 0) {
      if (const int error = launches.add(segment[s].program, segment[s].count, pointers)) return error;
    }
    pointers += code[segment[s].program].inputs + code[segment[s].program].stores;
  }
  return launches.flush();
}

}  // namespace

}  // namespace flaxen::cuda

extern "C" int flaxen_cuda_elementwise(const FlaxenCudaDevice* device, int programs, const FlaxenElementwiseCode* code, int segments,
                                       const FlaxenElementwiseSegment* segment, void* const* pointers) {
  using namespace flaxen::cuda;
  if (programs < 1 || segments < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
  int registers = 0;
  for (int p = 0; p < programs; ++p) {
    if (!valid(code[p])) return FLAXEN_CUDA_BAD_ARGUMENT;
    if (code[p].registers > registers) registers = code[p].registers;
  }
  int64_t tiles = 0;
  for (int s = 0; s < segments; ++s) {
    const auto [program, count] = segment[s];
    if (program < 0 || program >= programs || count < 0) return FLAXEN_CUDA_BAD_ARGUMENT;
    if (count >= kMostElements) return FLAXEN_CUDA_TOO_LARGE;
    if (!fits(code[program], count)) return FLAXEN_CUDA_BAD_ARGUMENT;
    tiles += ceil_div(count, int64_t{threads_for(registers)} * kWidth);
  }
  const auto run = programs == 1 ? launch_all<1> : launch_all<kPrograms>;
  return run(*device, code, registers, tiles, segments, segment, pointers);
}
