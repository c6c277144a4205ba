// The simulated devices of libflaxen_cuda_sim.so: FLAXEN_CUDA_SIM chooses their architecture, 75, 80 or 120; anything else is 80. There is
// one, or as many as FLAXEN_CUDA_SIM_DEVICES says.
#include <cstdlib>
#include <string>

#include "simt/cudart.h"

namespace {

// What the build gives: the device code of each architecture, as paths joined by colons.
flaxen::simt::PtxFiles files() {
  const char* asked = std::getenv("FLAXEN_CUDA_SIM");
  const std::string target = asked ? asked : "";
  const char* joined = target == "75" ? FLAXEN_PTX_75 : target == "120" ? FLAXEN_PTX_120 : FLAXEN_PTX_80;
  flaxen::simt::PtxFiles list(1);
  for (const char* c = joined; *c; ++c) {
    if (*c == ':') {
      list.emplace_back();
    } else {
      list.back() += *c;
    }
  }
  return list;
}

bool registered() {
  flaxen::simt::use_device_when_needed(files);
  const char* devices = std::getenv("FLAXEN_CUDA_SIM_DEVICES");
  flaxen::simt::set_device_count(devices ? std::atoi(devices) : 1);
  return true;
}
const bool is_registered = registered();

}  // namespace
