// The part of the stand-in that nvcc's host code calls at its start and at launches: they run the PTX of the same kernels.
#include <map>
#include <memory>
#include <stdexcept>

#include "simt/cudart.h"
#include "simt/ptx_kernel.h"

namespace flaxen::simt {

namespace {

struct DeviceCode {
  std::unique_ptr<PtxModule> module;
  std::map<const void*, std::string> kernels;  // by the host function that stands for it
};

DeviceCode& device_code() {  // nvcc's registration runs before main
  static DeviceCode& code = *new DeviceCode;
  return code;
}

int launch_kernel(const void* host, const Launch& launch, void** arguments) {
  DeviceCode& code = device_code();
  if (!code.module) throw std::logic_error("the simulator has no device code: call use_device");
  const auto name = code.kernels.find(host);
  const Function* function = name == code.kernels.end() ? nullptr : code.module->find(name->second);
  if (!function) return remembered(CudaError::no_kernel);
  if (const int error = check_launch(host, launch)) return error;
  if (launch.block.count() > function->max_threads) return remembered(CudaError::invalid_configuration);
  PtxKernel kernel(*code.module, *function, arguments);
  run(kernel, launch);
  return CudaError::success;
}

struct HostLaunchConfig {  // cudaLaunchConfig_t
  Dim3 grid, block;
  size_t dynamic_shared;
  void* stream;
  void* attributes;
  unsigned attribute_count;
};

}  // namespace

int use_device(const std::vector<std::string>& ptx_files) {
  auto module = std::make_unique<PtxModule>();
  for (const std::string& file : ptx_files) module->load(file);
  set_target(module->target());
  device_code().module = std::move(module);
  return device_code().module->target();
}

#define FLAXEN_CUDART __attribute__((visibility("default")))

extern "C" {

FLAXEN_CUDART void** __cudaRegisterFatBinary(void*) {
  static void* handle;
  return &handle;
}
FLAXEN_CUDART void __cudaRegisterFatBinaryEnd(void**) {}
FLAXEN_CUDART void __cudaUnregisterFatBinary(void**) {}
FLAXEN_CUDART char __cudaInitModule(void**) { return 1; }
FLAXEN_CUDART void __cudaRegisterFunction(void**, const char* host, char*, const char* name, int, void*, void*, void*, void*, int*) {
  device_code().kernels[host] = name;
}
FLAXEN_CUDART int __cudaGetKernel(void** kernel, const void* host) {
  *kernel = const_cast<void*>(host);
  return CudaError::success;
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
FLAXEN_CUDART int __cudaPopCallConfiguration(Dim3*, Dim3*, size_t*, void**) { return CudaError::invalid_configuration; }
}

}  // namespace flaxen::simt
