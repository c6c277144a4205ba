// What the tests of kernels share: arrays between guard zones, poisoned before use, and a count of failures.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "cpu/kernel.h"
#include "runtime/thread_pool.h"

namespace flaxen::test {

inline int failures = 0;
inline uint32_t seed_base = 0;  // a run on other numbers

inline void check(bool ok, const std::string& what) {
  if (ok) return;
  if (++failures <= 20) std::printf("FAILED %s\n", what.c_str());
}

// What ctest counts as skipped: FLAXEN_ISA asks for instructions that this machine lacks.
constexpr int kSkipped = 77;
inline bool runs_here() {
  try {
    cpu::chosen_isa();
    return true;
  } catch (const std::runtime_error& error) {
    std::printf("skipped: %s\n", error.what());
    return false;
  }
}

inline int report(const char* name) {
  std::printf("%s %s: %s\n", name, cpu::name_of(cpu::chosen_isa()), failures ? (std::to_string(failures) + " failures").c_str() : "ok");
  return failures ? 1 : 0;
}

// An array of exactly `size` elements between two zones of a known pattern, `skew` elements past a 64-byte boundary.
template <typename T>
class Guarded {
 public:
  explicit Guarded(int64_t size, int64_t skew = 0)
      : size_(static_cast<size_t>(size)), first_(kZone + static_cast<size_t>(skew)), count_(first_ + size_ + kZone) {
    memory_.reset(static_cast<T*>(::operator new(count_ * sizeof(T), std::align_val_t{64})));
    std::memset(memory_.get(), kPattern, count_ * sizeof(T));
  }
  T* data() { return memory_.get() + first_; }
  const T* data() const { return memory_.get() + first_; }
  int64_t size() const { return static_cast<int64_t>(size_); }
  T& operator[](int64_t i) { return data()[i]; }
  const T& operator[](int64_t i) const { return data()[i]; }

  // All bits set is a NaN, and a number that no integer test expects.
  void poison() { std::memset(data(), 0xff, size_ * sizeof(T)); }

  bool intact() const {
    const unsigned char* bytes = reinterpret_cast<const unsigned char*>(memory_.get());
    for (size_t i = 0; i < count_ * sizeof(T); ++i) {
      const bool inside = i >= first_ * sizeof(T) && i < (first_ + size_) * sizeof(T);
      if (!inside && bytes[i] != kPattern) return false;
    }
    return true;
  }

 private:
  static constexpr size_t kZone = 64;
  static constexpr unsigned char kPattern = 0x5a;
  struct Free {
    void operator()(T* p) const { ::operator delete(p, std::align_val_t{64}); }
  };
  size_t size_, first_, count_;
  std::unique_ptr<T, Free> memory_;
};

inline Guarded<float> random_floats(int64_t size, uint32_t seed, int64_t skew = 0, float mean = 0, float deviation = 1) {
  Guarded<float> x(size, skew);
  std::mt19937 engine(seed);
  for (int64_t i = 0; i < size; ++i) {
    x[i] = mean + deviation * (static_cast<float>(engine()) / 2147483648.0f - 1);
  }
  return x;
}

template <typename T>
bool same_bits(const Guarded<T>& a, const Guarded<T>& b) {
  return a.size() == b.size() && (a.size() == 0 || std::memcmp(a.data(), b.data(), static_cast<size_t>(a.size()) * sizeof(T)) == 0);
}

// Runs f as if the pool had no other thread: a call from inside a task runs its tasks on the caller alone.
template <typename F>
void on_one_thread(const F& f) {
  ThreadPool::shared().parallel(2, [&](int64_t task) {
    if (task == 0) f();
  });
}

}  // namespace flaxen::test
