// The runtime half of the C interface: thin covers of the CUDA runtime. No kernels, so the host's compiler takes it.
#include "cuda/runtime.h"

#include <cuda_runtime.h>

#include <cstring>

namespace {

cudaStream_t stream_of(void* stream) { return static_cast<cudaStream_t>(stream); }
cudaEvent_t event_of(void* event) { return static_cast<cudaEvent_t>(event); }

}  // namespace

extern "C" {

int flaxen_cuda_versions(int* driver, int* runtime) {
  *driver = *runtime = 0;
  const cudaError_t error = cudaRuntimeGetVersion(runtime);
  return error ? error : cudaDriverGetVersion(driver);
}

int flaxen_cuda_device_count(int* count) {
  *count = 0;  // cudaGetDeviceCount leaves it as it is when it fails
  return cudaGetDeviceCount(count);
}

int flaxen_cuda_properties(int ordinal, FlaxenCudaProperties* properties) {
  cudaDeviceProp all{};
  if (const cudaError_t error = cudaGetDeviceProperties(&all, ordinal)) return error;
  std::memcpy(properties->name, all.name, sizeof properties->name);
  properties->name[sizeof properties->name - 1] = 0;
  properties->capability = 10 * all.major + all.minor;
  properties->processors = all.multiProcessorCount;
  properties->memory = all.totalGlobalMem;
  return cudaSuccess;
}

int flaxen_cuda_set_device(int ordinal) { return cudaSetDevice(ordinal); }
int flaxen_cuda_memory_info(size_t* free, size_t* total) { return cudaMemGetInfo(free, total); }

int flaxen_cuda_stream_create(void** stream) {
  return cudaStreamCreateWithFlags(reinterpret_cast<cudaStream_t*>(stream), cudaStreamNonBlocking);
}
int flaxen_cuda_stream_synchronize(void* stream) { return cudaStreamSynchronize(stream_of(stream)); }
int flaxen_cuda_stream_destroy(void* stream) { return cudaStreamDestroy(stream_of(stream)); }

int flaxen_cuda_allocate(void** memory, size_t bytes) {
  const cudaError_t error = cudaMalloc(memory, bytes);
  if (error == cudaErrorMemoryAllocation) cudaGetLastError();  // else later launches would report it
  return error;
}
int flaxen_cuda_free(void* memory) { return cudaFree(memory); }
int flaxen_cuda_allocate_pinned(void** memory, size_t bytes) {
  const cudaError_t error = cudaMallocHost(memory, bytes);
  if (error == cudaErrorMemoryAllocation) cudaGetLastError();
  return error;
}
int flaxen_cuda_free_pinned(void* memory) { return cudaFreeHost(memory); }

int flaxen_cuda_memory_copy(void* stream, FlaxenCudaDirection direction, void* to, const void* from, size_t bytes) {
  const cudaMemcpyKind kind = direction == FLAXEN_CUDA_TO_DEVICE ? cudaMemcpyHostToDevice
                              : direction == FLAXEN_CUDA_TO_HOST ? cudaMemcpyDeviceToHost
                                                                 : cudaMemcpyDeviceToDevice;
  return cudaMemcpyAsync(to, from, bytes, kind, stream_of(stream));
}

int flaxen_cuda_event_create(void** event) {
  return cudaEventCreateWithFlags(reinterpret_cast<cudaEvent_t*>(event), cudaEventBlockingSync | cudaEventDisableTiming);
}
int flaxen_cuda_event_record(void* event, void* stream) { return cudaEventRecord(event_of(event), stream_of(stream)); }
int flaxen_cuda_event_done(void* event, int* done) {
  const cudaError_t error = cudaEventQuery(event_of(event));
  *done = error == cudaSuccess;
  return error == cudaErrorNotReady ? cudaSuccess : error;
}
int flaxen_cuda_event_synchronize(void* event) { return cudaEventSynchronize(event_of(event)); }
int flaxen_cuda_event_destroy(void* event) { return cudaEventDestroy(event_of(event)); }

int flaxen_cuda_capture_begin(void* stream) { return cudaStreamBeginCapture(stream_of(stream), cudaStreamCaptureModeThreadLocal); }
int flaxen_cuda_capture_end(void* stream, void** graph) {
  *graph = nullptr;
  cudaGraph_t captured = nullptr;
  cudaError_t error = cudaStreamEndCapture(stream_of(stream), &captured);
  if (error == cudaSuccess) error = cudaGraphInstantiate(reinterpret_cast<cudaGraphExec_t*>(graph), captured, 0);
  if (captured) cudaGraphDestroy(captured);
  if (error != cudaSuccess) *graph = nullptr;
  return error;
}
int flaxen_cuda_graph_launch(void* graph, void* stream) { return cudaGraphLaunch(static_cast<cudaGraphExec_t>(graph), stream_of(stream)); }
int flaxen_cuda_graph_destroy(void* graph) { return cudaGraphExecDestroy(static_cast<cudaGraphExec_t>(graph)); }
}
