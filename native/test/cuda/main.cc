// The program of a test on the simulator.
#include <algorithm>
#include <cstdlib>

#include "cuda/platform.h"
#include "kernel_check.h"

int main(int argc, char** argv) {
  using namespace flaxen::test;
  if (const char* seed = std::getenv("FLAXEN_TEST_SEED")) seed_base = static_cast<uint32_t>(std::strtoul(seed, nullptr, 10));
  open_platform(argc, argv);
  return run_families({argv + std::min(2, argc), argv + argc});  // other routes than ptx take no file
}
