#include "simt/cudart.h"

#include <cstring>
#include <map>
#include <memory>
#include <stdexcept>

#include "simt/ptx_kernel.h"
#include "simt/report.h"

namespace flaxen::simt {

namespace {

// Values of cudaError_t.
enum Error { success = 0, invalid_value = 1, out_of_memory = 2, invalid_configuration = 9, no_kernel = 98, launch_failure = 719 };

struct State {
  std::unique_ptr<PtxModule> module;
  std::map<const void*, std::string> kernels;          // by the host function that stands for it
  std::map<const void*, size_t> dynamic_shared_limit;  // raised by cudaFuncSetAttribute
  int last_error = success;
};

State& state() {  // nvcc's registration runs before main
  static State& s = *new State;
  return s;
}

int remembered(int error) {
  if (error != success) state().last_error = error;
  return error;
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

int launch_kernel(const void* host, const Launch& launch, void** arguments) {
  State& s = state();
  if (!s.module) throw std::logic_error("the simulator has no device code: call use_device");
  const auto name = s.kernels.find(host);
  const Function* function = name == s.kernels.end() ? nullptr : s.module->find(name->second);
  if (!function) return remembered(no_kernel);
  const auto limit = s.dynamic_shared_limit.find(host);
  if (launch.dynamic_shared > (limit == s.dynamic_shared_limit.end() ? kUsualSharedMemory : limit->second))
    return remembered(invalid_value);
  if (launch.block.count() > function->max_threads) return remembered(invalid_configuration);
  PtxKernel kernel(*s.module, *function, arguments);
  run(kernel, launch);
  return success;
}

}  // namespace

int use_device(const std::vector<std::string>& ptx_files) {
  auto module = std::make_unique<PtxModule>();
  for (const std::string& file : ptx_files) module->load(file);
  state().module = std::move(module);
  return state().module->target();
}

namespace {

struct HostLaunchConfig {  // cudaLaunchConfig_t
  Dim3 grid, block;
  size_t dynamic_shared;
  void* stream;
  void* attributes;
  unsigned attribute_count;
};

uint64_t address_of(const void* p) { return reinterpret_cast<uint64_t>(p); }

}  // namespace

extern "C" {

#define FLAXEN_CUDART __attribute__((visibility("default")))

FLAXEN_CUDART void** __cudaRegisterFatBinary(void*) {
  static void* handle;
  return &handle;
}
FLAXEN_CUDART void __cudaRegisterFatBinaryEnd(void**) {}
FLAXEN_CUDART void __cudaUnregisterFatBinary(void**) {}
FLAXEN_CUDART char __cudaInitModule(void**) { return 1; }
FLAXEN_CUDART void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, void*, void*, void*, void*, int*) {
  state().kernels[host] = name;
}
FLAXEN_CUDART int __cudaGetKernel(void** kernel, const void* host) {
  *kernel = const_cast<void*>(host);
  return success;
}

FLAXEN_CUDART int cudaLaunchKernelExC(const HostLaunchConfig* config, const void* host, void** arguments) {
  return launch_kernel(host, {config->grid, config->block, config->dynamic_shared}, arguments);
}
// Reached only by <<< >>>, which the kernels' host code does not use.
FLAXEN_CUDART int __cudaLaunchKernel(void* host, Dim3 grid, Dim3 block, void** arguments, size_t dynamic_shared, void*) {
  return launch_kernel(host, {grid, block, dynamic_shared}, arguments);
}
FLAXEN_CUDART int cudaLaunchKernel(const void* host, Dim3 grid, Dim3 block, void** arguments, size_t dynamic_shared, void*) {
  return launch_kernel(host, {grid, block, dynamic_shared}, arguments);
}
FLAXEN_CUDART unsigned __cudaPushCallConfiguration(Dim3, Dim3, size_t, void*) { return 1; }  // not 0: "do not launch"
FLAXEN_CUDART int __cudaPopCallConfiguration(Dim3*, Dim3*, size_t*, void**) { return invalid_configuration; }

FLAXEN_CUDART int cudaFuncSetAttribute(const void* host, int, int bytes) {
  if (static_cast<size_t>(bytes) > shared_memory_limit(state().module->target())) return remembered(invalid_value);
  state().dynamic_shared_limit[host] = static_cast<size_t>(bytes);
  return success;
}

FLAXEN_CUDART int cudaMalloc(void** p, size_t n) {
  *p = reinterpret_cast<void*>(device_memory().allocate(n));
  return *p ? success : remembered(out_of_memory);
}
FLAXEN_CUDART int cudaFree(void* p) { return !p || device_memory().free(address_of(p)) ? success : remembered(invalid_value); }

FLAXEN_CUDART int cudaMemcpyAsync(void* to, const void* from, size_t n, int kind, void*) {
  if (n == 0) return success;
  DeviceMemory& memory = device_memory();
  constexpr int kToDevice = 1, kToHost = 2;
  if (kind != kToHost && !memory.host(address_of(to), n)) return remembered(invalid_value);
  if (kind != kToDevice && !memory.host(address_of(from), n)) return remembered(invalid_value);
  if (kind == kToHost) {
    memory.copy_out(to, address_of(from), n);
  } else {
    memory.copy_in(address_of(to), kind == kToDevice ? from : memory.host(address_of(from), n), n);
  }
  return success;
}
FLAXEN_CUDART int cudaMemcpy(void* to, const void* from, size_t n, int kind) { return cudaMemcpyAsync(to, from, n, kind, nullptr); }
FLAXEN_CUDART int cudaMemsetAsync(void* to, int value, size_t n, void*) {
  uint8_t* host = device_memory().host(address_of(to), n);
  if (n == 0) return success;
  if (!host) return remembered(invalid_value);
  std::memset(host, value, n);
  device_memory().space().find(address_of(to))->mark_written(address_of(to), n);
  return success;
}

FLAXEN_CUDART int cudaStreamSynchronize(void*) { return success; }
FLAXEN_CUDART int cudaDeviceSynchronize() { return success; }
FLAXEN_CUDART int cudaGetLastError() {
  const int error = state().last_error;
  state().last_error = success;
  return error;
}
FLAXEN_CUDART const char* cudaGetErrorString(int error) {
  switch (error) {
    case success:
      return "no error";
    case invalid_value:
      return "invalid argument";
    case out_of_memory:
      return "out of memory";
    case invalid_configuration:
      return "invalid configuration argument";
    case no_kernel:
      return "invalid device function";
    default:
      return "unspecified launch failure";
  }
}
FLAXEN_CUDART int cudaGetDeviceCount(int* count) {
  *count = 1;
  return success;
}
}

}  // namespace flaxen::simt
