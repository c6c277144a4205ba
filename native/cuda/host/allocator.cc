#include "cuda/host/allocator.h"

#include <algorithm>

namespace flaxen::cuda {

namespace {

constexpr size_t kUnit = 512;                 // what pieces are multiples of, and aligned to
constexpr size_t kSegment = size_t{2} << 20;  // the least that is taken from the device at once
constexpr size_t kMiB = size_t{1} << 20;

size_t rounded_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

std::string bytes_text(size_t bytes) {
  if (bytes < kMiB) return std::to_string(bytes) + " bytes";
  return std::to_string(bytes / kMiB) + " MiB";
}

}  // namespace

Allocator::~Allocator() {
  for (const auto& [address, piece] : pieces_) {
    if (piece.first) library_.free(reinterpret_cast<void*>(address));
  }
}

size_t Allocator::rounded(size_t bytes) { return rounded_up(std::max<size_t>(bytes, 1), kUnit); }

void* Allocator::allocate(size_t bytes) {
  bytes = rounded(bytes);
  const auto fitting = free_.lower_bound({bytes, 0});
  const auto piece = fitting != free_.end() ? pieces_.find(fitting->second) : add_segment(bytes);
  return piece == pieces_.end() ? nullptr : take(piece, bytes);
}

Allocator::Pieces::iterator Allocator::add_segment(size_t bytes) {
  // The exact size where a whole segment would pass the limit.
  for (const size_t size : {rounded_up(bytes, kSegment), bytes}) {
    void* memory = nullptr;
    if (reserved_ + size > limit_ || library_.allocate(&memory, size) != 0) continue;
    reserved_ += size;
    const auto address = reinterpret_cast<uintptr_t>(memory);
    free_.insert({size, address});
    return pieces_.insert({address, {size, true, true}}).first;
  }
  return pieces_.end();
}

// Takes the front of a free piece; the rest stays free.
void* Allocator::take(Pieces::iterator piece, size_t bytes) {
  const uintptr_t address = piece->first;
  Piece& taken = piece->second;
  free_.erase({taken.bytes, address});
  if (taken.bytes > bytes) {
    const size_t rest = taken.bytes - bytes;
    pieces_.insert({address + bytes, {rest, true, false}});
    free_.insert({rest, address + bytes});
    taken.bytes = bytes;
  }
  taken.free = false;
  used_ += bytes;
  return reinterpret_cast<void*>(address);
}

void Allocator::release(void* memory) {
  const auto found = pieces_.find(reinterpret_cast<uintptr_t>(memory));
  if (found == pieces_.end() || found->second.free) throw std::logic_error("device memory was released that is not in use");
  used_ -= found->second.bytes;
  found->second.free = true;
  const auto piece = joined(found);
  free_.insert({piece->second.bytes, piece->first});
}

// A free piece with its free neighbours of the same segment.
Allocator::Pieces::iterator Allocator::joined(Pieces::iterator piece) {
  const auto next = std::next(piece);
  if (next != pieces_.end() && next->second.free && !next->second.first) {
    free_.erase({next->second.bytes, next->first});
    piece->second.bytes += next->second.bytes;
    pieces_.erase(next);
  }
  if (piece->second.first || piece == pieces_.begin()) return piece;
  const auto previous = std::prev(piece);
  if (!previous->second.free) return piece;
  free_.erase({previous->second.bytes, previous->first});
  previous->second.bytes += piece->second.bytes;
  pieces_.erase(piece);
  return previous;
}

void Allocator::trim() {
  for (auto piece = pieces_.begin(); piece != pieces_.end();) {
    const auto next = std::next(piece);
    const bool whole = piece->second.first && (next == pieces_.end() || next->second.first);
    if (whole && piece->second.free) {
      library_.free(reinterpret_cast<void*>(piece->first));
      ++generation_;
      reserved_ -= piece->second.bytes;
      free_.erase({piece->second.bytes, piece->first});
      pieces_.erase(piece);
    }
    piece = next;
  }
}

std::string Allocator::shortage(size_t bytes) const {
  size_t left = 0, total = 0;
  library_.memory_info(&left, &total);
  return "out of device memory: " + bytes_text(bytes) + " more were asked for; arrays use " + bytes_text(used_) + ", " +
         bytes_text(reserved_ - used_) + " are kept for reuse, " + bytes_text(left) + " of " + bytes_text(total) +
         " are free on the device, the limit is " + bytes_text(limit_) +
         ". Use smaller batches, donate arguments, or raise FLAXEN_CUDA_MEMORY_LIMIT";
}

}  // namespace flaxen::cuda
