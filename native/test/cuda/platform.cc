#include "cuda/platform.h"

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "kernel_check.h"
#include "simt/block.h"
#include "simt/report.h"
#include "simt/schedule.h"

namespace flaxen::test {

namespace {

using simt::Schedule;

const Schedule kSchedules[] = {
    {"warps ahead, late copies", Schedule::Order::warps_ahead, Schedule::Copies::late, 0, 1},
    {"reverse, early copies", Schedule::Order::reverse, Schedule::Copies::early, 0, 1},
    {"random with preemption", Schedule::Order::random, Schedule::Copies::random, 0.002, 7},
    {"forward, late copies", Schedule::Order::forward, Schedule::Copies::late, 0, 1},
    {"warps ahead, early copies", Schedule::Order::warps_ahead, Schedule::Copies::early, 0, 5},
};
FlaxenCudaDevice opened{};

}  // namespace

void open_platform(int argc, char** argv) { opened = {.stream = nullptr, .capability = open_device(argc, argv), .processors = 4}; }

const FlaxenCudaDevice& device() { return opened; }

void on_schedules(const std::function<void()>& body, const std::string& what, Effort effort) {
  // For planted faults: only cases whose names hold this, and none after the first that fails.
  static const char* const only = std::getenv("FLAXEN_CASE");
  if (only && (failures > 0 || what.find(only) == what.npos)) return;
  if (only) std::printf("case %s\n", what.c_str());
  const size_t count = effort == Effort::once ? 1 : effort == Effort::usual ? 2 : std::size(kSchedules);
  for (size_t i = 0; i < count; ++i) {
    simt::schedule() = kSchedules[i];
    simt::reports().clear();
    const int before = failures;
    body();
    if (only && failures > before) std::printf("caught by numbers\n");
    for (const simt::Report& r : simt::reports().list()) {
      check(false, what + ": " + r.kind + ": " + r.text);
      if (only) std::printf("caught by %s\n", r.kind.c_str());
    }
    if (failures > before) std::printf("  under the schedule: %s\n", kSchedules[i].name);
  }
}

void poison(void*, size_t) {}

int64_t scaled(int64_t size) { return size < 64 ? size : 64 + size % 61; }

double milliseconds_of(const std::function<void()>& calls) {
  const auto begin = std::chrono::steady_clock::now();
  calls();
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

int launches_of(const std::function<void()>& calls) {
  const uint64_t before = simt::grids_run;
  calls();
  return static_cast<int>(simt::grids_run - before);
}

}  // namespace flaxen::test
