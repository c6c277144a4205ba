// Copies to the host that nobody waits for: a thread waits for their events and tells when they are done.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cuda/host/device.h"

namespace flaxen::cuda {

struct Read {
  void* to;
  size_t bytes;
  void* owner;                   // handed back with the finished read
  PinnedMemory::Buffer* buffer;  // where the copy goes; null if it is done already
  uint64_t behind;               // of the device's runs, which are done when the copy is
  std::string error;             // why there is nothing to read, or empty
};

class Reads {
 public:
  // `notify` is called on the thread when reads have finished.
  Reads(Device& device, std::function<void()> notify) : device_(device), notify_(std::move(notify)) {}
  Reads(const Reads&) = delete;
  Reads& operator=(const Reads&) = delete;
  ~Reads() { stop(); }
  void stop();

  // Queues a copy behind all that the stream has to do; `to` stays alive until take_finished gives the read back. Throws DeviceError.
  void start(const void* from, void* to, size_t bytes, void* owner);
  std::vector<Read> take_finished();

 private:
  void work();

  Device& device_;
  std::function<void()> notify_;
  std::thread thread_;  // started by the first read
  std::mutex mutex_;
  std::condition_variable more_;
  bool stopping_ = false;
  std::deque<Read> waiting_;
  std::vector<Read> finished_;
};

}  // namespace flaxen::cuda
