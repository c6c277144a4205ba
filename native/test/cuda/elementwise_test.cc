// The interpreter kernel against the CPU's kernels, bit for bit: every operation on every dtype, loads of all kinds, several arrays at
// once.
#include "cpu/elementwise.h"

#include "cuda/adam_program.h"
#include "cuda/device_op.h"
#include "cuda/elementwise_encode.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

constexpr DType kAll[] = {DType::f32, DType::i32, DType::u32, DType::boolean};

// Runs on the device and on the CPU.
void compare(const ElementwiseProgram& program, const std::vector<const Array*>& inputs, const std::string& what, double tolerance = 0,
             Effort effort = Effort::usual, int64_t skew = 0) {
  std::vector<Aval> avals;
  for (int32_t v : program.stores) avals.push_back({program.dtype_of(v), program.shape});
  const std::vector<Array> wanted = run_prepared(cpu::prepare_program(program, cpu::chosen_isa()), inputs, avals, what);
  const FlaxenElementwiseCode code = cuda::encode(program, static_cast<int>(inputs.size()));
  on_schedules(
      [&] {
        std::vector<Bytes> arrays;
        std::vector<void*> pointers;
        for (const Array* a : inputs) arrays.push_back(upload(*a, a->aval.dtype == DType::boolean ? skew : 4 * skew));
        for (const Aval& a : avals) arrays.emplace_back(static_cast<int64_t>(a.bytes()), a.dtype == DType::boolean ? skew : 4 * skew);
        for (const Bytes& a : arrays) pointers.push_back(a.data());
        const FlaxenElementwiseSegment all{0, count(program.shape)};
        check_call(flaxen_cuda_elementwise(&device(), 1, &code, 1, &all, pointers.data()), what);
        for (size_t o = 0; o < avals.size(); ++o) check_same(download(arrays[inputs.size() + o], avals[o]), wanted[o], tolerance, what);
      },
      what, effort);
}

ElementwiseProgram single(Opcode op, const std::vector<DType>& from, DType to, const Shape& shape) {
  ElementwiseProgram p;
  p.shape = shape;
  ElementwiseProgram::Instruction instruction{op, to, {}};
  for (size_t i = 0; i < from.size(); ++i) {
    p.loads.push_back({static_cast<int32_t>(i), from[i], dense_strides(shape)});
    instruction.args[i] = static_cast<int32_t>(i);
  }
  p.code = {instruction};
  p.stores = {p.first_result()};
  return p;
}

// Special values first, then numbers over all magnitudes.
Array interesting(DType dtype, uint32_t seed, bool moderate = false) {
  const float special[] = {
      0.0f,  -0.0f, 1.0f,   -1.0f,  0.5f,        INFINITY, -INFINITY, NAN,  1e-45f,     -1e-40f,       1.17549435e-38f, 3.4028235e38f,
      88.5f, 89.0f, -88.0f, -104.f, 0.41421354f, 0.625f,   -2.5f,     2.5f, 16777217.f, 2147483648.0f, -2147483648.0f,  4294967296.0f};
  const uint32_t integers[] = {0, 1, 2, 31, 32, 33, 0x7fffffff, 0x80000000, 0x80000001, 0xffffffff};
  std::mt19937 engine(seed_base + seed);
  const int64_t n = 331;
  Array a(dtype, {n});
  for (int64_t i = 0; i < n; ++i) {
    const uint32_t r = engine();
    if (dtype == DType::boolean) {
      a.data<uint8_t>()[i] = r & 1;
    } else if (dtype == DType::f32) {
      float x = i < 150 || moderate ? (static_cast<float>(r) / 2147483648.0f - 1) * 12.0f : 0.0f;
      if (i >= 150 && !moderate) std::memcpy(&x, &r, sizeof x);
      const uint32_t pick = engine() % 3;
      if (!moderate && pick == 0) x = special[engine() % std::size(special)];
      a.data<float>()[i] = x;
    } else {
      a.data<uint32_t>()[i] = r % 3 == 0 ? integers[engine() % std::size(integers)] : r % 3 == 1 ? engine() : engine() % 40;
    }
  }
  return a;
}

const Opcode kFloatUnary[] = {Opcode::neg,  Opcode::abs,      Opcode::sign, Opcode::floor,  Opcode::ceil, Opcode::round,
                              Opcode::exp,  Opcode::expm1,    Opcode::log,  Opcode::log1p,  Opcode::sqrt, Opcode::rsqrt,
                              Opcode::tanh, Opcode::logistic, Opcode::erf,  Opcode::erf_inv};
const Opcode kFloatBinary[] = {Opcode::add, Opcode::sub, Opcode::mul, Opcode::div, Opcode::rem, Opcode::max, Opcode::min};
const Opcode kComparisons[] = {Opcode::eq, Opcode::ne, Opcode::lt, Opcode::le, Opcode::gt, Opcode::ge};

void test_operations() {
  const auto name = [](Opcode op, DType t) { return std::string(name_of(op)) + " " + name_of(t); };
  const auto unary = [&](Opcode op, DType from, DType to, double tolerance = 0, bool moderate = false) {
    const Array x = interesting(from, 17, moderate);
    compare(single(op, {from}, to, x.aval.shape), {&x}, name(op, from) + " to " + name_of(to), tolerance);
  };
  const auto binary = [&](Opcode op, DType from, DType to, double tolerance = 0) {
    const Array x = interesting(from, 5), y = interesting(from, 23);
    compare(single(op, {from, from}, to, x.aval.shape), {&x, &y}, name(op, from), tolerance);
  };
  for (Opcode op : kFloatUnary) unary(op, DType::f32, DType::f32);
  // Past 1e5 the CPU asks its libm, the device CUDA's sinf.
  for (Opcode op : {Opcode::sin, Opcode::cos}) {
    unary(op, DType::f32, DType::f32, 2e-7);
    unary(op, DType::f32, DType::f32, 0, true);
  }
  unary(Opcode::is_finite, DType::f32, DType::boolean);
  for (DType t : {DType::i32, DType::u32}) {
    for (Opcode op : {Opcode::neg, Opcode::abs, Opcode::sign, Opcode::negation}) unary(op, t, t);
    for (Opcode op : {Opcode::add, Opcode::sub, Opcode::mul, Opcode::div, Opcode::rem, Opcode::max, Opcode::min, Opcode::conjunction,
                      Opcode::disjunction, Opcode::exclusive_or, Opcode::shift_left, Opcode::shift_right_logical}) {
      binary(op, t, t);
    }
  }
  unary(Opcode::negation, DType::boolean, DType::boolean);
  for (Opcode op : {Opcode::max, Opcode::min, Opcode::conjunction, Opcode::disjunction, Opcode::exclusive_or}) {
    binary(op, DType::boolean, DType::boolean);
  }
  for (Opcode op : kFloatBinary) binary(op, DType::f32, DType::f32);
  binary(Opcode::pow, DType::f32, DType::f32, 3e-7);
  for (DType t : kAll) {
    for (Opcode op : kComparisons) binary(op, t, DType::boolean);
    for (DType to : kAll) unary(Opcode::convert, t, to);
    const Array p = interesting(DType::boolean, 3), x = interesting(t, 29), y = interesting(t, 31);
    compare(single(Opcode::select, {DType::boolean, t, t}, t, x.aval.shape), {&p, &x, &y}, name(Opcode::select, t));
  }
  unary(Opcode::bitcast, DType::f32, DType::i32);
  const Array x = interesting(DType::f32, 37), y = interesting(DType::f32, 41), z = interesting(DType::f32, 43);
  compare(single(Opcode::fma, {DType::f32, DType::f32, DType::f32}, DType::f32, x.aval.shape), {&x, &y, &z}, "fma");
}

// Sizes about those of threads, warps and blocks, at every alignment.
void test_sizes() {
  for (int64_t n : {1, 3, 4, 31, 33, 127, 128, 129, 511, 512, 513, 2049, 5000}) {
    for (int64_t skew : {0, 1}) {
      const Array x = random_array(DType::f32, {n}, 1), y = random_array(DType::f32, {n}, 2);
      ElementwiseProgram p = single(Opcode::mul, {DType::f32, DType::f32}, DType::f32, {n});
      compare(p, {&x, &y}, "mul of " + std::to_string(n), 0, n == 513 ? Effort::thorough : Effort::usual, skew);
    }
  }
}

// (x * row + column - scalar) * 2, and the index, over odd shapes; both results stored, and one input as it came.
void test_loads() {
  const Shape shape{5, 3, 7, 11};
  const Array x = random_array(DType::f32, shape, 1), row = random_array(DType::f32, {11}, 2),
              column = random_array(DType::f32, {5, 3, 7}, 3);
  const Array scalar = random_array(DType::f32, {}, 4), mask = random_array(DType::boolean, {3, 1, 11}, 5);
  ElementwiseProgram p;
  p.shape = shape;
  p.loads = {{0, DType::f32, dense_strides(shape)}, {1, DType::f32, {0, 0, 0, 1}},
             {2, DType::f32, {21, 7, 1, 0}},        {3, DType::f32, {0, 0, 0, 0}},
             {4, DType::boolean, {0, 11, 0, 1}},    {ElementwiseProgram::kIota, DType::f32, {0, 0, 1, 0}},
             {0, DType::f32, {231, 77, 0, 1}}};
  p.constants = {{DType::f32, 0x40000000}};
  const int32_t c = p.first_constant(), r = p.first_result();
  p.code = {{Opcode::fma, DType::f32, {0, 1, 2}},
            {Opcode::sub, DType::f32, {r, 3, 0}},
            {Opcode::mul, DType::f32, {r + 1, c, 0}},
            {Opcode::select, DType::f32, {4, r + 2, 5}},
            {Opcode::add, DType::f32, {r + 3, 6, 0}}};
  p.stores = {r + 4, r + 2, 0, c};
  compare(p, {&x, &row, &column, &scalar, &mask}, "loads", 0, Effort::thorough);
}

// A chain that keeps many values alive, so that the block shrinks to hold them.
void test_many_registers() {
  for (int alive : {10, 40, 60}) {
    const Array x = random_array(DType::f32, {1000}, 1);
    ElementwiseProgram p;
    p.shape = {1000};
    p.loads = {{0, DType::f32, {1}}};
    const int32_t r = p.first_result();
    for (int i = 0; i < alive / 2; ++i) p.code.push_back({Opcode::add, DType::f32, {i == 0 ? 0 : r + i - 1, 0, 0}});
    for (int i = 0; i < alive / 2; ++i)
      p.code.push_back({Opcode::mul, DType::f32, {r + static_cast<int32_t>(p.code.size()) - 1, r + i, 0}});
    p.stores = {r + static_cast<int32_t>(p.code.size()) - 1};
    compare(p, {&x}, std::to_string(alive) + " values");
  }
}

// Adam over the leaves of a tree in one launch, against float64.
void test_adam() {
  const std::vector<int64_t> sizes{1, 12, 4, 0, 640, 33, 128, 7, 256 * 5};
  const FlaxenElementwiseCode code = cuda::encode(adam_program(), 5);
  on_schedules(
      [&] {
        const DeviceArray<float> rate(std::vector<float>{0.01f});
        std::vector<DeviceArray<float>> arrays;
        std::vector<void*> pointers;
        for (size_t s = 0; s < sizes.size(); ++s) {
          const auto seed = static_cast<uint32_t>(10 * s);
          for (uint32_t k = 0; k < 3; ++k) arrays.emplace_back(random_values(sizes[s], seed + k));
          arrays.emplace_back(random_values(sizes[s], seed + 3, 2));
          const size_t first = arrays.size() - 4;
          for (size_t k = 0; k < 4; ++k) pointers.push_back(arrays[first + k].data());
          pointers.push_back(rate.data());
          for (size_t k : {0, 2, 3}) pointers.push_back(arrays[first + k].data());  // in place
        }
        const std::vector<FlaxenElementwiseSegment> segments = segments_of(sizes);
        const int launches = launches_of([&] {
          check_call(flaxen_cuda_elementwise(&device(), 1, &code, static_cast<int>(sizes.size()), segments.data(), pointers.data()),
                     "adam");
        });
        check(launches == 1, "a whole tree is updated by one launch, not " + std::to_string(launches));
        for (size_t s = 0; s < sizes.size(); ++s) {
          const auto seed = static_cast<uint32_t>(10 * s);
          const auto p0 = random_values(sizes[s], seed), g = random_values(sizes[s], seed + 1), m0 = random_values(sizes[s], seed + 2),
                     v0 = random_values(sizes[s], seed + 3, 2);
          std::vector<double> p1, m1, v1;
          for (size_t i = 0; i < p0.size(); ++i) {
            const double gi = static_cast<double>(g[i]);
            m1.push_back(0.9 * static_cast<double>(m0[i]) + 0.1 * gi);
            v1.push_back(0.999 * static_cast<double>(v0[i]) + 0.001 * gi * gi);
            p1.push_back(static_cast<double>(p0[i]) - 0.01 * m1.back() / (std::sqrt(v1.back()) + 1e-8));
          }
          const std::string what = "adam, leaf " + std::to_string(s);
          check_close(arrays[4 * s].read(), p1, 1e-6, what);
          check_close(arrays[4 * s + 2].read(), m1, 1e-6, what);
          check_close(arrays[4 * s + 3].read(), v1, 1e-6, what);
        }
      },
      "adam", Effort::thorough);
}

// Momentum and weights of a tree of three leaves: as much of SGD as is elementwise, in one launch too.
void test_sgd() {
  const std::vector<int64_t> sizes{33, 1, 400};
  ElementwiseProgram p;
  p.shape = {400};
  for (int32_t i = 0; i < 3; ++i) p.loads.push_back({i, DType::f32, {1}});  // p, g, trace
  for (float c : {0.9f, -0.05f}) {
    uint32_t bits;
    std::memcpy(&bits, &c, sizeof bits);
    p.constants.push_back({DType::f32, bits});
  }
  const int32_t r = p.first_result();
  p.code = {{Opcode::fma, DType::f32, {2, 3, 1}}, {Opcode::fma, DType::f32, {r, 4, 0}}};
  p.stores = {r + 1, r};
  const FlaxenElementwiseCode code = cuda::encode(p, 3);
  on_schedules(
      [&] {
        std::vector<DeviceArray<float>> arrays;
        std::vector<void*> pointers;
        for (size_t s = 0; s < sizes.size(); ++s) {
          for (uint32_t k = 0; k < 3; ++k) arrays.emplace_back(random_values(sizes[s], static_cast<uint32_t>(10 * s) + k));
          for (size_t k : {0, 1, 2, 0, 2}) pointers.push_back(arrays[3 * s + k].data());
        }
        const std::vector<FlaxenElementwiseSegment> segments = segments_of(sizes);
        const int launches = launches_of([&] {
          check_call(flaxen_cuda_elementwise(&device(), 1, &code, static_cast<int>(sizes.size()), segments.data(), pointers.data()), "sgd");
        });
        check(launches == 1, "a whole tree is updated by one launch, not " + std::to_string(launches));
        for (size_t s = 0; s < sizes.size(); ++s) {
          const auto seed = static_cast<uint32_t>(10 * s);
          const auto p0 = random_values(sizes[s], seed), g = random_values(sizes[s], seed + 1), t0 = random_values(sizes[s], seed + 2);
          std::vector<double> p1, t1;
          for (size_t i = 0; i < p0.size(); ++i) {
            t1.push_back(0.9 * static_cast<double>(t0[i]) + static_cast<double>(g[i]));
            p1.push_back(static_cast<double>(p0[i]) - 0.05 * t1.back());
          }
          check_close(arrays[3 * s].read(), p1, 1e-6, "sgd, leaf " + std::to_string(s));
          check_close(arrays[3 * s + 2].read(), t1, 1e-6, "sgd, trace of leaf " + std::to_string(s));
        }
      },
      "sgd");
}

// Ten programs, of which eight go together, over two sizes each, one of them with strided loads of its own shape.
void test_together() {
  struct Piece {
    ElementwiseProgram program;
    std::vector<Array> inputs;
    Array wanted;
  };
  std::vector<Piece> pieces;
  std::vector<FlaxenElementwiseCode> codes;
  std::vector<FlaxenElementwiseSegment> segments;
  const auto add = [&](const ElementwiseProgram& program, const std::vector<DType>& from) {
    const std::string what = "program " + std::to_string(codes.size());
    std::vector<Array> inputs;
    std::vector<const Array*> given;
    for (DType t : from) inputs.push_back(random_array(t, program.shape, static_cast<uint32_t>(pieces.size() + inputs.size())));
    for (const Array& a : inputs) given.push_back(&a);
    const Aval out{program.dtype_of(program.stores[0]), program.shape};
    Array wanted = std::move(run_prepared(cpu::prepare_program(program, cpu::chosen_isa()), given, {out}, what)[0]);
    segments.push_back({static_cast<int>(codes.size()) - 1, count(program.shape)});
    pieces.push_back({program, std::move(inputs), std::move(wanted)});
  };
  for (Opcode op : {Opcode::add, Opcode::sub, Opcode::mul, Opcode::div, Opcode::max, Opcode::min, Opcode::lt, Opcode::ge, Opcode::eq}) {
    const DType to = op < Opcode::eq ? DType::f32 : DType::boolean;
    codes.push_back(cuda::encode(single(op, {DType::f32, DType::f32}, to, {33}), 2));
    for (int64_t n : {33, 700}) add(single(op, {DType::f32, DType::f32}, to, {n}), {DType::f32, DType::f32});
  }
  ElementwiseProgram turned = single(Opcode::mul, {DType::f32, DType::f32}, DType::f32, {7, 7});
  turned.loads[1].strides = {1, 7};
  codes.push_back(cuda::encode(turned, 2));
  add(turned, {DType::f32, DType::f32});
  on_schedules(
      [&] {
        std::vector<Bytes> arrays;
        std::vector<void*> pointers;
        for (const Piece& p : pieces) {
          for (const Array& a : p.inputs) arrays.push_back(upload(a, 0));
          arrays.emplace_back(static_cast<int64_t>(p.wanted.aval.bytes()), 0);
        }
        for (const Bytes& a : arrays) pointers.push_back(a.data());
        const int launches = launches_of([&] {
          check_call(flaxen_cuda_elementwise(&device(), static_cast<int>(codes.size()), codes.data(), static_cast<int>(segments.size()),
                                             segments.data(), pointers.data()),
                     "together");
        });
        check(launches == 2, "ten programs are two launches, not " + std::to_string(launches));
        for (size_t p = 0; p < pieces.size(); ++p) {
          check_same(download(arrays[3 * p + 2], pieces[p].wanted.aval), pieces[p].wanted, 0, "together, array " + std::to_string(p));
        }
      },
      "together", Effort::thorough);
  segments.back().count = 48;
  check(flaxen_cuda_elementwise(&device(), static_cast<int>(codes.size()), codes.data(), 1, &segments.back(), nullptr) ==
            FLAXEN_CUDA_BAD_ARGUMENT,
        "strided loads of another size than their program's");
}

// Programs without inputs: a filled array, and indices along a dimension.
void test_creation() {
  for (DType t : kAll) {
    ElementwiseProgram p;
    p.shape = {3, 33, 5};
    p.constants = {{t, t == DType::boolean ? 1u : 0x40490fdbu}};
    p.stores = {p.first_constant()};
    compare(p, {}, std::string("full ") + name_of(t));
    if (t == DType::boolean) continue;
    ElementwiseProgram counting;
    counting.shape = {3, 33, 5};
    counting.loads = {{ElementwiseProgram::kIota, t, {0, 1, 0}}};
    counting.stores = {0};
    compare(counting, {}, std::string("iota ") + name_of(t));
  }
}

void test_refusals() {
  ElementwiseProgram p = single(Opcode::neg, {DType::f32}, DType::f32, {4});
  FlaxenElementwiseCode code = cuda::encode(p, 1);
  void* pointers[2] = {};
  const auto call = [&](FlaxenElementwiseSegment segment) { return flaxen_cuda_elementwise(&device(), 1, &code, 1, &segment, pointers); };
  check(call({0, -1}) == FLAXEN_CUDA_BAD_ARGUMENT, "a negative size");
  check(call({0, int64_t{1} << 31}) == FLAXEN_CUDA_TOO_LARGE, "2^31 elements");
  check(call({1, 4}) == FLAXEN_CUDA_BAD_ARGUMENT && call({-1, 4}) == FLAXEN_CUDA_BAD_ARGUMENT, "a program that is not there");
  code.instructions = 65;
  check(call({0, 4}) == FLAXEN_CUDA_BAD_ARGUMENT, "too many instructions");
}

const Family family("elementwise", [] {
  test_operations();
  test_sizes();
  test_loads();
  test_many_registers();
  test_adam();
  test_sgd();
  test_together();
  test_creation();
  test_refusals();
});

}  // namespace
