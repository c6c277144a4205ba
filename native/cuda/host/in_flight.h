// What was started on a device's stream and is not known to be done: a kernel's own fault comes out at a later call, which knows nothing
// of the kernel. Numbers and a few texts by reference, so that a steady step allocates nothing.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

namespace flaxen::cuda {

class InFlight {
 public:
  using Text = std::shared_ptr<const std::string>;

  // A run of what `text` says begins.
  void start(const Text& text);
  // How many runs have begun: what to tell finish() once something behind them is done.
  uint64_t started() const;
  void finish(uint64_t started);

  // The runs that may not be done, the latest first; empty where there are none.
  std::string text() const;

 private:
  // Runs of one program in a row.
  struct Runs {
    Text text;
    uint64_t first = 0, last = 0;
  };

  mutable std::mutex mutex_;       // the thread that waits for reads finishes and asks, too
  std::array<Runs, 4> runs_ = {};  // the latest first
  uint64_t started_ = 0, finished_ = 0;
};

}  // namespace flaxen::cuda
