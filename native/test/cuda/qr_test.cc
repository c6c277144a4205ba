// Householder QR against the CPU's kernel, which is tested against LAPACK's conventions; both reckon in double.
#include "cuda/device_op.h"

using namespace flaxen;
using namespace flaxen::test;

namespace {

void factors(const Array& x, const std::string& name, Effort effort = Effort::usual) {
  const int64_t m = x.aval.shape[0], n = x.aval.shape[1], k = std::min(m, n);
  const std::string what = "qr of " + name + " " + text_of(x.aval.shape);
  const Aval q_aval{DType::f32, {m, k}}, r_aval{DType::f32, {k, n}};
  const std::vector<Array> wanted = run_op("qr", {&x}, {}, {q_aval, r_aval});
  on_schedules(
      [&] {
        const Bytes from = upload(x), q(static_cast<int64_t>(q_aval.bytes())), r(static_cast<int64_t>(r_aval.bytes()));
        const Bytes scratch = scratch_of(flaxen_cuda_qr_scratch(m, n));
        check_call(flaxen_cuda_qr(&device(), m, n, reinterpret_cast<const float*>(from.data()), reinterpret_cast<float*>(q.data()),
                                  reinterpret_cast<float*>(r.data()), scratch.data()),
                   what);
        check_same(download(q, q_aval), wanted[0], 2e-7, what + ", q");
        check_same(download(r, r_aval), wanted[1], 2e-7, what + ", r");
      },
      what, effort);
}

const Family family("qr", [] {
  for (const auto& [m, n] : {std::pair<int64_t, int64_t>{1, 1}, {3, 2}, {2, 5}, {31, 33}, {64, 17}, {300, 3}}) {
    factors(random_array(DType::f32, {m, n}, 3), "random", m == 31 ? Effort::once : m == 64 ? Effort::thorough : Effort::usual);
  }
  // Columns that need no reflection: upper triangular with signs of both kinds, and zeros.
  factors(filled(DType::f32, {5, 4}, [](int64_t e) { return e / 4 > e % 4 ? 0.0 : e % 3 == 0 ? -1.5 : 2.0; }), "triangular");
  factors(filled(DType::f32, {4, 4}, [](int64_t) { return 0.0; }), "zero");
  check_call(flaxen_cuda_qr(&device(), 3, 0, nullptr, nullptr, nullptr, nullptr), "no columns");
  check(flaxen_cuda_qr(&device(), -1, 2, nullptr, nullptr, nullptr, nullptr) == FLAXEN_CUDA_BAD_ARGUMENT, "a negative size");
});

}  // namespace
