#include "cuda/host/in_flight.h"

#include <algorithm>

namespace flaxen::cuda {

void InFlight::start(const Text& text) {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++started_;
  if (runs_[0].text != text) {
    std::move_backward(runs_.begin(), runs_.end() - 1, runs_.end());
    runs_[0] = {text, started_, started_};
  }
  runs_[0].last = started_;
}

uint64_t InFlight::started() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return started_;
}

void InFlight::finish(uint64_t started) {
  const std::lock_guard<std::mutex> lock(mutex_);
  finished_ = std::max(finished_, started);
}

std::string InFlight::text() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  std::string all;
  uint64_t named = 0;
  for (const Runs& runs : runs_) {
    if (runs.last <= finished_) break;
    const uint64_t times = runs.last - std::max(runs.first - 1, finished_);
    all += (named > 0 ? "; before it (" : "(") + *runs.text + ")" + (times > 1 ? " " + std::to_string(times) + " times" : "");
    named += times;
  }
  if (const uint64_t more = started_ - finished_ - named; more > 0) all += "; " + std::to_string(more) + " more before them";
  return all;
}

}  // namespace flaxen::cuda
