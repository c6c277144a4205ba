# The programs for a card without one: linked with the simulator all cases pass, on other numbers than the tests' own, and the benchmark goes
# through all of its code; linked with the real runtime they say that there is no GPU. Included by native/test/cuda, which has
# `test_objects`, the compiled cases.
set(gpu ${CMAKE_SOURCE_DIR}/native/test/gpu)
set(ptx "$<JOIN:$<TARGET_OBJECTS:flaxen_cuda_ptx_80>,;>")

add_executable(gpu_test_simulated ${gpu}/large_test.cc)
target_link_libraries(gpu_test_simulated PRIVATE ${test_objects} flaxen_cuda_on_ptx)
add_test(NAME gpu_test_simulated COMMAND gpu_test_simulated "${ptx}")
set_tests_properties(gpu_test_simulated PROPERTIES LABELS cuda ENVIRONMENT FLAXEN_TEST_SEED=90125)

add_executable(gpu_bench_simulated ${gpu}/bench.cc ${gpu}/simulated_card.cc)
target_link_libraries(gpu_bench_simulated PRIVATE flaxen_cuda_on_ptx)
add_test(NAME gpu_bench_simulated COMMAND gpu_bench_simulated "${ptx}")
set_tests_properties(gpu_bench_simulated PROPERTIES LABELS cuda PASS_REGULAR_EXPRESSION "\"kernels\":\\[{\"name\"" FAIL_REGULAR_EXPRESSION "FAILED")

foreach(name gpu_test_simulated gpu_bench_simulated)
  add_dependencies(${name} flaxen_cuda_ptx_80)
endforeach()

find_package(CUDAToolkit QUIET)
if(TARGET CUDA::cudart_static)
  add_executable(gpu_test_real ${gpu}/main.cc ${gpu}/platform.cc ${gpu}/card.cc ${gpu}/large_test.cc families.cc $<TARGET_OBJECTS:flaxen_cuda_kernels>)
  foreach(object ${test_objects})  # the objects alone: they were told of the simulator's cuda_runtime.h, which this program must not see
    target_sources(gpu_test_real PRIVATE $<TARGET_OBJECTS:${object}>)
  endforeach()
  target_link_libraries(gpu_test_real PRIVATE flaxen_tested CUDA::cudart_static)
  target_include_directories(gpu_test_real PRIVATE ${CMAKE_SOURCE_DIR}/native/test)
  add_test(NAME gpu_test_real COMMAND gpu_test_real)
  set_tests_properties(gpu_test_real PROPERTIES LABELS cuda SKIP_RETURN_CODE 77)
endif()
