#include "runtime/arena.h"

#include <cstdlib>
#include <stdexcept>
#include <string>

#ifdef _WIN32
#define NOMINMAX
#define WIN32_LEAN_AND_MEAN
#include <malloc.h>
#include <windows.h>
#else
#include <unistd.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

namespace flaxen {

namespace {

constexpr size_t kHugePage = size_t{2} << 20;

size_t limit() {
  const char* text = std::getenv("FLAXEN_ARENA_LIMIT");
  return text && *text ? std::strtoull(text, nullptr, 10) : SIZE_MAX;
}

#ifdef _WIN32
void* allocate(size_t align, size_t bytes) { return _aligned_malloc(bytes, align); }
void release(void* memory) { _aligned_free(memory); }
#else
void* allocate(size_t align, size_t bytes) { return std::aligned_alloc(align, bytes); }
void release(void* memory) { std::free(memory); }
#endif

}  // namespace

Arena::~Arena() { release(memory_); }

std::byte* Arena::reserve(size_t bytes) {
  if (bytes <= bytes_) return memory_;
  if (bytes > limit()) {
    throw std::runtime_error("the program needs " + std::to_string(bytes) +
                             " bytes of scratch memory, more than FLAXEN_ARENA_LIMIT allows");
  }
  release(memory_);
  memory_ = nullptr;
  bytes_ = 0;
  const size_t align = bytes >= kHugePage ? kHugePage : 4096;
  const size_t rounded = (bytes + align - 1) / align * align;
  memory_ = static_cast<std::byte*>(allocate(align, rounded));
  if (!memory_) {
    throw std::runtime_error("out of memory: the program needs " + std::to_string(bytes) +
                             " bytes of scratch memory; make the batch smaller");
  }
  bytes_ = rounded;
#ifdef __linux__
  if (align == kHugePage) madvise(memory_, rounded, MADV_HUGEPAGE);
#endif
  return memory_;
}

uint64_t physical_memory() {
#ifdef _WIN32
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  return GlobalMemoryStatusEx(&status) ? status.ullTotalPhys : UINT64_MAX;
#else
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  return pages > 0 && page > 0 ? static_cast<uint64_t>(pages) * static_cast<uint64_t>(page) : UINT64_MAX;
#endif
}

}  // namespace flaxen
