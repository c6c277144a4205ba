#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <stdexcept>
#include <string>

#include "cpu/kernel.h"

#if defined(__x86_64__) || defined(_M_X64)
#define FLAXEN_X86 1
#if defined(_MSC_VER) && !defined(__clang__)
#include <immintrin.h>
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

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

#if FLAXEN_X86

struct Registers {
  uint32_t eax, ebx, ecx, edx;
};

Registers cpuid(uint32_t leaf) {
#if defined(_MSC_VER) && !defined(__clang__)
  int r[4];
  __cpuidex(r, static_cast<int>(leaf), 0);
  return {static_cast<uint32_t>(r[0]), static_cast<uint32_t>(r[1]), static_cast<uint32_t>(r[2]), static_cast<uint32_t>(r[3])};
#else
  Registers r{};
  __cpuid_count(leaf, 0, r.eax, r.ebx, r.ecx, r.edx);
  return r;
#endif
}

// The registers that the operating system saves (XCR0).
uint64_t saved_registers() {
#if defined(_MSC_VER) && !defined(__clang__)
  return _xgetbv(0);
#else
  uint32_t low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t(high) << 32 | low;
#endif
}

// By the processor's own word: not every compiler's run-time library has __builtin_cpu_supports.
bool supported(Isa isa) {
  if (isa == Isa::baseline) return true;
  if (cpuid(0).eax < 7) return false;
  const auto all = [](uint32_t value, std::initializer_list<int> bits) {
    return std::all_of(bits.begin(), bits.end(), [value](int bit) { return (value >> bit & 1) != 0; });
  };
  const uint32_t one = cpuid(1).ecx, seven = cpuid(7).ebx;
  if (!all(one, {12 /* fma */, 27 /* xgetbv */, 28 /* avx */}) || !all(seven, {5 /* avx2 */, 8 /* bmi2 */})) return false;
  const uint64_t saved = saved_registers();
  if (isa == Isa::avx2) return (saved & 0x6) == 0x6;
  return isa == Isa::avx512 && (saved & 0xe6) == 0xe6 && all(seven, {16 /* f */, 17 /* dq */, 30 /* bw */, 31 /* vl */});
}

#else

// Every arm64 processor has NEON.
bool supported(Isa isa) { return isa == Isa::baseline || isa == Isa::neon; }

#endif

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
