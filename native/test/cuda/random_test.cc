// Threefry-2x32: the known answers that its authors publish with Random123, and the CPU's bits.
#include "cpu/random_kernels.h"
#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

using Words = std::vector<uint32_t>;

void known_answer(const Words& key, uint32_t x0, uint32_t x1, uint32_t y0, uint32_t y1) {
  on_schedules(
      [&] {
        const DeviceArray<uint32_t> k(key), a(Words{x0}), b(Words{x1});
        check_call(flaxen_cuda_threefry2x32(&device(), 1, k.data(), a.data(), b.data(), a.data(), b.data()), "threefry");
        check(a.read()[0] == y0 && b.read()[0] == y1, "a known answer of threefry, in place");
      },
      "threefry");
}

void as_on_cpu(int64_t n) {
  std::mt19937 source(static_cast<uint32_t>(n));
  const auto engine = [&] { return static_cast<uint32_t>(source()); };
  Words x0, x1, y0(static_cast<size_t>(n)), y1(static_cast<size_t>(n));
  const Words key{engine(), engine()};
  for (int64_t i = 0; i < n; ++i) {
    x0.push_back(engine());
    x1.push_back(engine());
  }
  flaxen::cpu::random_table(flaxen::cpu::chosen_isa()).threefry2x32(y0.data(), y1.data(), key.data(), x0.data(), x1.data(), n);
  on_schedules(
      [&] {
        const DeviceArray<uint32_t> k(key), a(x0), b(x1), c(n), d(n);
        check_call(flaxen_cuda_threefry2x32(&device(), n, k.data(), a.data(), b.data(), c.data(), d.data()), "threefry");
        check(c.read() == y0 && d.read() == y1, "threefry of " + std::to_string(n) + " words differs from the CPU's");
      },
      "threefry");
}

const Family family("random", [] {
  known_answer({0, 0}, 0, 0, 0x6b200159, 0x99ba4efe);
  known_answer({0xffffffff, 0xffffffff}, 0xffffffff, 0xffffffff, 0x1cb996fc, 0xbb002be7);
  known_answer({0x13198a2e, 0x03707344}, 0x243f6a88, 0x85a308d3, 0xc4923a9c, 0x483df7a0);
  for (int64_t n : {1, 31, 255, 256, 257, 1000}) as_on_cpu(n);
  check_call(flaxen_cuda_threefry2x32(&device(), 0, nullptr, nullptr, nullptr, nullptr, nullptr), "nothing");
  check(flaxen_cuda_threefry2x32(&device(), -1, nullptr, nullptr, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT,
        "a negative size");
});

}  // namespace
