#include "simt/stream.h"

#include <map>

#include "simt/cudart.h"
#include "simt/memory.h"

namespace flaxen::simt {

namespace {

std::map<void*, std::shared_ptr<Stream>>& streams() {
  static auto& all = *new std::map<void*, std::shared_ptr<Stream>>;
  return all;
}

}  // namespace

void* make_stream(int device) {
  auto stream = std::make_shared<Stream>();
  stream->device = device;
  void* handle = stream.get();
  streams()[handle] = std::move(stream);
  return handle;
}

bool destroy_stream(void* handle) {
  const std::shared_ptr<Stream> stream = stream_of(handle);
  if (!stream) return false;
  finish(*stream);
  streams().erase(handle);
  return true;
}

std::shared_ptr<Stream> stream_of(void* handle) {
  const auto found = streams().find(handle);
  return found == streams().end() ? nullptr : found->second;
}

bool is_stream(void* handle) { return !handle || streams().count(handle) > 0; }

int submit(void* handle, Work work) {
  if (!handle) return work();
  const std::shared_ptr<Stream> stream = stream_of(handle);
  if (!stream) return CudaError::invalid_handle;
  if (!stream->recording) {
    stream->queue.push_back(std::move(work));
    ++stream->submitted;
  } else if (stream->spoilt) {
    return CudaError::capture_invalidated;
  } else {
    stream->recording->push_back(std::move(work));
  }
  return CudaError::success;
}

int finish(Stream& stream, uint64_t ticket) {
  int error = CudaError::success;
  const OnDevice on(stream.device);
  while (stream.done < ticket && !stream.queue.empty()) {
    const Work work = std::move(stream.queue.front());
    stream.queue.pop_front();
    ++stream.done;
    if (lost() == CudaError::success) error = work();
    if (error != CudaError::success) lose(error);
  }
  return lost();
}

int finish(Stream& stream) { return finish(stream, stream.submitted); }

int finish_all(int device) {
  for (const auto& [handle, stream] : streams()) {
    if (stream->device == device) finish(*stream);
  }
  return lost();
}

}  // namespace flaxen::simt
