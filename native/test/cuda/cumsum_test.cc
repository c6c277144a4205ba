// Cumulative sums: integers bit for bit, floats against float64.
#include "cuda/device_op.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

void sums(DType type, const Shape& shape, size_t axis, bool reverse, Effort effort = Effort::usual) {
  const std::string what =
      "cumsum " + text_of(shape) + " along " + std::to_string(axis) + " " + name_of(type) + (reverse ? " reverse" : "");
  const Array x = random_array(type, shape, 1);
  const Axis a(shape, axis);
  Array wanted(type, shape);
  std::vector<double> exact(static_cast<size_t>(x.size()));
  for (int64_t line = 0; line < a.outer * a.inner; ++line) {
    const int64_t start = line / a.inner * a.n * a.inner + line % a.inner;
    double sum = 0;
    for (int64_t i = 0; i < a.n; ++i) {
      const int64_t at = start + (reverse ? a.n - 1 - i : i) * a.inner;
      exact[static_cast<size_t>(at)] = sum += x.at(at);
    }
  }
  on_schedules(
      [&] {
        const Bytes from = upload(x), to(static_cast<int64_t>(x.aval.bytes()));
        const Bytes scratch = scratch_of(flaxen_cuda_cumsum_scratch(a.outer, a.n, a.inner));
        const auto run = [&](const Bytes& out) {
          check_call(flaxen_cuda_cumsum(&device(), type_of(type), a.outer, a.n, a.inner, reverse, from.data(), out.data(), scratch.data()),
                     what);
          return download(out, x.aval);
        };
        const Array got = run(to);
        for (int64_t i = 0; i < got.size(); ++i) {
          const double wanted_here = exact[static_cast<size_t>(i)];
          // Sums of n numbers below 4: the error grows with their magnitudes, not with the sum's.
          const double allowed = type == DType::f32 ? 1e-6 * (1 + 4 * std::sqrt(static_cast<double>(a.n))) : 0;
          if (std::abs(got.at(i) - wanted_here) <= allowed) continue;
          check(false,
                what + ": element " + std::to_string(i) + " is " + std::to_string(got.at(i)) + ", not " + std::to_string(wanted_here));
          break;
        }
        check(run(from).same_as(got), what + ", in place");
      },
      what, effort);
}

// Sums past 2^32 wrap.
void wraps() {
  on_schedules(
      [&] {
        const DeviceArray<uint32_t> x(std::vector<uint32_t>{0xfffffff0u, 0x20u, 0x80000000u, 0x80000001u});
        check_call(flaxen_cuda_cumsum(&device(), FLAXEN_CUDA_I32, 1, 4, 1, 0, x.data(), x.data(), nullptr), "wraps");
        check(x.read() == std::vector<uint32_t>{0xfffffff0u, 0x10u, 0x80000010u, 0x11u}, "integer sums wrap");
      },
      "wraps");
}

const Family family("cumsum", [] {
  for (const bool reverse : {false, true}) {
    for (int64_t n : {1, 3, 31, 33, 64, 127, 129, 512}) sums(DType::f32, {n}, 0, reverse, n == 129 ? Effort::thorough : Effort::usual);
    sums(DType::f32, {3, 33, 5}, 1, reverse);
    sums(DType::f32, {2, 70, 40}, 1, reverse, Effort::thorough);
    sums(DType::f32, {9, 31}, 1, reverse);
    sums(DType::i32, {3, 33, 5}, 0, reverse);
    sums(DType::u32, {2, 129}, 1, reverse);
    // Several parts, and parts of their totals.
    sums(DType::i32, {5000}, 0, reverse);
    sums(DType::f32, {2, 3001}, 1, reverse);
    sums(DType::i32, {4500, 33}, 0, reverse, Effort::once);
  }
  wraps();
  check_call(flaxen_cuda_cumsum(&device(), FLAXEN_CUDA_F32, 3, 0, 2, 0, nullptr, nullptr, nullptr), "nothing");
  check(flaxen_cuda_cumsum(&device(), FLAXEN_CUDA_BOOL, 1, 2, 1, 0, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT, "of bool");
  check(flaxen_cuda_cumsum(&device(), FLAXEN_CUDA_F32, 1, -2, 1, 0, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT, "negative");
});

}  // namespace
