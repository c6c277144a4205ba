// The simulated devices of libflaxen_cuda_sim.so: FLAXEN_CUDA_SIM chooses their architecture, 75, 80 or 120; anything else is 80. There is
// one, or as many as FLAXEN_CUDA_SIM_DEVICES says, of which CUDA_VISIBLE_DEVICES chooses as ever. FLAXEN_CUDA_SIM_FAIL=cudaMalloc:46 makes
// the first such call fail with that error, and kernel:700 the first kernel, sort_chunks:700 the first of that name. FLAXEN_CUDA_SIM_LOG
// names a file that gets a line for each kernel that is launched.
#include <cstdlib>
#include <string>

#include "simt/cudart.h"
#include "simt/visible_devices.h"

namespace {

std::string setting(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// What the build gives: the device code of each architecture, as paths joined by colons.
flaxen::simt::PtxFiles files() {
  const std::string target = setting("FLAXEN_CUDA_SIM");
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
  const std::string devices = setting("FLAXEN_CUDA_SIM_DEVICES");
  const int on_machine = devices.empty() ? 1 : std::atoi(devices.c_str());
  flaxen::simt::set_devices(flaxen::simt::visible_devices(std::getenv("CUDA_VISIBLE_DEVICES"), on_machine));
  const std::string fault = setting("FLAXEN_CUDA_SIM_FAIL");
  if (const size_t colon = fault.find(':'); colon != fault.npos) {
    flaxen::simt::fail_next(fault.substr(0, colon), std::atoi(fault.c_str() + colon + 1));
  }
  if (const std::string log = setting("FLAXEN_CUDA_SIM_LOG"); !log.empty()) flaxen::simt::log_launches(log);
  return true;
}
const bool is_registered = registered();

}  // namespace
