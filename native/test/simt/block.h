// One thread block at a time: its threads, the scheduler, barriers, and rendezvous of the lanes of a warp. It knows nothing of how a
// thread's code is carried out: a Kernel resumes a thread, which runs until it has to wait, gives way, or ends.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "simt/launch.h"
#include "simt/memory.h"
#include "simt/schedule.h"

namespace flaxen::simt {

// What a lane brings to a rendezvous, and where the results go.
struct Exchange {
  std::array<uint64_t, 10> in{};
  std::array<uint64_t*, 4> out{};
};

// What the lanes of a warp do together: see collective.h.
using Collective = void (*)(struct Warp&, uint32_t present);

struct AsyncCopy {
  uint64_t to, from;  // shared and global addresses
  uint32_t bytes, source_bytes;
  uint32_t site;
  bool done;
};

struct Thread {
  uint32_t index = 0, warp = 0, lane = 0;
  Dim3 id;
  bool live = true;
  const char* waiting = nullptr;
  uint32_t site = 0;  // of the instruction under way
  Exchange exchange;
  std::vector<std::vector<AsyncCopy>> groups;  // of cp.async, committed, oldest first
  std::vector<AsyncCopy> open;                 // not yet committed
};

struct Warp {
  uint32_t live = 0, ready = 0;
  uint32_t epoch = 0;
  Thread* lanes[32] = {};
  // The rendezvous that lanes wait at, if any.
  Collective collective = nullptr;
  uint32_t mask = 0, arrived = 0;
};

class Block;

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual std::string name() const = 0;
  virtual std::string where(uint32_t site) const = 0;
  virtual void begin(Block& block) = 0;
  virtual void resume(Block& block, Thread& thread) = 0;
};

class Block {
 public:
  Block(Kernel& kernel, const Launch& launch, uint32_t first_block, Random& random);

  void run(Dim3 id, uint32_t serial);

  // Called by the thread that runs. Afterwards it goes on if `thread.waiting` is null.
  void barrier(Thread& thread);
  void meet(Thread& thread, uint32_t mask, Collective collective, const char* what);
  void exit(Thread& thread);
  bool preempted() { return random_.chance(schedule().preemption); }

  void async_copy(Thread& thread, AsyncCopy copy);
  void async_commit(Thread& thread);
  void async_wait(Thread& thread, size_t groups_left);

  Actor actor(const Thread& thread) const;
  AddressSpace& shared() { return shared_; }
  const Launch& launch() const { return launch_; }
  Dim3 id() const { return id_; }
  std::vector<Thread>& threads() { return threads_; }
  Kernel& kernel() { return kernel_; }

 private:
  Thread* pick();
  void set_waiting(Thread& thread, const char* what);
  void wake(Thread& thread);
  void release_barrier();
  void try_meeting(Warp& warp);
  void report_deadlock();
  void carry_out(AsyncCopy& copy);

  Kernel& kernel_;
  Launch launch_;
  uint32_t first_block_;
  Random& random_;
  Dim3 id_;
  uint32_t serial_ = 0, epoch_ = 0;
  uint32_t live_ = 0, at_barrier_ = 0, barrier_site_ = 0;
  uint32_t last_ = 0;
  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<uint32_t> priority_;
  AddressSpace shared_;
};

inline uint64_t grids_run = 0;  // since the process began

// Runs the whole grid, block after block.
void run(Kernel& kernel, const Launch& launch);

}  // namespace flaxen::simt
