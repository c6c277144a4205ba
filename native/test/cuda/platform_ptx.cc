// The device runs the PTX files that the command line names, joined by semicolons.
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "cuda/platform.h"
#include "simt/cudart.h"

namespace flaxen::test {

int open_device(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s 'a.ptx;b.ptx'\n", argv[0]);
    std::exit(2);
  }
  std::vector<std::string> files(1);
  for (const char* c = argv[1]; *c; ++c) {
    if (*c == ';') {
      files.emplace_back();
    } else {
      files.back() += *c;
    }
  }
  return simt::use_device(files);
}

}  // namespace flaxen::test
