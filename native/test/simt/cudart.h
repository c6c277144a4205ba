// A stand-in for the CUDA runtime: the library's host code is linked with this instead of cudart. As nvcc compiled it, its launches run the
// PTX that nvcc made of the very kernels; as the host's compiler did, the kernels' own functions.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "simt/launch.h"

namespace flaxen::simt {

// Values of cudaError_t.
struct CudaError {
  enum { success = 0, invalid_value = 1, out_of_memory = 2, invalid_configuration = 9, no_kernel = 98, launch_failure = 719 };
};

using PtxFiles = std::vector<std::string>;

// Makes these files the device's code, and the device one of their architecture, which it returns: 80 for sm_80.
int use_device(const PtxFiles& ptx_files);
void set_target(int target);
// The same with the files that `files` gives, once the device is used; from then on whatever the simulator reports fails the launch.
void use_device_when_needed(PtxFiles (*files)());
// The architecture of the device, with its code there.
int device_target();

// One thread at a time is in the simulator.
std::recursive_mutex& gate();
using Entered = std::lock_guard<std::recursive_mutex>;

// A captured graph: its calls, to be made again. False or null where begin and end do not go together.
using Recording = std::vector<std::function<int()>>;
bool begin_recording(void* stream);
std::unique_ptr<Recording> end_recording(void* stream);
bool is_recording(void* stream);
// Makes the call now, or writes it down where the stream is being recorded.
int submit(void* stream, std::function<int()> call);

// For the next cudaGetLastError, unless it is success; returns it.
int remembered(int error);
// Whether the device has the shared memory that a launch of this host function asks for.
int check_launch(const void* function, const Launch& launch);

}  // namespace flaxen::simt
