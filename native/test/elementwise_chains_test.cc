// Chains give the bits that their operations give one by one.
#include "cpu/elementwise_chains.h"

#include "cpu/elementwise.h"
#include "cpu/elementwise_plan.h"
#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

// Four dense inputs, two scalars and two constants; then instructions.
constexpr int32_t kDense = 4, kScalars = 2, kConstants = 2;

ElementwiseProgram operands_alone(const Shape& shape) {
  ElementwiseProgram p;
  p.shape = shape;
  for (int32_t i = 0; i < kDense + kScalars; ++i) {
    p.loads.push_back({i, DType::f32, i < kDense ? dense_strides(shape) : std::vector<int64_t>(shape.size(), 0)});
  }
  for (int32_t c = 0; c < kConstants; ++c) p.constants.push_back({DType::f32, constant_bits(c == 0 ? 0.9 : -1e-3, DType::f32)});
  return p;
}

class Writer {
 public:
  Writer(ElementwiseProgram& program, std::mt19937& random) : program_(program), random_(random) {}
  bool flip() { return random_() % 2 == 0; }
  int32_t dense() { return static_cast<int32_t>(random_() % kDense); }
  int32_t scalar() { return kDense + static_cast<int32_t>(random_() % (kScalars + kConstants)); }
  int32_t write(Opcode op, int32_t a, int32_t b = 0) {
    if (op != Opcode::div && flip()) std::swap(a, b);
    program_.code.push_back({op, DType::f32, op == Opcode::sqrt ? std::array{std::max(a, b), 0, 0} : std::array{a, b, 0}});
    return program_.values() - 1;
  }
  int32_t scaled() { return write(Opcode::mul, dense(), scalar()); }
  int32_t square() {
    const int32_t x = dense();
    return write(Opcode::mul, x, x);
  }
  // One of the expressions that optimizers have, or nearly one.
  int32_t expression() {
    switch (random_() % 5) {
      case 0:
        return write(Opcode::add, scaled(), scaled());
      case 1:
        return write(Opcode::add, write(Opcode::mul, square(), scalar()), scaled());
      case 2:
        return ratio();
      case 3:
        return write(Opcode::add, dense(), write(Opcode::mul, ratio(), scalar()));
      default:
        return write(Opcode::add, dense(), scaled());
    }
  }
  int32_t ratio() { return write(Opcode::div, scaled(), write(Opcode::add, write(Opcode::sqrt, scaled()), scalar())); }

 private:
  ElementwiseProgram& program_;
  std::mt19937& random_;
};

size_t count_chains(const ElementwisePlan& plan) {
  return static_cast<size_t>(std::count_if(plan.steps.begin(), plan.steps.end(), [](const Step& s) { return s.chain != nullptr; }));
}

// With every value stored nothing is chained.
void test_bits() {
  std::mt19937 random(11);
  size_t chained = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const Shape shape = trial % 3 ? Shape{1 + static_cast<int64_t>(random() % 2500)} : Shape{3, 200};
    ElementwiseProgram program = operands_alone(shape);
    Writer writer(program, random);
    std::vector<int32_t> results;
    for (int e = 0; e < 3; ++e) results.push_back(writer.expression());
    if (writer.flip()) results.push_back(writer.write(Opcode::add, results[0], results[1]));  // reads what is stored too
    ElementwiseProgram one_by_one = program;
    for (int32_t v = program.first_result(); v < program.values(); ++v) one_by_one.stores.push_back(v);
    program.stores = results;
    std::vector<Array> inputs;
    std::vector<const Array*> pointers;
    for (int32_t i = 0; i < kDense + kScalars; ++i) {
      inputs.push_back(filled(DType::f32, i < kDense ? shape : Shape(shape.size(), 1),
                              [&](int64_t) { return std::uniform_real_distribution<double>(-0.1, 2)(random); }));
    }
    for (const Array& input : inputs) pointers.push_back(&input);
    const auto avals = [&](size_t n) { return std::vector<Aval>(n, Aval{DType::f32, shape}); };
    for (Isa isa : runnable_isas()) {
      chained += count_chains(plan_program(program, isa));
      check(count_chains(plan_program(one_by_one, isa)) == 0, "a value that is stored is inside a chain");
      const std::string what = "trial " + std::to_string(trial) + " on " + name_of(isa);
      const auto fast = run_prepared(prepare_program(program, isa), pointers, avals(results.size()), what);
      const auto slow = run_prepared(prepare_program(one_by_one, isa), pointers, avals(one_by_one.stores.size()), what);
      for (size_t r = 0; r < results.size(); ++r) {
        check(fast[r].same_as(slow[static_cast<size_t>(results[r] - program.first_result())]), what + ": other bits in a chain");
      }
    }
  }
  check(chained > 300, "chains were found in few programs: " + std::to_string(chained));
}

// Adam is three steps, and every operand may be overwritten where Program lays a result over it.
void test_adam() {
  ElementwiseProgram p = operands_alone({5000});
  const auto add = [&](Opcode op, int32_t a, int32_t b = 0) {
    p.code.push_back({op, DType::f32, {a, b, 0}});
    return p.values() - 1;
  };
  const int32_t g = 0, m = 1, v = 2, w = 3, s = 4, t = 5, c = 6, d = 7;
  const int32_t mu = add(Opcode::add, add(Opcode::mul, g, c), add(Opcode::mul, m, c));
  const int32_t nu = add(Opcode::add, add(Opcode::mul, add(Opcode::mul, g, g), c), add(Opcode::mul, v, c));
  const int32_t root = add(Opcode::add, add(Opcode::sqrt, add(Opcode::mul, nu, t)), c);
  const int32_t next = add(Opcode::add, w, add(Opcode::mul, add(Opcode::div, add(Opcode::mul, mu, s), root), d));
  p.stores = {next, mu, nu};
  for (Isa isa : runnable_isas()) {
    const ElementwisePlan plan = plan_program(p, isa);
    check(plan.steps.size() == 3, "Adam takes " + std::to_string(plan.steps.size()) + " steps");
    for (const auto& pair : {std::pair(m, 1), std::pair(v, 2), std::pair(w, 0)}) {
      check(std::count(plan.in_place.begin(), plan.in_place.end(), std::pair<int, int>(pair)) == 1, "Adam works in place");
    }
  }
}

}  // namespace

int main() {
  test_bits();
  test_adam();
  return report("chains");
}
