// The order in which the simulator lets threads run. What a kernel computes must not depend on it.
#pragma once

#include <cstdint>

namespace flaxen::simt {

struct Schedule {
  enum class Order : uint8_t {
    forward,     // threads and blocks in order
    reverse,     // in reverse order
    random,      // any ready thread
    warps_ahead  // warps in a random order, each running ahead of the next as far as barriers allow
  };
  enum class Copies : uint8_t { late, early, random };  // when cp.async copies: at the wait, at once, either

  const char* name = "forward, late copies";
  Order order = Order::forward;
  Copies copies = Copies::late;
  double preemption = 0;  // the chance that a thread gives way before an access to memory
  uint64_t seed = 1;
};

// A small generator of its own, so that a schedule is the same on every platform (Marsaglia, "Xorshift RNGs").
class Random {
 public:
  explicit Random(uint64_t seed = 1) : state_(seed * 0x9e3779b97f4a7c15u | 1) {}
  uint32_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return static_cast<uint32_t>(state_ >> 32);
  }
  uint32_t below(uint32_t n) { return next() % n; }
  bool chance(double p) { return p > 0 && next() < p * 4294967296.0; }

 private:
  uint64_t state_;
};

inline Schedule& schedule() {
  static Schedule chosen;
  return chosen;
}

}  // namespace flaxen::simt
