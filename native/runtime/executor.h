// Runs programs in order: small ones at once on the calling thread, others on a thread of their own. One thread calls it: the owner's.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/arena.h"
#include "runtime/program.h"

namespace flaxen {

using Ticket = uint64_t;

// A copy out of an array, made after the run that the ticket names.
struct Read {
  const void* from;
  void* to;
  size_t bytes;
  Ticket ticket;
  void* owner;        // handed back with the finished read
  std::string error;  // why there is nothing to read, or empty
};

class Executor {
 public:
  static constexpr size_t kQueueLength = 16;
  // A caller that found the queue full goes on once this much of it is free, so that it is woken once for several runs.
  static constexpr size_t kRoomToGoOn = 8;
  static constexpr double kInlineNs = 50e3;

  // `notify` is called on the executor's thread when reads have finished or nothing is left to do.
  explicit Executor(std::function<void()> notify) : notify_(std::move(notify)) {}
  // Finishes the run under way and drops the rest.
  ~Executor() { stop(); }
  void stop();

  // Runs, or queues and returns a ticket; 0 when finished. Blocks while the queue is full. `arrays` stay alive until the ticket has
  // finished. A failure (also one of the runs named by `after`) is kept under the ticket.
  Ticket run(const std::shared_ptr<Program>& program, const std::vector<void*>& arrays, const std::vector<Ticket>& after);

  // All up to this ticket have finished.
  Ticket completed() const { return completed_.load(std::memory_order_acquire); }
  Ticket issued() const { return issued_; }
  // Blocks until the ticket has finished; its error stays under the ticket.
  void finish(Ticket ticket);
  // Blocks until the ticket has finished; throws the run's error.
  void wait(Ticket ticket);

  // Reads at once and returns true, or queues the read, to be taken from take_finished_reads.
  bool read(Read& read);
  std::vector<Read> take_finished_reads();
  // Blocks until all reads have been made.
  void finish_reads();

  uint64_t runs() const { return runs_.load(std::memory_order_relaxed); }
  size_t arena_bytes() const { return arena_bytes_.load(std::memory_order_relaxed); }

 private:
  struct Job {
    std::shared_ptr<Program> program;
    std::vector<void*> arrays;
    std::vector<Ticket> after;
  };
  static constexpr Ticket kNobody = ~Ticket{0};
  struct Failure {
    Ticket first, last;
    std::string error;
  };

  bool idle() const { return completed() == issued_ && reads_pending_.load(std::memory_order_acquire) == 0; }
  Job& job(Ticket ticket) { return ring_[ticket % kQueueLength]; }
  // The error of a run, or nothing. The mutex is held.
  const std::string* failure(Ticket ticket) const;
  const std::string* failure(const std::vector<Ticket>& tickets) const;
  void await(std::unique_lock<std::mutex>& lock, Ticket ticket);
  void fail(Ticket ticket, std::string error);
  std::string attempt(Program& program, const std::vector<void*>& arrays);
  void start();
  void wake();
  void work();
  bool serve_reads(std::unique_lock<std::mutex>& lock);
  void run_next(std::unique_lock<std::mutex>& lock);

  std::function<void()> notify_;
  Arena arena_;
  std::thread thread_;  // started by the first run or read that needs it

  Ticket issued_ = 0;  // the owner's thread alone writes it, under the mutex once the executor's thread runs
  std::atomic<Ticket> completed_{0};
  std::atomic<size_t> reads_pending_{0};
  std::atomic<uint64_t> runs_{0}, signals_{0};
  std::atomic<size_t> arena_bytes_{0};
  std::atomic<bool> failed_{false};

  mutable std::mutex mutex_;
  std::condition_variable work_, done_;
  bool stopping_ = false;
  Ticket awaited_ = kNobody;  // by the owner's thread; who waits is woken when it has finished
  std::array<Job, kQueueLength> ring_;
  std::vector<Read> reads_, finished_reads_;
  std::vector<Failure> failures_;  // by ticket; neighbours with the same error are one
};

}  // namespace flaxen
