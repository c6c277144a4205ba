// Memory that AddressSanitizer is to take for nobody's, where the program is built with it; else nothing.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace flaxen::simt {

inline void forbid([[maybe_unused]] void* p, [[maybe_unused]] size_t n) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(p, n);
#endif
}

inline void allow([[maybe_unused]] void* p, [[maybe_unused]] size_t n) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(p, n);
#endif
}

}  // namespace flaxen::simt
