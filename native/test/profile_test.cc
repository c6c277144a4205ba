// The table of step times.
#include "runtime/profile.h"

#include <thread>

#include "kernel_check.h"

namespace {

using namespace flaxen;
using namespace flaxen::test;

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

void test_table() {
  check(Profile({"never run"}).table().empty(), "a program that never ran has no table");
  Profile profile({"short", "long"});
  for (int run = 0; run < 3; ++run) {
    profile.start();
    profile.finish_step(0);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    profile.finish_step(1);
  }
  const std::string table = profile.table();
  check(contains(table, "3 runs of a program of 2 steps"), "runs and steps are counted: " + table);
  check(contains(table, "long") && table.find("long") < table.find("short"), "the most expensive step comes first: " + table);
}

}  // namespace

int main() {
  test_table();
  return report("profile");
}
