// The stand-in's devices, streams, events and captured graphs, as the runtime half of the library calls them.
#include <cuda_runtime_api.h>

#include <cstdio>
#include <map>

#include "simt/cudart.h"
#include "simt/memory.h"
#include "simt/stream.h"

namespace simt = flaxen::simt;
using simt::Call;

namespace {

constexpr int kProcessors = 4;
constexpr int kPatience = 200;  // questions about an event until its work is done

// What was made and not destroyed yet, by handle.
template <typename T>
class Handles {
 public:
  template <typename Handle>
  void add(Handle* handle, T made) {
    auto kept = std::make_shared<T>(std::move(made));
    *handle = reinterpret_cast<Handle>(kept.get());
    all_[kept.get()] = std::move(kept);
  }
  std::shared_ptr<T> find(const void* handle) const {
    const auto found = all_.find(handle);
    return found == all_.end() ? nullptr : found->second;
  }
  cudaError_t destroy(const void* handle, const char* call) {
    if (all_.erase(handle) > 0) return cudaSuccess;
    simt::misuse(std::string(call) + " of what is not there");
    return cudaErrorInvalidResourceHandle;
  }

 private:
  std::map<const void*, std::shared_ptr<T>> all_;
};

Handles<simt::Event>& events() {
  static auto& all = *new Handles<simt::Event>;
  return all;
}
Handles<simt::Recording>& graphs() {
  static auto& all = *new Handles<simt::Recording>;
  return all;
}

cudaError_t remembered(int error) { return static_cast<cudaError_t>(simt::remembered(error)); }

}  // namespace

#define FLAXEN_CUDART __attribute__((visibility("default")))
// Leaves the function where the call must not go on.
#define FLAXEN_CALL(...)        \
  const Call call(__VA_ARGS__); \
  if (call.error) return static_cast<cudaError_t>(call.error)

extern "C" {

FLAXEN_CUDART cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaDriverGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaSetDevice(int ordinal) {
  FLAXEN_CALL("cudaSetDevice");
  if (ordinal < 0 || ordinal >= simt::device_count()) return remembered(cudaErrorInvalidDevice);
  simt::current_device() = ordinal;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int ordinal) {
  FLAXEN_CALL("cudaGetDeviceProperties");
  if (ordinal < 0 || ordinal >= simt::device_count()) return remembered(cudaErrorInvalidDevice);
  const int target = simt::device_target();
  *properties = {};
  const int index = simt::index_on_machine(ordinal);
  const std::string which = index == 0 ? "" : " #" + std::to_string(index);
  std::snprintf(properties->name, sizeof properties->name, "simulated sm_%d%s", target, which.c_str());
  properties->major = target / 10;
  properties->minor = target % 10;
  properties->multiProcessorCount = kProcessors;
  properties->totalGlobalMem = simt::device_memory(ordinal).limit;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  FLAXEN_CALL("cudaMemGetInfo");
  const simt::DeviceMemory& memory = simt::device_memory(simt::current_device());
  *total = memory.limit;
  *free = *total - memory.used();
  return cudaSuccess;
}

FLAXEN_CUDART cudaError_t cudaMallocHost(void** memory, size_t bytes) {
  FLAXEN_CALL("cudaMallocHost", Call::InCapture::refused);
  *memory = simt::allocate_pinned(bytes);
  return *memory ? cudaSuccess : remembered(cudaErrorMemoryAllocation);
}
// Waits for the device, as the real one may.
FLAXEN_CUDART cudaError_t cudaFreeHost(void* memory) {
  FLAXEN_CALL("cudaFreeHost", Call::InCapture::refused);
  if (const int error = simt::finish_all(simt::current_device())) return static_cast<cudaError_t>(error);
  if (!memory || simt::free_pinned(memory)) return cudaSuccess;
  simt::misuse("cudaFreeHost of what is no allocation");
  return remembered(cudaErrorInvalidValue);
}

FLAXEN_CUDART cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned) {
  FLAXEN_CALL("cudaStreamCreate", Call::InCapture::refused);
  *stream = static_cast<cudaStream_t>(simt::make_stream(simt::current_device()));
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  FLAXEN_CALL("cudaStreamDestroy", Call::InCapture::refused);
  if (simt::destroy_stream(stream)) return cudaSuccess;
  simt::misuse("cudaStreamDestroy of what is not there");
  return remembered(cudaErrorInvalidResourceHandle);
}

FLAXEN_CUDART cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  FLAXEN_CALL("cudaEventCreate");
  events().add(event, {simt::current_device(), nullptr, 0, 0});
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaEventRecord(cudaEvent_t handle, cudaStream_t on) {
  FLAXEN_CALL("cudaEventRecord");
  const auto event = events().find(handle);
  const auto stream = simt::stream_of(on);
  if (!event || !stream || event->device != stream->device) return remembered(cudaErrorInvalidResourceHandle);
  *event = {event->device, stream, stream->submitted, 0};
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaEventQuery(cudaEvent_t handle) {
  FLAXEN_CALL("cudaEventQuery", Call::InCapture::refused);
  const auto event = events().find(handle);
  if (!event) return remembered(cudaErrorInvalidResourceHandle);
  if (!event->stream || event->stream->done >= event->ticket) return cudaSuccess;
  if (++event->asked < kPatience) return remembered(cudaErrorNotReady);
  return static_cast<cudaError_t>(simt::finish(*event->stream, event->ticket));
}
FLAXEN_CUDART cudaError_t cudaEventSynchronize(cudaEvent_t handle) {
  FLAXEN_CALL("cudaEventSynchronize", Call::InCapture::refused);
  const auto event = events().find(handle);
  if (!event) return remembered(cudaErrorInvalidResourceHandle);
  return event->stream ? static_cast<cudaError_t>(simt::finish(*event->stream, event->ticket)) : cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaEventDestroy(cudaEvent_t event) {
  FLAXEN_CALL("cudaEventDestroy");
  return events().destroy(event, "cudaEventDestroy");
}

FLAXEN_CUDART cudaError_t cudaStreamBeginCapture(cudaStream_t handle, cudaStreamCaptureMode) {
  FLAXEN_CALL("cudaStreamBeginCapture", Call::InCapture::refused);
  const auto stream = simt::stream_of(handle);
  if (!stream) return remembered(cudaErrorInvalidResourceHandle);
  if (stream->recording) return remembered(cudaErrorIllegalState);
  stream->recording.emplace();
  stream->spoilt = false;
  simt::captured_stream() = handle;
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaStreamEndCapture(cudaStream_t handle, cudaGraph_t* graph) {
  FLAXEN_CALL("cudaStreamEndCapture");
  *graph = nullptr;
  const auto stream = simt::stream_of(handle);
  if (!stream || !stream->recording) return remembered(cudaErrorIllegalState);
  if (simt::captured_stream() != handle) return remembered(cudaErrorStreamCaptureWrongThread);
  simt::captured_stream() = nullptr;
  if (!stream->spoilt) graphs().add(graph, std::move(*stream->recording));
  stream->recording.reset();
  return stream->spoilt ? remembered(cudaErrorStreamCaptureInvalidated) : cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
  FLAXEN_CALL("cudaGraphDestroy");
  return graphs().destroy(graph, "cudaGraphDestroy");
}
FLAXEN_CUDART cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t handle, unsigned long long) {
  FLAXEN_CALL("cudaGraphInstantiate", Call::InCapture::refused);
  const auto graph = graphs().find(handle);
  if (!graph) return remembered(cudaErrorInvalidValue);
  graphs().add(executable, *graph);
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t handle) {
  FLAXEN_CALL("cudaGraphLaunch", Call::InCapture::refused);
  const auto graph = graphs().find(executable);
  const auto stream = simt::stream_of(handle);
  if (!graph || !stream || stream->device != simt::current_device()) return remembered(cudaErrorInvalidResourceHandle);
  for (const simt::Work& work : *graph) {
    if (const int error = simt::submit(handle, work)) return remembered(error);
  }
  return cudaSuccess;
}
FLAXEN_CUDART cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) {
  FLAXEN_CALL("cudaGraphExecDestroy");
  return graphs().destroy(executable, "cudaGraphExecDestroy");
}
}
