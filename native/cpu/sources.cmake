# The CPU kernels. Files named in FLAXEN_CPU_ISA are compiled once for each instruction set, all others once.
set(FLAXEN_CPU_ISA
  batch_norm_kernels.cc
  elementwise_arithmetic.cc
  elementwise_chain_loops.cc
  elementwise_logic.cc
  elementwise_math.cc
  gemm_dot.cc
  gemm_pack.cc
  gemm_tile.cc
  loss_kernels.cc
  random_kernels.cc
  reduce_kernels.cc
)
file(GLOB FLAXEN_CPU_ALL CONFIGURE_DEPENDS native/cpu/*.cc)
set(FLAXEN_CPU_SOURCES ${FLAXEN_CPU_ALL})
foreach(name ${FLAXEN_CPU_ISA})
  list(REMOVE_ITEM FLAXEN_CPU_SOURCES ${CMAKE_CURRENT_SOURCE_DIR}/native/cpu/${name})
endforeach()
list(TRANSFORM FLAXEN_CPU_ISA PREPEND native/cpu/)

function(flaxen_isa name)
  add_library(flaxen_${name} OBJECT ${FLAXEN_CPU_ISA})
  target_compile_definitions(flaxen_${name} PRIVATE FLAXEN_ISA_NAMESPACE=${name} FLAXEN_ISA_${name}=1)
  target_compile_options(flaxen_${name} PRIVATE ${ARGN})
  flaxen_precompile(flaxen_${name} <limits> native/cpu/isa_table.h native/cpu/simd.h)
  set(FLAXEN_CPU_ISA_OBJECTS ${FLAXEN_CPU_ISA_OBJECTS} $<TARGET_OBJECTS:flaxen_${name}> PARENT_SCOPE)
endfunction()

if(FLAXEN_CPU_ISA)
  flaxen_isa(baseline)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "MSVC")
    # The baseline alone: its vectors are plain arrays. clang-cl (cmake -T ClangCL) has all.
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    flaxen_isa(avx2 -mavx2 -mfma -mbmi2)
    flaxen_isa(avx512 -mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx2 -mfma -mbmi2 -mprefer-vector-width=512)
    add_compile_definitions(FLAXEN_HAVE_avx2=1 FLAXEN_HAVE_avx512=1)
  elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "aarch64|arm64")
    flaxen_isa(neon)
    add_compile_definitions(FLAXEN_HAVE_neon=1)
  endif()
endif()
