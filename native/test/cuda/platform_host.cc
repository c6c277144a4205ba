// The device runs the kernels as the host's compiler made them, as for sm_80, with its sanitizers.
#include "cuda/platform.h"
#include "simt/cudart.h"
#include "simt/memory.h"

namespace flaxen::test {

int open_device(int, char**) {
  simt::device_memory().own_addresses = true;
  simt::set_target(80);
  return 80;
}

}  // namespace flaxen::test
