// How long each step of a program takes.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace flaxen {

class Profile {
 public:
  using Clock = std::chrono::steady_clock;

  // Whether FLAXEN_PROFILE asks for it: set, and not "0".
  static bool wanted();

  // `steps` describes each step, in order.
  explicit Profile(std::vector<std::string> steps);
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;
  // Writes the table to the standard error output.
  ~Profile();

  // A run is start(), then finish_step(s) for each step in order. Allocates nothing.
  void start();
  void finish_step(size_t step);

  // Medians over the last runs, the most expensive step first; empty for a program that took less than a millisecond in all.
  std::string table() const;

 private:
  static constexpr size_t kKept = 512;
  struct Track {
    std::string text;
    std::array<float, kKept> ns;  // of the last runs
  };

  double median_ns(const Track& track) const;

  std::vector<Track> steps_;
  size_t runs_ = 0;
  Clock::time_point last_;
};

}  // namespace flaxen
