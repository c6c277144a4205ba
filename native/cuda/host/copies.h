// Copies between arrays of the host and of the device that, to the caller, are done when they return.
#pragma once

#include "cuda/host/device.h"

namespace flaxen::cuda {

// Throw DeviceError.
void write(Device& device, void* to, const void* from, size_t bytes);
void read(Device& device, void* to, const void* from, size_t bytes);

}  // namespace flaxen::cuda
