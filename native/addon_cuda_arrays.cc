#include <algorithm>

#include "addon_cuda.h"
#include "addon_errors.h"

namespace flaxen::addon {

namespace {

// So much of the limit fills before the first garbage collection for its sake.
constexpr size_t kFirstPart = 4;
// V8 collects when it is told of so much memory outside its heap.
constexpr int64_t kPressure = int64_t{1} << 40;
constexpr size_t kLeastBetweenSweeps = 4096;

}  // namespace

CudaArrays::CudaArrays(Napi::Env env, cuda::Device& device)
    : env_(env), device_(device), collect_at_(device.memory().limit() / kFirstPart) {
  device.reclaim = [this] {
    collect_garbage();
    sweep();
  };
}

uint32_t CudaArrays::add(Napi::Object owner, size_t bytes) {
  make_room(bytes);
  if (unused_.empty()) {
    unused_.push_back(static_cast<uint32_t>(entries_.size()));
    entries_.emplace_back();
  }
  Entry entry;
  entry.memory = device_.allocate(bytes);
  entry.bytes = bytes;
  if (const napi_status status = napi_create_reference(env_, owner, 0, &entry.owner); status != napi_ok) {
    device_.release(entry.memory);
    check(env_, status);
  }
  const uint32_t id = unused_.back();
  unused_.pop_back();
  entries_[id] = entry;
  return id;
}

void CudaArrays::make_room(size_t bytes) {
  const auto used = [&] { return device_.memory().used() + bytes; };
  if (used() <= collect_at_ && ++since_sweep_ <= kLeastBetweenSweeps + live()) return;
  sweep();
  if (used() <= collect_at_) return;
  collect_garbage();
  sweep();
  const size_t limit = device_.memory().limit();
  collect_at_ = std::min(limit, std::max(limit / kFirstPart, 2 * used()));
}

void* CudaArrays::at(uint32_t id, size_t bytes, const char* what, size_t index) const {
  if (id < entries_.size() && entries_[id].memory && bytes <= entries_[id].bytes) return entries_[id].memory;
  const std::string name = what + std::to_string(index);
  if (id >= entries_.size() || !entries_[id].memory)
    throw GraphRangeError(name + " is array " + std::to_string(id) + ", which is not there");
  throw GraphRangeError(name + " needs " + std::to_string(bytes) + " bytes, its array has " + std::to_string(entries_[id].bytes));
}

bool CudaArrays::pin(uint32_t id) { return std::exchange(entries_[id].pin, pin_) != pin_; }

void CudaArrays::sweep() {
  since_sweep_ = 0;
  for (size_t id = 0; id < entries_.size(); ++id) {
    Entry& entry = entries_[id];
    if (!entry.memory || entry.pin == pin_) continue;
    const Napi::HandleScope scope(env_);
    napi_value owner = nullptr;
    check(env_, napi_get_reference_value(env_, entry.owner, &owner));
    if (owner) continue;
    napi_delete_reference(env_, entry.owner);
    device_.release(entry.memory);
    entry = {};
    unused_.push_back(static_cast<uint32_t>(id));
  }
}

void CudaArrays::collect_garbage() {
  int64_t total;
  napi_adjust_external_memory(env_, kPressure, &total);
  napi_adjust_external_memory(env_, -kPressure, &total);
}

}  // namespace flaxen::addon
