// Reductions and argmax over the middle of [outer, n, inner], against float64 and exact integers.
#include "cuda/device_array.h"

using namespace flaxen::test;

namespace {

struct Extent {
  int64_t outer, n, inner;
  int64_t at(int64_t o, int64_t i, int64_t j) const { return (o * n + i) * inner + j; }
  std::string text() const { return std::to_string(outer) + "x" + std::to_string(n) + "x" + std::to_string(inner); }
};

const Extent kExtents[] = {{1, 1, 1},  {3, 31, 1},  {33, 33, 1},  {9, 129, 1},   {2, 1500, 1}, {1, 5000, 1}, {64, 4, 1},
                           {1, 3, 33}, {1, 127, 5}, {3, 31, 64},  {1, 256, 127}, {2, 129, 32}, {1, 3000, 3}, {7, 1, 9},
                           {4, 0, 3},  {0, 5, 2},   {2, 4099, 1}, {1, 2500, 3},  {1, 64, 512}};

template <typename T>
std::vector<T> values(int64_t size, uint32_t seed) {
  std::mt19937 engine(seed_base + seed);
  std::vector<T> x(static_cast<size_t>(size));
  for (T& v : x) {
    if constexpr (std::is_same_v<T, float>) {
      v = static_cast<float>(engine()) / 2147483648.0f - 0.9f;
    } else if constexpr (sizeof(T) == 1) {
      v = engine() % 5 == 0;
    } else {
      v = static_cast<T>(engine());
    }
  }
  return x;
}

template <typename T>
void reduce(FlaxenCudaReduction reduction, FlaxenCudaType type, const Extent& e, const std::vector<T>& x,
            const std::function<void(const std::vector<T>&)>& inspect) {
  const std::string what = "reduction " + std::to_string(reduction) + " of type " + std::to_string(type) + " over " + e.text();
  on_schedules(
      [&] {
        const DeviceArray<T> in(x), out(e.outer * e.inner);
        const size_t bytes = flaxen_cuda_reduce_scratch(e.outer, e.n, e.inner);
        const DeviceArray<uint8_t> scratch(static_cast<int64_t>(bytes));
        check_call(flaxen_cuda_reduce(&device(), reduction, type, e.outer, e.n, e.inner, in.data(), out.data(), scratch.data()), what);
        inspect(out.read());
      },
      what);
}

template <typename T, typename Join>
void exact(FlaxenCudaReduction reduction, FlaxenCudaType type, T start, Join join) {
  for (const Extent& e : kExtents) {
    const std::vector<T> x = values<T>(e.outer * e.n * e.inner, 3);
    reduce<T>(reduction, type, e, x, [&](const std::vector<T>& got) {
      for (int64_t o = 0; o < e.outer; ++o) {
        for (int64_t j = 0; j < e.inner; ++j) {
          T wanted = start;
          for (int64_t i = 0; i < e.n; ++i) wanted = static_cast<T>(join(wanted, x[static_cast<size_t>(e.at(o, i, j))]));
          check(got[static_cast<size_t>(o * e.inner + j)] == wanted, "reduction " + std::to_string(reduction) + " of " + e.text());
        }
      }
    });
  }
}

void sums_of_floats() {
  for (const Extent& e : kExtents) {
    const std::vector<float> x = values<float>(e.outer * e.n * e.inner, 5);
    std::vector<double> wanted(static_cast<size_t>(e.outer * e.inner));
    for (int64_t o = 0; o < e.outer; ++o) {
      for (int64_t i = 0; i < e.n; ++i) {
        for (int64_t j = 0; j < e.inner; ++j)
          wanted[static_cast<size_t>(o * e.inner + j)] += static_cast<double>(x[static_cast<size_t>(e.at(o, i, j))]);
      }
    }
    reduce<float>(FLAXEN_CUDA_SUM, FLAXEN_CUDA_F32, e, x,
                  [&](const std::vector<float>& got) { check_close(got, wanted, 2e-6, "sum over " + e.text()); });
  }
  const Extent e{3, 33, 2};
  std::vector<float> x(static_cast<size_t>(e.outer * e.n * e.inner), 1.0f);
  x[7] = 2.5f;
  std::vector<double> wanted(6, 1.0);
  wanted[1] = 2.5;
  reduce<float>(FLAXEN_CUDA_PROD, FLAXEN_CUDA_F32, e, x, [&](const std::vector<float>& got) { check_close(got, wanted, 1e-6, "product"); });
}

void not_a_number() {
  for (const Extent& e : {Extent{2, 100, 1}, Extent{1, 100, 2}}) {
    std::vector<float> x = values<float>(200, 9);
    x[static_cast<size_t>(e.at(0, 55, 0))] = NAN;
    for (FlaxenCudaReduction r : {FLAXEN_CUDA_MAX, FLAXEN_CUDA_MIN}) {
      reduce<float>(r, FLAXEN_CUDA_F32, e, x, [&](const std::vector<float>& got) {
        check(std::isnan(got[0]) && !std::isnan(got[1]), "a NaN is the greatest and the least of its own row alone");
      });
    }
  }
}

template <typename T>
void arg(FlaxenCudaType type, bool greatest, const Extent& e, const std::vector<T>& x) {
  const std::string what = std::string(greatest ? "argmax" : "argmin") + " of type " + std::to_string(type) + " over " + e.text();
  on_schedules(
      [&] {
        const DeviceArray<T> in(x);
        const DeviceArray<int32_t> out(e.outer * e.inner);
        check_call(flaxen_cuda_arg(&device(), greatest, type, e.outer, e.n, e.inner, in.data(), out.data()), what);
        const std::vector<int32_t> got = out.read();
        for (int64_t o = 0; o < e.outer; ++o) {
          for (int64_t j = 0; j < e.inner; ++j) {
            int64_t best = 0;
            for (int64_t i = 1; i < e.n; ++i) {
              const T a = x[static_cast<size_t>(e.at(o, best, j))], b = x[static_cast<size_t>(e.at(o, i, j))];
              if (a != a) break;
              if (b != b || (greatest ? b > a : b < a)) best = i;
            }
            check(got[static_cast<size_t>(o * e.inner + j)] == best, what);
          }
        }
      },
      what);
}

template <typename T>
void args(FlaxenCudaType type) {
  for (const Extent& e : {Extent{5, 10, 1}, Extent{3, 33, 1}, Extent{1, 1300, 1}, Extent{2, 31, 7}, Extent{4, 1, 1}}) {
    std::vector<T> x = values<T>(e.outer * e.n * e.inner, 11);
    x.back() = x[x.size() / 2];  // ties
    arg<T>(type, true, e, x);
    arg<T>(type, false, e, x);
  }
}

const Family family("reduce", [] {
  sums_of_floats();
  not_a_number();
  exact<uint32_t>(FLAXEN_CUDA_SUM, FLAXEN_CUDA_U32, 0, [](uint32_t a, uint32_t b) { return a + b; });
  exact<uint32_t>(FLAXEN_CUDA_PROD, FLAXEN_CUDA_I32, 1, [](uint32_t a, uint32_t b) { return a * b; });
  exact<float>(FLAXEN_CUDA_MAX, FLAXEN_CUDA_F32, -INFINITY, [](float a, float b) { return a > b ? a : b; });
  exact<float>(FLAXEN_CUDA_MIN, FLAXEN_CUDA_F32, INFINITY, [](float a, float b) { return a < b ? a : b; });
  exact<int32_t>(FLAXEN_CUDA_MAX, FLAXEN_CUDA_I32, INT32_MIN, [](int32_t a, int32_t b) { return a > b ? a : b; });
  exact<int32_t>(FLAXEN_CUDA_MIN, FLAXEN_CUDA_I32, INT32_MAX, [](int32_t a, int32_t b) { return a < b ? a : b; });
  exact<uint32_t>(FLAXEN_CUDA_MAX, FLAXEN_CUDA_U32, 0, [](uint32_t a, uint32_t b) { return a > b ? a : b; });
  exact<uint32_t>(FLAXEN_CUDA_MIN, FLAXEN_CUDA_U32, UINT32_MAX, [](uint32_t a, uint32_t b) { return a < b ? a : b; });
  exact<uint8_t>(FLAXEN_CUDA_MAX, FLAXEN_CUDA_BOOL, 0, [](uint8_t a, uint8_t b) { return a | b; });
  exact<uint8_t>(FLAXEN_CUDA_MIN, FLAXEN_CUDA_BOOL, 1, [](uint8_t a, uint8_t b) { return a & b; });
  args<float>(FLAXEN_CUDA_F32);
  args<int32_t>(FLAXEN_CUDA_I32);
  args<uint32_t>(FLAXEN_CUDA_U32);
  args<uint8_t>(FLAXEN_CUDA_BOOL);
  std::vector<float> x = values<float>(64, 1);
  x[40] = x[20] = NAN;
  arg<float>(FLAXEN_CUDA_F32, true, {1, 64, 1}, x);
  arg<float>(FLAXEN_CUDA_F32, false, {2, 16, 2}, x);
  check(flaxen_cuda_arg(&device(), 1, FLAXEN_CUDA_F32, 1, 0, 1, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT, "argmax of nothing");
  check(flaxen_cuda_reduce(&device(), FLAXEN_CUDA_SUM, FLAXEN_CUDA_F32, -1, 1, 1, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT,
        "a negative size");
  check(flaxen_cuda_reduce(&device(), FLAXEN_CUDA_SUM, FLAXEN_CUDA_F32, 1 << 16, 1 << 16, 1, nullptr, nullptr, nullptr) ==
            FLAXEN_CUDA_TOO_LARGE,
        "2^32 elements");
  check(flaxen_cuda_reduce(&device(), FLAXEN_CUDA_SUM, FLAXEN_CUDA_BOOL, 1, 1, 1, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT,
        "a sum of bool");
});

}  // namespace
