// A stand-in for the CUDA runtime: the library's host code is linked with this instead of cudart. As nvcc compiled it, its launches run the
// PTX that nvcc made of the very kernels; as the host's compiler did, the kernels' own functions.
#pragma once

#include <string>
#include <vector>

#include "simt/launch.h"

namespace flaxen::simt {

// Values of cudaError_t.
struct CudaError {
  enum { success = 0, invalid_value = 1, out_of_memory = 2, invalid_configuration = 9, no_kernel = 98 };
};

// Makes these files the device's code, and the device one of their architecture, which it returns: 80 for sm_80.
int use_device(const std::vector<std::string>& ptx_files);
void set_target(int target);

// For the next cudaGetLastError, unless it is success; returns it.
int remembered(int error);
// Whether the device has the shared memory that a launch of this host function asks for.
int check_launch(const void* function, const Launch& launch);

}  // namespace flaxen::simt
