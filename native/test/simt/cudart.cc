#include "simt/cudart.h"

#include <cstring>
#include <map>

#include "simt/memory.h"

#define FLAXEN_CUDART __attribute__((visibility("default")))

namespace flaxen::simt {

namespace {

struct State {
  int target = 80;
  std::map<const void*, size_t> dynamic_shared_limit;  // raised by cudaFuncSetAttribute
  int last_error = CudaError::success;
  std::map<void*, std::unique_ptr<Recording>> recordings;  // by stream
};

State& state() {
  static State& s = *new State;
  return s;
}

// What a block of this architecture may have, of the CUDA programming guide's table of compute capabilities.
size_t shared_memory_limit(int target) {
  switch (target) {
    case 75:
      return 64 * 1024;
    case 80:
      return 163 * 1024;
    case 90:
    case 100:
      return 227 * 1024;
    default:
      return 99 * 1024;
  }
}

constexpr size_t kUsualSharedMemory = 48 * 1024;

uint64_t address_of(const void* p) { return reinterpret_cast<uint64_t>(p); }

int copy_memory(void* to, const void* from, size_t n, int kind) {
  if (n == 0) return CudaError::success;
  DeviceMemory& memory = device_memory();
  constexpr int kToDevice = 1, kToHost = 2;
  if (kind != kToHost && !memory.host(address_of(to), n)) return remembered(CudaError::invalid_value);
  if (kind != kToDevice && !memory.host(address_of(from), n)) return remembered(CudaError::invalid_value);
  if (kind == kToHost) {
    memory.copy_out(to, address_of(from), n);
  } else {
    memory.copy_in(address_of(to), kind == kToDevice ? from : memory.host(address_of(from), n), n);
  }
  return CudaError::success;
}

}  // namespace

std::recursive_mutex& gate() {
  static std::recursive_mutex& mutex = *new std::recursive_mutex;
  return mutex;
}

bool begin_recording(void* stream) { return state().recordings.emplace(stream, std::make_unique<Recording>()).second; }

std::unique_ptr<Recording> end_recording(void* stream) {
  const auto found = state().recordings.find(stream);
  if (found == state().recordings.end()) return nullptr;
  std::unique_ptr<Recording> recording = std::move(found->second);
  state().recordings.erase(found);
  return recording;
}

bool is_recording(void* stream) { return state().recordings.count(stream) > 0; }

int submit(void* stream, std::function<int()> call) {
  const auto recording = state().recordings.find(stream);
  if (recording == state().recordings.end()) return call();
  recording->second->push_back(std::move(call));
  return CudaError::success;
}

int remembered(int error) {
  if (error != CudaError::success) state().last_error = error;
  return error;
}

void set_target(int target) { state().target = target; }

int check_launch(const void* function, const Launch& launch) {
  const auto limit = state().dynamic_shared_limit.find(function);
  const size_t most = limit == state().dynamic_shared_limit.end() ? kUsualSharedMemory : limit->second;
  return launch.dynamic_shared <= most ? CudaError::success : remembered(CudaError::invalid_value);
}

extern "C" {

FLAXEN_CUDART int cudaFuncSetAttribute(const void* host, int, int bytes) {
  const Entered entered(gate());
  if (static_cast<size_t>(bytes) > shared_memory_limit(state().target)) return remembered(CudaError::invalid_value);
  state().dynamic_shared_limit[host] = static_cast<size_t>(bytes);
  return CudaError::success;
}

FLAXEN_CUDART int cudaMalloc(void** p, size_t n) {
  const Entered entered(gate());
  *p = reinterpret_cast<void*>(device_memory().allocate(n));
  return *p ? CudaError::success : remembered(CudaError::out_of_memory);
}
FLAXEN_CUDART int cudaFree(void* p) {
  const Entered entered(gate());
  return !p || device_memory().free(address_of(p)) ? CudaError::success : remembered(CudaError::invalid_value);
}

FLAXEN_CUDART int cudaMemcpyAsync(void* to, const void* from, size_t n, int kind, void* stream) {
  const Entered entered(gate());
  return submit(stream, [=] { return copy_memory(to, from, n, kind); });
}
FLAXEN_CUDART int cudaMemcpy(void* to, const void* from, size_t n, int kind) {
  const Entered entered(gate());
  return copy_memory(to, from, n, kind);
}
FLAXEN_CUDART int cudaMemsetAsync(void* to, int value, size_t n, void*) {
  const Entered entered(gate());
  uint8_t* host = device_memory().host(address_of(to), n);
  if (n == 0) return CudaError::success;
  if (!host) return remembered(CudaError::invalid_value);
  std::memset(host, value, n);
  device_memory().space().find(address_of(to))->mark_written(address_of(to), n);
  return CudaError::success;
}

FLAXEN_CUDART int cudaStreamSynchronize(void*) { return CudaError::success; }
FLAXEN_CUDART int cudaDeviceSynchronize() { return CudaError::success; }
FLAXEN_CUDART int cudaGetLastError() {
  const Entered entered(gate());
  const int error = state().last_error;
  state().last_error = CudaError::success;
  return error;
}
FLAXEN_CUDART const char* cudaGetErrorString(int error) {
  switch (error) {
    case CudaError::success:
      return "no error";
    case CudaError::invalid_value:
      return "invalid argument";
    case CudaError::out_of_memory:
      return "out of memory";
    case CudaError::invalid_configuration:
      return "invalid configuration argument";
    case CudaError::no_kernel:
      return "invalid device function";
    default:
      return "unspecified launch failure";
  }
}
FLAXEN_CUDART int cudaGetDeviceCount(int* count) {
  *count = 1;
  return CudaError::success;
}
}

}  // namespace flaxen::simt
