// The program of a test on the simulator.
#include <cstdlib>

#include "cuda/platform.h"
#include "kernel_check.h"

int main(int argc, char** argv) {
  using namespace flaxen::test;
  if (const char* seed = std::getenv("FLAXEN_TEST_SEED")) seed_base = static_cast<uint32_t>(std::strtoul(seed, nullptr, 10));
  open_platform(argc, argv);
  return run_families({argv + 2, argv + argc});
}
