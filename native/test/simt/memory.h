// Simulated memory with a shadow: who touched each word last, and whether anyone wrote it. An access outside every region, of bytes that
// nobody wrote, or not ordered against another thread's access by a barrier becomes a report, whatever the schedule happens to be.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace flaxen::simt {

enum class Access : uint8_t { read, write };

// The thread that makes an access, and its place among the barriers.
struct Actor {
  uint32_t launch = 0;
  uint32_t block = 0;       // counted over all launches
  uint32_t epoch = 0;       // block barriers passed
  uint32_t warp_epoch = 0;  // warp barriers passed
  uint16_t warp = 0, lane = 0;
  uint32_t site = 0;  // the instruction
};

// The latest accesses of one kind to a word: one thread, or several of a warp, a block, a grid, as far as none is ordered before another.
struct Mark {
  static constexpr uint16_t kSeveral = 0xffff;
  static constexpr uint32_t kSeveralBlocks = 0xffffffff;
  Actor by;
  bool conflicts_with(const Actor& now) const;
  void add(const Actor& now);
};

struct Marks {
  Mark write, read;
};

// Four bytes. They have marks of their own once a smaller access came.
struct Cell {
  Marks marks;
  std::unique_ptr<std::array<Marks, 4>> by_byte;
  uint8_t written = 0;   // one bit a byte
  bool pending = false;  // the target of a cp.async that nobody waited for
};

// A device allocation or a variable in shared memory.
struct Region {
  std::string name;
  uint64_t base;
  std::vector<uint8_t> bytes;
  std::vector<Cell> cells;

  Region(std::string name, uint64_t base, size_t size);
  void forget();  // contents and marks
  bool holds(uint64_t address, size_t n) const { return address >= base && address + n <= base + bytes.size(); }
  void mark_written(uint64_t address, size_t n);
  // Reports what is wrong with the access.
  void check(uint64_t address, size_t n, Access access, const Actor& actor);
  void set_pending(uint64_t address, size_t n, bool pending);

 private:
  void check_part(Cell& cell, unsigned mask, Access access, const Actor& actor);
};

class AddressSpace {
 public:
  Region& add(std::string name, uint64_t base, size_t size);
  void remove(uint64_t base);
  void clear();
  Region* find(uint64_t address);
  const std::map<uint64_t, std::unique_ptr<Region>>& regions() const { return regions_; }
  uint64_t generation() const { return generation_; }

 private:
  static uint64_t next_generation();

  std::map<uint64_t, std::unique_ptr<Region>> regions_;  // by base
  uint64_t generation_ = next_generation();              // one of its own, and a new one when a region goes
};

// Global memory. Addresses are never used twice, so that a pointer to freed memory is known for one.
class DeviceMemory {
 public:
  uint64_t allocate(size_t bytes, std::string name = "");
  bool free(uint64_t address);
  uint8_t* host(uint64_t address, size_t n);  // null where it is not one allocation's
  void copy_in(uint64_t to, const void* from, size_t n);
  void copy_out(void* to, uint64_t from, size_t n);
  AddressSpace& space() { return space_; }
  size_t used() const { return used_; }
  size_t limit = size_t{1} << 30;

 private:
  AddressSpace space_;
  uint64_t next_ = 0x700000000000;
  size_t used_ = 0;
};

DeviceMemory& device_memory();

// Names an instruction in reports; the running kernel sets it.
std::string describe_site(uint32_t site);

}  // namespace flaxen::simt
