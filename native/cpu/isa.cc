#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "cpu/kernel.h"

namespace flaxen::cpu {

const char* name_of(Isa isa) {
  switch (isa) {
    case Isa::baseline:
      return "baseline";
    case Isa::avx2:
      return "avx2";
    case Isa::avx512:
      return "avx512";
    case Isa::neon:
      return "neon";
  }
  return "?";
}

// From the weakest to the strongest.
std::vector<Isa> compiled_isas() {
  std::vector<Isa> isas{Isa::baseline};
#ifdef FLAXEN_HAVE_avx2
  isas.push_back(Isa::avx2);
#endif
#ifdef FLAXEN_HAVE_avx512
  isas.push_back(Isa::avx512);
#endif
#ifdef FLAXEN_HAVE_neon
  isas.push_back(Isa::neon);
#endif
  return isas;
}

namespace {

// The compiler's own check asks the operating system too (XCR0).
bool supported(Isa isa) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  if (isa == Isa::avx2) return avx2;
  if (isa == Isa::avx512) {
    return avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl");
  }
  return isa == Isa::baseline;
#elif defined(__aarch64__)
  return isa == Isa::baseline || isa == Isa::neon;
#else
  return isa == Isa::baseline;
#endif
}

Isa choose() {
  const char* wanted = std::getenv("FLAXEN_ISA");
  if (!wanted || !*wanted) {
    Isa best = Isa::baseline;
    for (Isa isa : compiled_isas()) {
      if (supported(isa)) best = isa;
    }
    return best;
  }
  std::string usable;
  for (Isa isa : compiled_isas()) {
    if (!supported(isa)) continue;
    if (std::strcmp(name_of(isa), wanted) == 0) return isa;
    usable += std::string(usable.empty() ? "" : ", ") + name_of(isa);
  }
  throw std::runtime_error(std::string("FLAXEN_ISA=") + wanted + " cannot run here; choose one of " + usable + ", or unset it");
}

}  // namespace

Isa chosen_isa() {
  static const Isa isa = choose();
  return isa;
}

}  // namespace flaxen::cpu
