// A table of functions for each instruction set: FLAXEN_ISA_TABLES(GemmTable, gemm_table) declares
//   baseline::gemm_table, avx2::gemm_table, ... (each defined, as `extern const`, by the source compiled for that instruction set)
//   const GemmTable& gemm_table(Isa)
// To be used inside namespace flaxen::cpu.
#pragma once

#include "cpu/kernel.h"

#if FLAXEN_HAVE_avx2
#define FLAXEN_IF_AVX2(...) __VA_ARGS__
#else
#define FLAXEN_IF_AVX2(...)
#endif
#if FLAXEN_HAVE_avx512
#define FLAXEN_IF_AVX512(...) __VA_ARGS__
#else
#define FLAXEN_IF_AVX512(...)
#endif
#if FLAXEN_HAVE_neon
#define FLAXEN_IF_NEON(...) __VA_ARGS__
#else
#define FLAXEN_IF_NEON(...)
#endif

#define FLAXEN_ISA_TABLES(Table, name)                            \
  namespace baseline {                                            \
  extern const Table name;                                        \
  }                                                               \
  FLAXEN_IF_AVX2(namespace avx2 { extern const Table name; })     \
  FLAXEN_IF_AVX512(namespace avx512 { extern const Table name; }) \
  FLAXEN_IF_NEON(namespace neon { extern const Table name; })     \
  inline const Table& name(Isa isa) {                             \
    switch (isa) {                                                \
      FLAXEN_IF_AVX2(case Isa::avx2 : return avx2::name;)         \
      FLAXEN_IF_AVX512(case Isa::avx512 : return avx512::name;)   \
      FLAXEN_IF_NEON(case Isa::neon : return neon::name;)         \
      default:                                                    \
        return baseline::name;                                    \
    }                                                             \
  }
