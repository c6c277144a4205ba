// Streams and events of the stand-in runtime. Work is done as late as CUDA's rules allow, when somebody waits for it: who reads a result,
// or writes memory that a copy still needs, without having waited is found out. The null stream works at once, as tests of kernels want it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace flaxen::simt {

using Work = std::function<int()>;    // gives a cudaError_t
using Recording = std::vector<Work>;  // a captured graph

struct Stream {
  int device = 0;
  std::deque<Work> queue;
  uint64_t submitted = 0, done = 0;
  std::optional<Recording> recording;  // while it is captured
  bool spoilt = false;                 // the capture, by a call that none may hold
};

struct Event {
  int device = 0;
  std::shared_ptr<Stream> stream;  // null before it is recorded
  uint64_t ticket = 0;             // of the last work before it
  int asked = 0;                   // how often: a device takes its time, but comes to an end
};

void* make_stream(int device);
bool destroy_stream(void* handle);
std::shared_ptr<Stream> stream_of(void* handle);  // null for the null stream and for what is none
bool is_stream(void* handle);

// Makes the call now on the null stream, else later; writes it down where the stream is being captured.
int submit(void* stream, Work work);
// Does what the stream was given before `ticket`, or all. Gives the first error, after which the device is lost.
int finish(Stream& stream, uint64_t ticket);
int finish(Stream& stream);
int finish_all(int device);

}  // namespace flaxen::simt
