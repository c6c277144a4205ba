// Runs what is linked. The numbers are the same in every run, or those that FLAXEN_TEST_SEED asks for.
#include <algorithm>

#include "cuda/platform.h"
#include "kernel_check.h"

namespace flaxen::test {

int run_families(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto& all = Family::all();
    if (std::any_of(all.begin(), all.end(), [&](const Family* f) { return f->name == name; })) continue;
    std::printf("there is no family \"%s\"; there are:", name.c_str());
    for (const Family* f : all) std::printf(" \"%s\"", f->name);
    std::printf("\n");
    return 2;
  }
  for (const Family* f : Family::all()) {
    if (!names.empty() && std::find(names.begin(), names.end(), f->name) == names.end()) continue;
    const int before = failures;
    f->run();
    std::printf("cuda %s: %s\n", f->name, failures > before ? (std::to_string(failures - before) + " failures").c_str() : "ok");
    std::fflush(stdout);
  }
  return failures > 0 ? 1 : 0;
}

}  // namespace flaxen::test
