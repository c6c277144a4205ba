// take, takeAlong, scatterAdd and scatterAddAlong against the CPU's kernels, bit for bit.
#include "cuda/device_op.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

constexpr DType kAll[] = {DType::f32, DType::i32, DType::u32, DType::boolean};

// Mostly inside; some below 0 (or far above, unsigned), some past the end; many equal.
Array indices_for(DType dtype, const Shape& shape, int64_t n, uint32_t seed) {
  std::mt19937 engine(seed_base + seed);
  return filled(dtype, shape, [&](int64_t) -> double {
    const uint32_t r = engine();
    if (r % 11 == 0) return dtype == DType::i32 ? -1 - static_cast<double>(r % 5) : 4294967295.0 - r % 5;
    if (r % 13 == 0) return static_cast<double>(n + r % 3);
    return static_cast<double>(n > 0 ? engine() % static_cast<uint32_t>(r % 3 ? n : std::min<int64_t>(n, 2)) : 0);
  });
}

struct Case {
  Shape shape;
  size_t axis;
  Shape indices;
  bool along;
};

FlaxenCudaGather gather_of(const Case& c, DType type, DType index_type, bool clip) {
  const Axis axis(c.shape, c.axis);
  return {type_of(type), type_of(index_type), axis.outer, axis.n, axis.inner, c.along ? c.indices[c.axis] : count(c.indices), c.along,
          clip};
}

Shape picked_shape(const Case& c) {
  if (c.along) return c.indices;
  Shape shape(c.shape.begin(), c.shape.begin() + static_cast<int64_t>(c.axis));
  shape.insert(shape.end(), c.indices.begin(), c.indices.end());
  shape.insert(shape.end(), c.shape.begin() + static_cast<int64_t>(c.axis) + 1, c.shape.end());
  return shape;
}

void takes(const Case& c, DType type, DType index_type) {
  const Array x = random_array(type, c.shape, 1), indices = indices_for(index_type, c.indices, c.shape[c.axis], 2);
  for (const bool clip : {false, true}) {
    const std::string what = std::string(c.along ? "takeAlong " : "take ") + (clip ? "clip " : "fill ") + text_of(c.shape) + " by " +
                             text_of(c.indices) + " " + name_of(type) + " " + name_of(index_type);
    const Aval out{type, picked_shape(c)};
    const Array wanted =
        std::move(run_op(c.along ? "takeAlong" : "take", {&x, &indices},
                         {{"axis", static_cast<double>(c.axis)}, {"mode", std::string(clip ? "clip" : "fill")}}, {out})[0]);
    const FlaxenCudaGather g = gather_of(c, type, index_type, clip);
    on_schedules(
        [&] {
          const Bytes from = upload(x), at = upload(indices), to(static_cast<int64_t>(out.bytes()));
          check_call(flaxen_cuda_take(&device(), &g, from.data(), at.data(), to.data()), what);
          check_same(download(to, out), wanted, 0, what);
        },
        what);
  }
}

void scatters(const Case& c, DType type, DType index_type) {
  const Array x = random_array(type, c.shape, 3), indices = indices_for(index_type, c.indices, c.shape[c.axis], 4),
              updates = random_array(type, picked_shape(c), 5);
  const std::string what = std::string(c.along ? "scatterAddAlong " : "scatterAdd ") + text_of(c.shape) + " at " + text_of(c.indices) +
                           " " + name_of(type) + " " + name_of(index_type);
  const Array wanted = std::move(
      run_op(c.along ? "scatterAddAlong" : "scatterAdd", {&x, &indices, &updates}, {{"axis", static_cast<double>(c.axis)}}, {x.aval})[0]);
  const FlaxenCudaGather g = gather_of(c, type, index_type, false);
  on_schedules(
      [&] {
        const Bytes from = upload(x), at = upload(indices), added = upload(updates), to(static_cast<int64_t>(x.aval.bytes()));
        const Bytes scratch = scratch_of(flaxen_cuda_scatter_add_scratch(&g));
        check_call(flaxen_cuda_scatter_add(&device(), &g, from.data(), at.data(), added.data(), to.data(), scratch.data()), what);
        check_same(download(to, x.aval), wanted, 0, what);
        check_call(flaxen_cuda_scatter_add(&device(), &g, from.data(), at.data(), added.data(), from.data(), scratch.data()), what);
        check_same(download(from, x.aval), wanted, 0, what + ", in place");
      },
      what, count(c.indices) == 33 ? Effort::thorough : Effort::usual);
}

const Family family("gather", [] {
  const Case cases[] = {{{7}, 0, {1}, false},
                        {{5, 3}, 0, {33}, false},
                        {{3, 31, 2}, 1, {4, 5}, false},
                        {{2, 129}, 1, {127}, false},
                        {{64, 33}, 0, {40}, false},
                        {{3, 4}, 1, {}, false},
                        {{6}, 0, {6}, true},
                        {{3, 5}, 1, {3, 1}, true},
                        {{31, 4}, 0, {33, 4}, true},
                        {{2, 9, 13}, 1, {2, 17, 13}, true}};
  for (const Case& c : cases) {
    for (DType index_type : {DType::i32, DType::u32}) {
      takes(c, DType::f32, index_type);
      scatters(c, DType::f32, index_type);
    }
  }
  for (DType type : kAll) {
    takes(cases[2], type, DType::i32);
    takes(cases[9], type, DType::i32);
    scatters(cases[2], type, DType::i32);
    scatters(cases[9], type, DType::i32);
  }
  // More updates than a sorted chunk has; no class to take from; nothing to add.
  scatters({{9, 2}, 0, {2500}, false}, DType::f32, DType::i32);
  takes({{0, 3}, 0, {4}, false}, DType::f32, DType::i32);
  scatters({{5, 3}, 0, {0}, false}, DType::f32, DType::i32);
  FlaxenCudaGather g = gather_of(cases[0], DType::f32, DType::f32, false);
  check(flaxen_cuda_take(&device(), &g, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT, "float indices");
  g = gather_of(cases[0], DType::f32, DType::i32, false);
  g.outer = g.n = int64_t{1} << 20;
  check(flaxen_cuda_scatter_add(&device(), &g, nullptr, nullptr, nullptr, nullptr, nullptr) == FLAXEN_CUDA_TOO_LARGE, "2^40 elements");
});

}  // namespace
