// Simulated memory with a shadow: who touched each word last, and whether anyone wrote it. An access outside every region, of bytes that
// nobody wrote, or not ordered against another thread's access by a barrier becomes a report, whatever the schedule happens to be.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace flaxen::simt {

enum class Access : uint8_t { read, write };

// The thread that makes an access, and its place among the barriers.
struct Actor {
  uint32_t launch = 0;      // its first block
  uint32_t block = 0;       // counted over all launches, from 1
  uint32_t epoch = 0;       // block barriers passed
  uint32_t warp_epoch = 0;  // warp barriers passed
  uint32_t site = 0;        // the instruction
  uint16_t warp = 0, lane = 0;
};

// The latest accesses of one kind to a word: one thread, or several of a warp, a block, a grid, as far as none is ordered before another.
struct Mark {
  static constexpr uint16_t kSeveral = 0xffff, kSeveralBlocks = 0xfffe;  // lanes or warps; as a warp, blocks
  uint32_t block = 0, epoch = 0, warp_epoch = 0, site = 0;
  uint16_t warp = 0, lane = 0;

  // What blocks before `first` did is ordered before all that comes now.
  bool conflicts_with(const Actor& now, uint32_t first) const {
    if (block < first) return false;
    if (warp == kSeveralBlocks || block != now.block) return true;
    if (epoch != now.epoch) return false;
    if (warp != now.warp) return true;
    return warp_epoch == now.warp_epoch && lane != now.lane;
  }
  void add(const Actor& now, uint32_t first);
};

struct Marks {
  Mark write, read;
};

// A device allocation or a variable in shared memory. Its address is a made-up one, or, for kernels that the host's compiler made, its own.
class Region {
 public:
  enum class Scope : uint8_t { global, block };  // a block's accesses come after all of blocks before it

  Region(std::string name, uint64_t base, size_t size, Scope scope);  // base 0: its own address
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
  ~Region();

  const std::string& name() const { return name_; }
  uint64_t base() const { return base_; }
  size_t size() const { return size_; }
  uint8_t* at(uint64_t address) { return data_ + (address - base_); }
  bool holds(uint64_t address, size_t n) const { return address >= base_ && address + n <= base_ + size_; }

  void forget();  // the contents
  void mark_written(uint64_t address, size_t n);
  void set_pending(uint64_t address, size_t n, bool pending);
  // Reports what is wrong with the access.
  void check(uint64_t address, size_t n, Access access, const Actor& actor);

 private:
  // Of a word: which of its bytes were written, whether it is the target of a cp.async that nobody waited for, whether its bytes have marks
  // of their own, since a smaller access came.
  enum State : uint8_t { kWritten = 15, kPending = 16, kSplit = 32 };

  void check_word(size_t word, unsigned mask, Access access, const Actor& actor);
  void touch(Marks& marks, Access access, const Actor& actor);

  std::string name_;
  uint64_t base_;
  size_t size_;
  Scope scope_;
  uint8_t* data_;
  std::vector<uint8_t> states_;
  std::vector<Marks> marks_;
  std::unordered_map<size_t, std::array<Marks, 4>> by_byte_;
};

class AddressSpace {
 public:
  Region& add(std::string name, uint64_t base, size_t size, Region::Scope scope);
  void remove(uint64_t base);
  void forget();  // the contents of all regions
  bool empty() const { return regions_.empty(); }
  Region* find(uint64_t address);
  Region* find(uint64_t address, size_t n);  // null where it is not all one region's
  Region* starting_at(uint64_t base);
  uint64_t generation() const { return generation_; }

 private:
  static uint64_t next_generation();

  std::map<uint64_t, std::unique_ptr<Region>> regions_;  // by base
  uint64_t generation_ = next_generation();              // one of its own, and a new one when a region goes
};

// Global memory. Made-up addresses are never used twice, so that a pointer to freed memory is known for one.
class DeviceMemory {
 public:
  explicit DeviceMemory(int device = 0) : next_(0x700000000000 + (uint64_t{0x10000000000} * static_cast<uint64_t>(device))) {}
  uint64_t allocate(size_t bytes, std::string name = "");
  bool free(uint64_t address);
  uint8_t* host(uint64_t address, size_t n);  // null where it is not one allocation's
  void copy_in(uint64_t to, const void* from, size_t n);
  void copy_out(void* to, uint64_t from, size_t n);
  AddressSpace& space() { return space_; }
  size_t used() const { return used_; }
  size_t limit = size_t{1} << 30;
  bool own_addresses = false;  // of the host's memory

 private:
  AddressSpace space_;
  uint64_t next_;
  size_t used_ = 0;
};

constexpr int kMostDevices = 4;
// Of a device; without a number that of the one whose work is under way.
DeviceMemory& device_memory(int device);
DeviceMemory& device_memory();

// While a device's work is under way.
class OnDevice {
 public:
  explicit OnDevice(int device);
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice();

 private:
  DeviceMemory* before_;
};

// Names an instruction in reports; the running kernel sets it.
std::string describe_site(uint32_t site);

}  // namespace flaxen::simt
