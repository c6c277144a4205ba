#include "runtime/profile.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <numeric>

namespace flaxen {

namespace {

constexpr double kWorthTellingNs = 1e6;  // of all runs: operations outside jit are programs too, many and small

}  // namespace

bool Profile::wanted() {
  const char* text = std::getenv("FLAXEN_PROFILE");
  return text && *text && std::string(text) != "0";
}

Profile::Profile(std::vector<std::string> steps) : steps_(steps.size()) {
  for (size_t s = 0; s < steps.size(); ++s) steps_[s].text = std::move(steps[s]);
}

Profile::~Profile() {
  const std::string text = table();
  std::fwrite(text.data(), 1, text.size(), stderr);
}

void Profile::start() {
  ++runs_;
  last_ = Clock::now();
}

void Profile::finish_step(size_t step) {
  const Clock::time_point now = Clock::now();
  steps_[step].ns[(runs_ - 1) % kKept] = std::chrono::duration<float, std::nano>(now - last_).count();
  last_ = now;
}

double Profile::median_ns(const Track& track) const {
  std::vector<float> kept(track.ns.begin(), track.ns.begin() + static_cast<std::ptrdiff_t>(std::min(runs_, kKept)));
  std::nth_element(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(kept.size() / 2), kept.end());
  return static_cast<double>(kept[kept.size() / 2]);
}

std::string Profile::table() const {
  if (runs_ == 0) return "";
  std::vector<double> ns;
  for (const Track& track : steps_) ns.push_back(median_ns(track));
  const double total = std::accumulate(ns.begin(), ns.end(), 0.0);
  if (total * static_cast<double>(runs_) < kWorthTellingNs) return "";
  std::vector<size_t> order(steps_.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return ns[a] > ns[b]; });
  char line[96];
  std::snprintf(line, sizeof line, "flaxen: %zu runs of a program of %zu steps, %.2f us (the steps' medians)\n", runs_, steps_.size(),
                total / 1e3);
  std::string text = line;
  text += "        us  share  step\n";
  for (size_t s : order) {
    std::snprintf(line, sizeof line, "%10.2f %5.1f%%  %4zu  ", ns[s] / 1e3, 100 * ns[s] / total, s);
    text += line + steps_[s].text + "\n";
  }
  return text;
}

}  // namespace flaxen
