// Busy waiting that gives way.
#pragma once

#include <thread>

namespace flaxen {

class Spin {
 public:
  // A short pause; after many of them the processor goes to somebody else, who may be the one waited for.
  void pause() {
    if (++turns_ < 2000) {
      relax();
    } else {
      std::this_thread::yield();
    }
  }

  static void relax() {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    asm volatile("yield");
#endif
  }

 private:
  int turns_ = 0;
};

}  // namespace flaxen
