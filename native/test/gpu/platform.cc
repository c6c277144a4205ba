// The tests on a device: fresh numbers in every run, memory that begins as NaNs, and CUDA's own errors.
#include "cuda/platform.h"

#include <cuda_runtime_api.h>

#include <cstdlib>
#include <random>

#include "gpu/card.h"
#include "kernel_check.h"

namespace flaxen::test {

namespace {

FlaxenCudaDevice opened{};

cudaStream_t stream() { return static_cast<cudaStream_t>(opened.stream); }

void check_cuda(cudaError_t error, const std::string& what) { check(error == cudaSuccess, what + ": " + cudaGetErrorString(error)); }

}  // namespace

void open_platform(int, char**) {
  opened = open_card();
  const char* given = std::getenv("FLAXEN_TEST_SEED");
  seed_base = given ? static_cast<uint32_t>(std::strtoul(given, nullptr, 10)) : std::random_device()() % 1000000;
}

const FlaxenCudaDevice& device() { return opened; }

void on_schedules(const std::function<void()>& body, const std::string& what, Effort effort) {
  const int times = effort == Effort::once ? 1 : effort == Effort::usual ? 2 : 5;
  for (int i = 0; i < times; ++i) {
    body();
    check_cuda(cudaStreamSynchronize(stream()), what);
  }
}

void poison(void* memory, size_t bytes) {
  if (bytes > 0) check_cuda(cudaMemset(memory, 0xff, bytes), "poison");
}

int64_t scaled(int64_t size) { return size; }

double milliseconds_of(const std::function<void()>& calls) {
  cudaEvent_t begin, end;
  check_cuda(cudaEventCreate(&begin), "cudaEventCreate");
  check_cuda(cudaEventCreate(&end), "cudaEventCreate");
  check_cuda(cudaEventRecord(begin, stream()), "cudaEventRecord");
  calls();
  check_cuda(cudaEventRecord(end, stream()), "cudaEventRecord");
  check_cuda(cudaEventSynchronize(end), "cudaEventSynchronize");
  float milliseconds = 0;
  check_cuda(cudaEventElapsedTime(&milliseconds, begin, end), "cudaEventElapsedTime");
  cudaEventDestroy(begin);
  cudaEventDestroy(end);
  return static_cast<double>(milliseconds);
}

// The calls are recorded into a graph, counted there, and then made.
int launches_of(const std::function<void()>& calls) {
  cudaGraph_t graph;
  cudaGraphExec_t ready;
  size_t nodes = 0;
  check_cuda(cudaStreamBeginCapture(stream(), cudaStreamCaptureModeGlobal), "cudaStreamBeginCapture");
  calls();
  check_cuda(cudaStreamEndCapture(stream(), &graph), "cudaStreamEndCapture");
  check_cuda(cudaGraphGetNodes(graph, nullptr, &nodes), "cudaGraphGetNodes");
  check_cuda(cudaGraphInstantiate(&ready, graph, 0), "cudaGraphInstantiate");
  check_cuda(cudaGraphLaunch(ready, stream()), "cudaGraphLaunch");
  check_cuda(cudaStreamSynchronize(stream()), "cudaStreamSynchronize");
  cudaGraphExecDestroy(ready);
  cudaGraphDestroy(graph);
  return static_cast<int>(nodes);
}

}  // namespace flaxen::test
