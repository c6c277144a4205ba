// The stand-in's streams, events, captured graphs and device. There is one device, and each call is done when it returns.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <cstdlib>

#include "simt/cudart.h"
#include "simt/memory.h"

namespace simt = flaxen::simt;

namespace {

// The first question about an event is answered with "not yet", as by a device that has work to do.
struct Event {
  bool asked = false;
};

constexpr int kProcessors = 4;

Event* event_of(cudaEvent_t event) { return reinterpret_cast<Event*>(event); }

}  // namespace

extern "C" {

#define FLAXEN_CUDART __attribute__((visibility("default")))

FLAXEN_CUDART cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaSetDevice(int ordinal) { return ordinal == 0 ? cudaSuccess : cudaErrorInvalidDevice; }
FLAXEN_CUDART cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int ordinal) {
  if (ordinal != 0) return cudaErrorInvalidDevice;
  const int target = simt::device_target();
  *properties = {};
  std::snprintf(properties->name, sizeof properties->name, "simulated sm_%d", target);
  properties->major = target / 10;
  properties->minor = target % 10;
  properties->multiProcessorCount = kProcessors;
  properties->totalGlobalMem = simt::device_memory().limit;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  const simt::Entered entered(simt::gate());
  *total = simt::device_memory().limit;
  *free = *total - simt::device_memory().used();
  return cudaSuccess;
}

FLAXEN_CUDART cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  *memory = std::malloc(bytes);
  return *memory ? cudaSuccess : cudaErrorMemoryAllocation;
}
FLAXEN_CUDART cudaError_t cudaFreeHost(void* memory) {
  std::free(memory);
  return cudaSuccess;
}

FLAXEN_CUDART cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  *stream = reinterpret_cast<cudaStream_t>(new char);
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete reinterpret_cast<char*>(stream);
  return cudaSuccess;
}

FLAXEN_CUDART cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  *event = reinterpret_cast<cudaEvent_t>(new Event);
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event_of(event)->asked = false;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaEventQuery(cudaEvent_t event) {
  if (event_of(event)->asked) return cudaSuccess;
  event_of(event)->asked = true;
  return cudaErrorNotReady;
}
FLAXEN_CUDART cudaError_t cudaEventSynchronize(cudaEvent_t) { return cudaSuccess; }
FLAXEN_CUDART cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event_of(event);
  return cudaSuccess;
}

FLAXEN_CUDART cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode) {
  const simt::Entered entered(simt::gate());
  return simt::begin_recording(stream) ? cudaSuccess : cudaErrorIllegalState;
}
FLAXEN_CUDART cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  const simt::Entered entered(simt::gate());
  *graph = reinterpret_cast<cudaGraph_t>(simt::end_recording(stream).release());
  return *graph ? cudaSuccess : cudaErrorIllegalState;
}
FLAXEN_CUDART cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  delete reinterpret_cast<simt::Recording*>(graph);
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  *executable = reinterpret_cast<cudaGraphExec_t>(new simt::Recording(*reinterpret_cast<simt::Recording*>(graph)));
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t) {
  const simt::Entered entered(simt::gate());
  for (const auto& call : *reinterpret_cast<simt::Recording*>(executable)) {
    if (const int error = call()) return static_cast<cudaError_t>(error);
  }
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  delete reinterpret_cast<simt::Recording*>(executable);
  return cudaSuccess;
}
}
