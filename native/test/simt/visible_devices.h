// CUDA_VISIBLE_DEVICES: which of a machine's devices a process sees, and in which order.
#pragma once

#include <vector>

namespace flaxen::simt {

// The devices that `text`, a list of indices such as "2,0", leaves of so many; all where it is null. As the CUDA programming guide says it:
// what is no index of a device ends the list, so that an empty text leaves none. So does here, where the guide says nothing, a second
// naming.
std::vector<int> visible_devices(const char* text, int devices);

}  // namespace flaxen::simt
