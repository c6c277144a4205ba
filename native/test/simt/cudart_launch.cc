// The part of the stand-in that nvcc's host code calls at its start and at launches: they run the PTX of the same kernels.
#include <cxxabi.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <stdexcept>

#include "simt/cudart.h"
#include "simt/memory.h"
#include "simt/ptx_kernel.h"
#include "simt/report.h"
#include "simt/stream.h"

namespace flaxen::simt {

namespace {

struct DeviceCode {
  std::array<std::unique_ptr<PtxModule>, kMostDevices> modules;  // each device has its own constants
  PtxFiles files;
  std::map<const void*, std::string> kernels;  // by the host function that stands for it
  PtxFiles (*needed)() = nullptr;              // what to run where use_device was not called
  bool strict = false;                         // a report is a failure of the launch
  std::ofstream log;                           // of launches, if it is open
};

DeviceCode& device_code() {  // nvcc's registration runs before main
  static DeviceCode& code = *new DeviceCode;
  return code;
}

PtxModule& module(int device) {
  DeviceCode& code = device_code();
  if (code.files.empty() && code.needed) code.files = code.needed();
  if (code.files.empty()) throw std::logic_error("the simulator has no device code: call use_device");
  std::unique_ptr<PtxModule>& own = code.modules[static_cast<size_t>(device)];
  if (!own) {
    const OnDevice on(device);
    auto loaded = std::make_unique<PtxModule>();
    for (const std::string& file : code.files) loaded->load(file);
    set_target(loaded->target());
    own = std::move(loaded);
  }
  return *own;
}

const Function* function_of(const void* host, int device) {
  const auto name = device_code().kernels.find(host);
  return name == device_code().kernels.end() ? nullptr : module(device).find(name->second);
}

// "gemm" of the mangled void flaxen::cuda::gemm<...>(...).
std::string plain_name(const std::string& mangled) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> text(abi::__cxa_demangle(mangled.c_str(), nullptr, nullptr, &status), std::free);
  const std::string full = status == 0 ? text.get() : mangled, space = "flaxen::cuda::";
  const size_t at = full.find(space), begin = at == full.npos ? 0 : at + space.size();
  return full.substr(begin, full.find_first_of("<(", begin) - begin);
}

int run_kernel(const PtxModule& code, const Function& function, const Launch& launch, void** arguments) {
  for (const std::string& name : {std::string("kernel"), plain_name(function.name)}) {
    if (const int error = planned_error(name)) return error;
  }
  PtxKernel kernel(code, function, arguments);
  run(kernel, launch);
  if (!device_code().strict || reports().empty()) return CudaError::success;
  for (const Report& r : reports().list()) std::fprintf(stderr, "simulated device: %s: %s\n", r.kind.c_str(), r.text.c_str());
  reports().clear();
  return CudaError::launch_failure;
}

int launch_kernel(const void* host, const Launch& launch, void** arguments, void* handle) {
  const Call call("cudaLaunchKernel");
  if (call.error) return call.error;
  const std::shared_ptr<Stream> stream = stream_of(handle);
  const int device = current_device();
  if (!is_stream(handle) || (stream && stream->device != device)) return remembered(CudaError::invalid_handle);
  const Function* function = function_of(host, device);
  if (!function) return remembered(CudaError::no_kernel);
  size_t static_shared = 0;
  for (const SharedVariable& v : function->shared) static_shared += v.size;
  if (const int error = check_launch(host, launch, static_shared)) return error;
  if (launch.block.count() > function->max_threads) return remembered(CudaError::invalid_configuration);
  if (device_code().log.is_open()) device_code().log << plain_name(function->name) << std::endl;
  const PtxModule& code = module(device);
  if (!stream) return remembered(run_kernel(code, *function, launch, arguments));
  // The caller's arguments are gone by the time that the kernel runs.
  std::vector<std::vector<uint8_t>> kept;
  for (size_t p = 0; p < function->parameters.size(); ++p) {
    const auto* bytes = static_cast<const uint8_t*>(arguments[p]);
    kept.emplace_back(bytes, bytes + function->parameters[p].size);
  }
  return submit(handle, [&code, function, launch, kept = std::move(kept)] {
    std::vector<void*> pointers;
    for (const auto& argument : kept) pointers.push_back(const_cast<uint8_t*>(argument.data()));
    return run_kernel(code, *function, launch, pointers.data());
  });
}

struct HostLaunchConfig {  // cudaLaunchConfig_t
  Dim3 grid, block;
  size_t dynamic_shared;
  void* stream;
  void* attributes;
  unsigned attribute_count;
};

}  // namespace

void use_device_when_needed(PtxFiles (*files)()) {
  device_code().needed = files;
  device_code().strict = true;
}

void log_launches(const std::string& path) { device_code().log.open(path, std::ios::app); }

int device_target() {
  const Entered entered(gate());
  return module(0).target();
}

int use_device(const PtxFiles& ptx_files) {
  device_code().files = ptx_files;
  device_code().modules = {};
  return device_target();
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
  return launch_kernel(host, {config->grid, config->block, config->dynamic_shared}, arguments, config->stream);
}
// Reached only by <<< >>>, which the kernels' host code does not use.
FLAXEN_CUDART int __cudaLaunchKernel(void* host, Dim3 grid, Dim3 block, void** arguments, size_t dynamic_shared, void* stream) {
  return launch_kernel(host, {grid, block, dynamic_shared}, arguments, stream);
}
FLAXEN_CUDART int cudaLaunchKernel(const void* host, Dim3 grid, Dim3 block, void** arguments, size_t dynamic_shared, void* stream) {
  return launch_kernel(host, {grid, block, dynamic_shared}, arguments, stream);
}
FLAXEN_CUDART unsigned __cudaPushCallConfiguration(Dim3, Dim3, size_t, void*) { return 1; }  // not 0: "do not launch"
FLAXEN_CUDART int __cudaPopCallConfiguration(Dim3*, Dim3*, size_t*, void**) { return CudaError::invalid_configuration; }
}

}  // namespace flaxen::simt
