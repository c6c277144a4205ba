#include "cuda/host/reads.h"

#include <cstring>
#include <utility>

#include "cuda/host/copies.h"

namespace flaxen::cuda {

void Reads::start(const void* from, void* to, size_t bytes, void* owner) {
  const Library& library = device_.library();
  const uint64_t behind = device_.in_flight().started();
  PinnedMemory::Buffer* buffer = device_.pinned().take(bytes);
  if (buffer) {
    // After an error the buffer is not used again: its copy may be under way.
    device_.check(library.memory_copy(device_.stream(), FLAXEN_CUDA_TO_HOST, buffer->memory, from, bytes), "reading an array");
    device_.check(library.event_record(buffer->event, device_.stream()), "reading an array");
  } else {
    cuda::read(device_, to, from, bytes);  // the system gives no pinned memory: a read that waits
  }
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    waiting_.push_back({to, bytes, owner, buffer, behind, {}});
  }
  more_.notify_one();
}

std::vector<Read> Reads::take_finished() {
  std::vector<Read> finished;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    finished = std::exchange(finished_, {});
  }
  for (const Read& read : finished) {
    if (read.buffer) device_.pinned().give_back(read.buffer);
  }
  return finished;
}

void Reads::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  for (;;) {
    more_.wait(lock, [&] { return stopping_ || !waiting_.empty(); });
    if (stopping_) return;
    Read read = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    try {
      device_.enter();
      if (read.buffer) {
        device_.check(device_.library().event_synchronize(read.buffer->event), "reading an array");
        device_.in_flight().finish(read.behind);
        std::memcpy(read.to, read.buffer->memory, read.bytes);
      }
    } catch (const DeviceError& e) {
      read.error = e.what();
    }
    lock.lock();
    finished_.push_back(std::move(read));
    lock.unlock();
    notify_();
    lock.lock();
  }
}

void Reads::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  more_.notify_one();
  if (thread_.joinable()) thread_.join();
}

}  // namespace flaxen::cuda
