// A stand-in for the CUDA runtime: the library's host code, as nvcc compiled it, is linked with this instead of cudart, and its launches
// run the PTX that nvcc made of the very kernels.
#pragma once

#include <string>
#include <vector>

namespace flaxen::simt {

// Makes these files the device's code, and the device one of their architecture, which it returns: 80 for sm_80.
int use_device(const std::vector<std::string>& ptx_files);

}  // namespace flaxen::simt
