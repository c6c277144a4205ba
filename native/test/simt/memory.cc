#include "simt/memory.h"

#include <algorithm>
#include <cstring>

#include "simt/report.h"

namespace flaxen::simt {

bool Mark::conflicts_with(const Actor& now) const {
  if (by.launch != now.launch) return false;  // none, or a launch that came before on the stream
  if (by.block != now.block) return true;
  if (by.epoch != now.epoch) return false;
  if (by.warp != now.warp) return true;
  if (by.warp_epoch != now.warp_epoch) return false;
  return by.lane != now.lane;
}

void Mark::add(const Actor& now) {
  if (by.launch != now.launch) {
    by = now;
  } else if (by.block != now.block) {
    by.block = kSeveralBlocks;
  } else if (by.epoch != now.epoch) {
    by = now;
  } else if (by.warp != now.warp) {
    by.warp = kSeveral;
  } else if (by.warp_epoch != now.warp_epoch) {
    by = now;
  } else if (by.lane != now.lane) {
    by.lane = kSeveral;
  }
}

Region::Region(std::string name_, uint64_t base_, size_t size) : name(std::move(name_)), base(base_), bytes(size), cells((size + 3) / 4) {
  forget();
}

void Region::forget() {
  std::fill(bytes.begin(), bytes.end(), uint8_t{0xff});
  for (Cell& cell : cells) cell = Cell{};
}

namespace {

// Calls f(cell, mask of its bytes) for the words that [address, address + n) covers.
template <typename F>
void each_cell(Region& region, uint64_t address, size_t n, F f) {
  uint64_t at = address - region.base;
  const uint64_t end = at + n;
  while (at < end) {
    const unsigned first = at & 3;
    const unsigned count = static_cast<unsigned>(std::min<uint64_t>(4 - first, end - at));
    f(region.cells[at / 4], ((1u << count) - 1) << first);
    at += count;
  }
}

}  // namespace

void Region::mark_written(uint64_t address, size_t n) {
  each_cell(*this, address, n, [](Cell& cell, unsigned mask) { cell.written |= static_cast<uint8_t>(mask); });
}

void Region::set_pending(uint64_t address, size_t n, bool pending) {
  each_cell(*this, address, n, [&](Cell& cell, unsigned) { cell.pending = pending; });
}

void Region::check(uint64_t address, size_t n, Access access, const Actor& actor) {
  each_cell(*this, address, n, [&](Cell& cell, unsigned mask) { check_part(cell, mask, access, actor); });
}

void Region::check_part(Cell& cell, unsigned mask, Access access, const Actor& actor) {
  const bool writes = access == Access::write;
  const char* verb = writes ? "write" : "read";
  if (cell.pending) {
    reports().add("async-copy", std::string(verb) + " of " + name + " before its cp.async was waited for, at " + describe_site(actor.site));
  }
  if (writes) {
    cell.written |= static_cast<uint8_t>(mask);
  } else if ((cell.written & mask) != mask) {
    reports().add("uninitialised", "read of " + name + " that nobody wrote, at " + describe_site(actor.site));
  }
  const auto touch = [&](Marks& marks) {
    const auto compare = [&](const Mark& before, const char* what) {
      if (!before.conflicts_with(actor)) return;
      const char* scope = before.by.block != actor.block ? "blocks" : before.by.warp != actor.warp ? "warps" : "lanes of a warp";
      reports().add("race", name + " between " + scope + ": " + verb + " at " + describe_site(actor.site) + " after " + what + " at " +
                                describe_site(before.by.site));
    };
    compare(marks.write, "write");
    if (writes) compare(marks.read, "read");
    (writes ? marks.write : marks.read).add(actor);
  };
  if (mask == 15 && !cell.by_byte) {
    touch(cell.marks);
    return;
  }
  if (!cell.by_byte) {
    cell.by_byte = std::make_unique<std::array<Marks, 4>>();
    cell.by_byte->fill(cell.marks);
  }
  for (unsigned b = 0; b < 4; ++b) {
    if (mask >> b & 1) touch((*cell.by_byte)[b]);
  }
}

Region& AddressSpace::add(std::string name, uint64_t base, size_t size) {
  return *(regions_[base] = std::make_unique<Region>(std::move(name), base, size));
}

void AddressSpace::remove(uint64_t base) {
  regions_.erase(base);
  generation_ = next_generation();
}

void AddressSpace::clear() {
  regions_.clear();
  generation_ = next_generation();
}

uint64_t AddressSpace::next_generation() {
  static uint64_t last = 0;
  return ++last;
}

Region* AddressSpace::find(uint64_t address) {
  auto after = regions_.upper_bound(address);
  if (after == regions_.begin()) return nullptr;
  Region& region = *std::prev(after)->second;
  return region.holds(address, 1) ? &region : nullptr;
}

uint64_t DeviceMemory::allocate(size_t bytes, std::string name) {
  if (used_ + bytes > limit) return 0;
  const uint64_t address = next_;
  next_ += (bytes + 511) / 256 * 256;  // at least 256 bytes that are nobody's
  used_ += bytes;
  if (name.empty()) name = "global memory (" + std::to_string(bytes) + " bytes)";
  space_.add(std::move(name), address, bytes);
  return address;
}

bool DeviceMemory::free(uint64_t address) {
  const auto it = space_.regions().find(address);
  if (it == space_.regions().end()) return false;
  used_ -= it->second->bytes.size();
  space_.remove(address);
  return true;
}

uint8_t* DeviceMemory::host(uint64_t address, size_t n) {
  Region* region = space_.find(address);
  return region && region->holds(address, n) ? region->bytes.data() + (address - region->base) : nullptr;
}

void DeviceMemory::copy_in(uint64_t to, const void* from, size_t n) {
  std::memcpy(host(to, n), from, n);
  space_.find(to)->mark_written(to, n);
}

void DeviceMemory::copy_out(void* to, uint64_t from, size_t n) { std::memcpy(to, host(from, n), n); }

DeviceMemory& device_memory() {
  static DeviceMemory memory;
  return memory;
}

}  // namespace flaxen::simt
