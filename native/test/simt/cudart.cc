#include "simt/cudart.h"

#include <cstdlib>
#include <cstring>
#include <map>
#include <utility>

#include "simt/memory.h"
#include "simt/report.h"
#include "simt/stream.h"
#include "simt/visible_devices.h"

#define FLAXEN_CUDART __attribute__((visibility("default")))

namespace flaxen::simt {

namespace {

struct State {
  int target = 80;
  std::vector<int> devices{0};                                         // by their index on the machine
  std::map<std::pair<int, const void*>, size_t> dynamic_shared_limit;  // of a device's kernel, raised by cudaFuncSetAttribute
  int last_error = CudaError::success;
  int lost = CudaError::success;
  std::map<std::string, int> faults;  // by call: what its next one gives
  std::map<const uint8_t*, size_t> pinned;
  size_t pinned_bytes = 0, pinned_limit = size_t{1} << 30;
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
constexpr int kToDevice = 1, kToHost = 2;

uint64_t address_of(const void* p) { return reinterpret_cast<uint64_t>(p); }

int copy_memory(void* to, const void* from, size_t n, int kind) {
  if (n == 0) return CudaError::success;
  DeviceMemory& memory = device_memory();
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

Call::Call(const char* name, InCapture in_capture) : entered_(gate()) {
  if (lost() != CudaError::success) {
    error = lost();
  } else if (in_capture == InCapture::refused && captured_stream()) {
    stream_of(captured_stream())->spoilt = true;
    error = CudaError::capture_unsupported;
  } else {
    error = planned_error(name);
  }
  remembered(error);
}

void*& captured_stream() {
  thread_local void* stream = nullptr;
  return stream;
}

void fail_next(const std::string& call, int error) { state().faults[call] = error; }

int planned_error(const std::string& call) {
  const auto fault = state().faults.find(call);
  return fault == state().faults.end() ? CudaError::success : state().faults.extract(fault).mapped();
}

int lost() { return state().lost; }
void lose(int error) { state().lost = error; }
void find_again() { state().lost = state().last_error = CudaError::success; }

void misuse(const std::string& what) { reports().add("runtime", what); }

int remembered(int error) {
  if (error != CudaError::success) state().last_error = error;
  return error;
}

void set_target(int target) { state().target = target; }
void set_device_count(int count) { set_devices(visible_devices(nullptr, count)); }
void set_devices(std::vector<int> on_machine) { state().devices = std::move(on_machine); }
int device_count() { return static_cast<int>(state().devices.size()); }
int index_on_machine(int device) { return state().devices[static_cast<size_t>(device)]; }
int& current_device() {
  thread_local int device = 0;
  return device;
}

int check_launch(const void* function, const Launch& launch, size_t static_shared) {
  const Dim3 &g = launch.grid, &b = launch.block;
  if (b.count() == 0 || b.count() > 1024 || b.x > 1024 || b.y > 1024 || b.z > 64) return remembered(CudaError::invalid_configuration);
  if (g.count() == 0 || g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535) return remembered(CudaError::invalid_configuration);
  const auto raised = state().dynamic_shared_limit.find({current_device(), function});
  const size_t most = raised == state().dynamic_shared_limit.end() ? kUsualSharedMemory - static_shared : raised->second;
  const bool fits = launch.dynamic_shared <= most && launch.dynamic_shared + static_shared <= shared_memory_limit(state().target);
  return fits ? CudaError::success : remembered(CudaError::invalid_value);
}

void* allocate_pinned(size_t bytes) {
  if (state().pinned_bytes + bytes > state().pinned_limit) return nullptr;
  auto* memory = static_cast<uint8_t*>(std::malloc(bytes));
  std::memset(memory, 0xff, bytes);
  state().pinned[memory] = bytes;
  state().pinned_bytes += bytes;
  return memory;
}

bool free_pinned(void* memory) {
  const auto found = state().pinned.find(static_cast<const uint8_t*>(memory));
  if (found == state().pinned.end()) return false;
  state().pinned_bytes -= found->second;
  state().pinned.erase(found);
  std::free(memory);
  return true;
}

bool is_pinned(const void* p) {
  const auto* byte = static_cast<const uint8_t*>(p);
  auto after = state().pinned.upper_bound(byte);
  if (after == state().pinned.begin()) return false;
  const auto& [begin, bytes] = *std::prev(after);
  return byte < begin + bytes;
}

size_t pinned_bytes() { return state().pinned_bytes; }
void limit_pinned(size_t bytes) { state().pinned_limit = bytes; }

int copy_async(void* to, const void* from, size_t n, int kind, void* handle) {
  const std::shared_ptr<Stream> stream = stream_of(handle);
  if (!stream) return is_stream(handle) ? copy_memory(to, from, n, kind) : remembered(CudaError::invalid_handle);
  const bool pageable = (kind == kToDevice && !is_pinned(from)) || (kind == kToHost && !is_pinned(to));
  if (!pageable) return submit(handle, [=] { return copy_memory(to, from, n, kind); });
  if (stream->recording) {
    stream->spoilt = true;
    return remembered(CudaError::capture_unsupported);
  }
  if (kind == kToHost) {  // comes back when it is done
    submit(handle, [=] { return copy_memory(to, from, n, kind); });
    return finish(*stream);
  }
  const auto* bytes = static_cast<const uint8_t*>(from);
  const auto staged = std::make_shared<std::vector<uint8_t>>(bytes, bytes + n);
  return submit(handle, [=] { return copy_memory(to, staged->data(), n, kind); });
}

extern "C" {

FLAXEN_CUDART int cudaFuncSetAttribute(const void* host, int, int bytes) {
  const Call call("cudaFuncSetAttribute");
  if (call.error) return call.error;
  if (static_cast<size_t>(bytes) > shared_memory_limit(state().target)) return remembered(CudaError::invalid_value);
  state().dynamic_shared_limit[{current_device(), host}] = static_cast<size_t>(bytes);
  return CudaError::success;
}

FLAXEN_CUDART int cudaMalloc(void** p, size_t n) {
  const Call call("cudaMalloc", Call::InCapture::refused);
  if (call.error) return call.error;
  *p = reinterpret_cast<void*>(device_memory(current_device()).allocate(n));
  return *p ? CudaError::success : remembered(CudaError::out_of_memory);
}
// Waits for the device, as the real one does.
FLAXEN_CUDART int cudaFree(void* p) {
  const Call call("cudaFree", Call::InCapture::refused);
  if (call.error || !p) return call.error;
  for (int device = 0; device < device_count(); ++device) {
    if (!device_memory(device).space().starting_at(address_of(p))) continue;
    if (const int error = finish_all(device)) return error;
    device_memory(device).free(address_of(p));
    return CudaError::success;
  }
  misuse("cudaFree of what is no allocation");
  return remembered(CudaError::invalid_value);
}

FLAXEN_CUDART int cudaMemcpyAsync(void* to, const void* from, size_t n, int kind, void* stream) {
  const Call call("cudaMemcpyAsync");
  return call.error ? call.error : copy_async(to, from, n, kind, stream);
}
FLAXEN_CUDART int cudaMemcpy(void* to, const void* from, size_t n, int kind) {
  const Call call("cudaMemcpy", Call::InCapture::refused);
  if (call.error) return call.error;
  if (const int error = finish_all(current_device())) return error;
  const OnDevice on(current_device());
  return copy_memory(to, from, n, kind);
}
FLAXEN_CUDART int cudaMemsetAsync(void* to, int value, size_t n, void* stream) {
  const Call call("cudaMemsetAsync");
  if (call.error) return call.error;
  return submit(stream, [=] {
    uint8_t* host = device_memory().host(address_of(to), n);
    if (n == 0) return int{CudaError::success};
    if (!host) return remembered(CudaError::invalid_value);
    std::memset(host, value, n);
    device_memory().space().find(address_of(to))->mark_written(address_of(to), n);
    return int{CudaError::success};
  });
}

FLAXEN_CUDART int cudaStreamSynchronize(void* handle) {
  const Call call("cudaStreamSynchronize", Call::InCapture::refused);
  if (call.error || !handle) return call.error;
  const std::shared_ptr<Stream> stream = stream_of(handle);
  return stream ? finish(*stream) : remembered(CudaError::invalid_handle);
}
FLAXEN_CUDART int cudaDeviceSynchronize() {
  const Call call("cudaDeviceSynchronize", Call::InCapture::refused);
  return call.error ? call.error : finish_all(current_device());
}
FLAXEN_CUDART int cudaGetLastError() {
  const Entered entered(gate());
  const int error = state().last_error;
  state().last_error = state().lost;
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
    case CudaError::no_device:
      return "no CUDA-capable device is detected";
    case CudaError::invalid_device:
      return "invalid device ordinal";
    case CudaError::invalid_handle:
      return "invalid resource handle";
    case CudaError::capture_unsupported:
      return "operation not permitted when stream is capturing";
    case CudaError::capture_invalidated:
      return "operation failed due to a previous error during capture";
    default:
      return "unspecified launch failure";
  }
}
FLAXEN_CUDART int cudaGetDeviceCount(int* count) {
  if (device_count() == 0) return remembered(CudaError::no_device);
  *count = device_count();
  return CudaError::success;
}
}

}  // namespace flaxen::simt
