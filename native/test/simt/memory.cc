#include "simt/memory.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "simt/red_zone.h"
#include "simt/report.h"

namespace flaxen::simt {

void Mark::add(const Actor& now, uint32_t first) {
  if (block >= first) {
    if (warp == kSeveralBlocks) return;
    if (block != now.block) {
      warp = kSeveralBlocks;
      return;
    }
    if (epoch == now.epoch) {
      if (warp != now.warp) {
        warp = kSeveral;
        return;
      }
      if (warp_epoch == now.warp_epoch) {
        if (lane != now.lane) lane = kSeveral;
        return;
      }
    }
  }
  *this = {now.block, now.epoch, now.warp_epoch, now.site, now.warp, now.lane};
}

namespace {
constexpr size_t kZone = 256;  // behind a region, nobody's
}

Region::Region(std::string name, uint64_t base, size_t size, Scope scope)
    : name_(std::move(name)),
      base_(base),
      size_(size),
      scope_(scope),
      data_(static_cast<uint8_t*>(::operator new(size + kZone, std::align_val_t{1024}))),
      states_((size + 3) / 4),
      marks_((size + 3) / 4) {
  if (base_ == 0) base_ = reinterpret_cast<uint64_t>(data_);
  forbid(data_ + size, kZone);
  forget();
}

Region::~Region() {
  allow(data_ + size_, kZone);
  ::operator delete(data_, std::align_val_t{1024});
}

void Region::forget() {
  std::memset(data_, 0xff, size_);
  std::fill(states_.begin(), states_.end(), uint8_t{0});
}

namespace {

// Calls f(word, mask of its bytes) for the words that n bytes from `at` on cover.
template <typename F>
void each_word(uint64_t at, size_t n, F f) {
  const uint64_t end = at + n;
  while (at < end) {
    const unsigned first = at & 3;
    const unsigned count = static_cast<unsigned>(std::min<uint64_t>(4 - first, end - at));
    f(at / 4, ((1u << count) - 1) << first);
    at += count;
  }
}

}  // namespace

void Region::mark_written(uint64_t address, size_t n) {
  each_word(address - base_, n, [this](size_t word, unsigned mask) { states_[word] |= static_cast<uint8_t>(mask); });
}

void Region::set_pending(uint64_t address, size_t n, bool pending) {
  each_word(address - base_, n, [&](size_t word, unsigned) {
    states_[word] = static_cast<uint8_t>(pending ? states_[word] | kPending : states_[word] & ~kPending);
  });
}

void Region::check(uint64_t address, size_t n, Access access, const Actor& actor) {
  each_word(address - base_, n, [&](size_t word, unsigned mask) { check_word(word, mask, access, actor); });
}

void Region::check_word(size_t word, unsigned mask, Access access, const Actor& actor) {
  uint8_t& state = states_[word];
  const bool writes = access == Access::write;
  if (state & kPending) {
    reports().add("async-copy", std::string(writes ? "write" : "read") + " of " + name_ + " before its cp.async was waited for, at " +
                                    describe_site(actor.site));
  }
  if (writes) {
    state |= static_cast<uint8_t>(mask);
  } else if ((state & mask) != mask) {
    reports().add("uninitialised", "read of " + name_ + " that nobody wrote, at " + describe_site(actor.site));
  }
  if (mask == kWritten && !(state & kSplit)) return touch(marks_[word], access, actor);
  if (!(state & kSplit)) {
    by_byte_[word].fill(marks_[word]);
    state |= kSplit;
  }
  for (unsigned b = 0; b < 4; ++b) {
    if (mask >> b & 1) touch(by_byte_[word][b], access, actor);
  }
}

void Region::touch(Marks& marks, Access access, const Actor& actor) {
  const uint32_t first = scope_ == Scope::block ? actor.block : actor.launch;
  const bool writes = access == Access::write;
  const auto compare = [&](const Mark& before, const char* what) {
    if (!before.conflicts_with(actor, first)) return;
    const bool of_blocks = before.warp == Mark::kSeveralBlocks || before.block != actor.block;
    const char* scope = of_blocks ? "blocks" : before.warp != actor.warp ? "warps" : "lanes of a warp";
    reports().add("race", name_ + " between " + scope + ": " + (writes ? "write" : "read") + " at " + describe_site(actor.site) +
                              " after " + what + " at " + describe_site(before.site));
  };
  compare(marks.write, "write");
  if (writes) compare(marks.read, "read");
  (writes ? marks.write : marks.read).add(actor, first);
}

Region& AddressSpace::add(std::string name, uint64_t base, size_t size, Region::Scope scope) {
  auto region = std::make_unique<Region>(std::move(name), base, size, scope);
  Region& r = *region;
  regions_[r.base()] = std::move(region);
  return r;
}

void AddressSpace::remove(uint64_t base) {
  regions_.erase(base);
  generation_ = next_generation();
}

void AddressSpace::forget() {
  for (auto& [base, region] : regions_) region->forget();
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

Region* AddressSpace::find(uint64_t address, size_t n) {
  Region* region = find(address);
  return region && region->holds(address, n) ? region : nullptr;
}

Region* AddressSpace::starting_at(uint64_t base) {
  const auto found = regions_.find(base);
  return found == regions_.end() ? nullptr : found->second.get();
}

uint64_t DeviceMemory::allocate(size_t bytes, std::string name) {
  if (used_ + bytes > limit) return 0;
  used_ += bytes;
  if (name.empty()) name = "global memory (" + std::to_string(bytes) + " bytes)";
  const Region& region = space_.add(std::move(name), own_addresses ? 0 : next_, bytes, Region::Scope::global);
  next_ += (bytes + 511) / 256 * 256;  // at least 256 bytes that are nobody's
  return region.base();
}

bool DeviceMemory::free(uint64_t address) {
  const Region* region = space_.starting_at(address);
  if (!region) return false;
  used_ -= region->size();
  space_.remove(address);
  return true;
}

uint8_t* DeviceMemory::host(uint64_t address, size_t n) {
  Region* region = space_.find(address, n);
  return region ? region->at(address) : nullptr;
}

void DeviceMemory::copy_in(uint64_t to, const void* from, size_t n) {
  std::memcpy(host(to, n), from, n);
  space_.find(to)->mark_written(to, n);
}

void DeviceMemory::copy_out(void* to, uint64_t from, size_t n) { std::memcpy(to, host(from, n), n); }

namespace {
DeviceMemory* at_work = nullptr;
}

DeviceMemory& device_memory(int device) {
  static std::array<DeviceMemory, kMostDevices>& all = *new std::array{DeviceMemory(0), DeviceMemory(1), DeviceMemory(2), DeviceMemory(3)};
  return all[static_cast<size_t>(device)];
}

DeviceMemory& device_memory() { return at_work ? *at_work : device_memory(0); }

OnDevice::OnDevice(int device) : before_(at_work) { at_work = &device_memory(device); }
OnDevice::~OnDevice() { at_work = before_; }

}  // namespace flaxen::simt
