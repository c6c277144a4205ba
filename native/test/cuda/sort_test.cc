// Stable sorts against the CPU's kernel, which is tested against std::stable_sort, bit for bit.
#include "cuda/device_op.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

// Few different values, so that stability shows; NaN and both zeros among them.
Array keys_of(DType dtype, const Shape& shape, uint32_t seed) {
  static const double special[] = {0.0, -0.0, NAN, INFINITY, -INFINITY, 1e-40, -1e-40};
  std::mt19937 engine(seed_base + seed);
  return filled(dtype, shape, [&](int64_t) -> double {
    const uint32_t r = engine();
    if (dtype == DType::f32) return r % 4 == 0 ? special[r / 4 % 7] : static_cast<double>(static_cast<int32_t>(r) % 5);
    if (dtype == DType::boolean) return r & 1;
    return dtype == DType::i32 ? static_cast<double>(static_cast<int32_t>(r) >> (r % 32)) : static_cast<double>(r >> (r % 32));
  });
}

void sorts(const std::vector<DType>& dtypes, int keys, const Shape& shape, size_t axis, Effort effort = Effort::usual) {
  std::string what = "sort " + text_of(shape) + " along " + std::to_string(axis) + " by " + std::to_string(keys) + " of";
  std::vector<Array> xs;
  std::vector<const Array*> inputs;
  std::vector<Aval> avals;
  std::vector<FlaxenCudaType> types;
  for (DType t : dtypes) {
    xs.push_back(keys_of(t, shape, static_cast<uint32_t>(xs.size()) + 9));
    avals.push_back(xs.back().aval);
    types.push_back(type_of(t));
    what += std::string(" ") + name_of(t);
  }
  for (const Array& x : xs) inputs.push_back(&x);
  const std::vector<Array> wanted =
      run_op("sort", inputs, {{"axis", static_cast<double>(axis)}, {"numKeys", static_cast<double>(keys)}}, avals);
  const Axis a(shape, axis);
  on_schedules(
      [&] {
        std::vector<Bytes> in, out;
        std::vector<const void*> from;
        std::vector<void*> to;
        for (const Array& x : xs) in.push_back(upload(x));
        for (const Aval& aval : avals) out.emplace_back(static_cast<int64_t>(aval.bytes()));
        for (const Bytes& b : in) from.push_back(b.data());
        for (const Bytes& b : out) to.push_back(b.data());
        const Bytes scratch = scratch_of(flaxen_cuda_sort_scratch(a.outer, a.n, a.inner));
        check_call(flaxen_cuda_sort(&device(), static_cast<int>(dtypes.size()), keys, types.data(), a.outer, a.n, a.inner, from.data(),
                                    to.data(), scratch.data()),
                   what);
        for (size_t k = 0; k < out.size(); ++k)
          check(download(out[k], avals[k]).same_as(wanted[k]), what + ", operand " + std::to_string(k));
      },
      what, effort);
}

const Family family("sort", [] {
  for (int64_t n : {1, 2, 3, 31, 33, 64, 127, 129}) sorts({DType::f32}, 1, {n}, 0, n == 33 ? Effort::thorough : Effort::usual);
  for (DType t : {DType::i32, DType::u32, DType::boolean}) sorts({t, DType::i32}, 1, {5, 40, 3}, 1);
  sorts({DType::f32, DType::u32, DType::boolean}, 2, {33, 7}, 0);
  sorts({DType::boolean, DType::i32, DType::f32, DType::u32}, 3, {4, 65}, 1);
  sorts({DType::f32}, 1, {300, 2}, 1);
  // Merges of two, three and five runs.
  for (int64_t n : {1025, 2500, 4200}) sorts({DType::u32, DType::f32}, 1, {n}, 0, Effort::once);
  sorts({DType::boolean, DType::f32}, 2, {2, 1500}, 1, Effort::once);
  sorts({DType::f32}, 1, {3, 0}, 1);
  check(flaxen_cuda_sort(&device(), 1, 2, nullptr, 1, 4, 1, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT,
        "two keys of one operand");
  check(flaxen_cuda_sort(&device(), 1, 1, nullptr, 1 << 20, 1 << 20, 1, nullptr, nullptr, nullptr) == FLAXEN_CUDA_TOO_LARGE,
        "2^40 elements");
});

}  // namespace
