// Where the tests of the CUDA kernels run: on the simulator (platform.cc here), where a test repeats under several schedules and whatever
// the simulator reports fails it; or on a device (native/test/gpu/platform.cc).
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cuda/api.h"

namespace flaxen::test {

void open_platform(int argc, char** argv);
// What the route at hand does of it: platform_ptx.cc, platform_host.cc. Returns the compute capability, 80 for sm_80.
int open_device(int argc, char** argv);
const FlaxenCudaDevice& device();

// Runs the body under one schedule after another: as many as its size allows.
enum class Effort { once, usual, thorough };
void on_schedules(const std::function<void()>& body, const std::string& what, Effort effort = Effort::usual);

// Writes what no test expects over fresh memory, where the platform does not itself report reads of what nobody wrote.
void poison(void* memory, size_t bytes);

// A size that is fit for a device; a part of it where kernels are simulated.
int64_t scaled(int64_t size);

// Milliseconds on the device from the first call's start to the last one's end.
double milliseconds_of(const std::function<void()>& calls);

// How many kernels the calls start.
int launches_of(const std::function<void()>& calls);

// A family of cases, which `main` runs where it is linked; named by the command line behind the device's own arguments, or all.
struct Family {
  const char* name;
  void (*run)();

  Family(const char* name_, void (*run_)()) : name(name_), run(run_) { all().push_back(this); }
  static std::vector<const Family*>& all() {
    static std::vector<const Family*> families;
    return families;
  }
};
int run_families(const std::vector<std::string>& names);

}  // namespace flaxen::test
