// threefry2x32 against the test vectors of the Random123 distribution and a plain loop.
#include "cpu/random_kernels.h"
#include "op_check.h"

using namespace flaxen;
using namespace flaxen::cpu;
using namespace flaxen::test;

namespace {

void reference(uint32_t k0, uint32_t k1, uint32_t& x0, uint32_t& x1) {
  static const int rotations[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
  const uint32_t k[3] = {k0, k1, k0 ^ k1 ^ 0x1bd11bdau};
  x0 += k[0];
  x1 += k[1];
  for (uint32_t i = 0; i < 5; ++i) {
    for (int r : rotations[i & 1]) {
      x0 += x1;
      x1 = (x1 << r | x1 >> (32 - r)) ^ x0;
    }
    x0 += k[(i + 1) % 3];
    x1 += k[(i + 2) % 3] + i + 1;
  }
}

Array words(const std::vector<uint32_t>& values) {
  return filled(DType::u32, {static_cast<int64_t>(values.size())}, [&](int64_t i) { return values[static_cast<size_t>(i)]; });
}

}  // namespace

int main() {
  const uint32_t known[][6] = {{0, 0, 0, 0, 0x6b200159, 0x99ba4efe},
                               {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7},
                               {0x13198a2e, 0x03707344, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0}};
  for (const auto& k : known) {
    const Array key = words({k[0], k[1]}), x0 = words({k[2]}), x1 = words({k[3]});
    const std::vector<Array> y = run_op("threefry2x32", {&key, &x0, &x1}, {}, {x0.aval, x1.aval});
    check(y[0].at(0) == k[4] && y[1].at(0) == k[5], "a test vector of Random123");
  }
  for (int64_t n : {0, 1, 3, 16, 17, 1000, 40001}) {
    std::mt19937 engine(static_cast<uint32_t>(n));
    const Array key = filled(DType::u32, {2}, [&](int64_t) { return engine(); });
    const Array x0 = filled(
                    DType::u32, {n}, [&](int64_t) { return engine(); }, 1),
                x1 = filled(
                    DType::u32, {n}, [&](int64_t) { return engine(); }, 1);
    const std::vector<Array> y = run_op("threefry2x32", {&key, &x0, &x1}, {}, {x0.aval, x1.aval}, 1);
    for (int64_t i = 0; i < n; ++i) {
      uint32_t a = x0.data<uint32_t>()[i], b = x1.data<uint32_t>()[i];
      reference(key.data<uint32_t>()[0], key.data<uint32_t>()[1], a, b);
      check(y[0].data<uint32_t>()[i] == a && y[1].data<uint32_t>()[i] == b, "block " + std::to_string(i) + " of " + std::to_string(n));
    }
    for (Isa isa : runnable_isas()) {
      Array a(DType::u32, {n}), b(DType::u32, {n});
      random_table(isa).threefry2x32(a.data<uint32_t>(), b.data<uint32_t>(), key.data<uint32_t>(), x0.data<uint32_t>(), x1.data<uint32_t>(),
                                     n);
      check(a.same_as(y[0]) && b.same_as(y[1]) && a.intact() && b.intact(), std::string("threefry2x32 differs on ") + name_of(isa));
    }
  }
  return report("random");
}
