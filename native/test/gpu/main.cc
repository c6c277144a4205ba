// flaxen_gpu_test [family...]: the cases that the simulator runs, and larger ones, on a card. Exit status 77 where there is none.
#include <cstdio>

#include "cuda/platform.h"
#include "gpu/card.h"
#include "kernel_check.h"

int main(int argc, char** argv) {
  using namespace flaxen::test;
  open_platform(argc, argv);
  std::printf("%s\nnumbers of FLAXEN_TEST_SEED=%u\n", card_text().c_str(), seed_base);
  return run_families({argv + 1, argv + argc});
}
