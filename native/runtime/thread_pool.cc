#include "runtime/thread_pool.h"

#ifndef _WIN32
#include <pthread.h>
#include <sched.h>
#endif

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "runtime/processors.h"
#include "runtime/spin.h"

namespace flaxen {

namespace {

constexpr int kMaxThreads = 1024;
constexpr uint64_t kClosed = 0xffffffff;  // a next task that no job has
constexpr auto kSpinBeforePark = std::chrono::microseconds(50);

int wanted_threads() {
  const char* text = std::getenv("FLAXEN_NUM_THREADS");
  if (!text || !*text) return std::min(usable_processors(), kMaxThreads);
  char* end = nullptr;
  const long n = std::strtol(text, &end, 10);
  if (*end || n < 1 || n > kMaxThreads) {
    throw std::runtime_error(std::string("FLAXEN_NUM_THREADS=") + text + " is not a number of threads; give 1 to " +
                             std::to_string(kMaxThreads) + ", or unset it");
  }
  return static_cast<int>(n);
}

// The job under way. Each thread has a share of the tasks, the same in every job of as many tasks, so that memory which one kernel wrote is
// still in the cache of the processor that reads it in the next; who has finished its own share takes from the others'.
// Generation and next task of a share are one word, so that a late worker can never take a task of a job it has not seen: the cursors move
// to the new generation, closed, before `body`, `tasks` and `shares` change, and open after. So a successful compare-exchange proves that
// all belong to the generation, and that the job waits for the task taken.
struct Job {
  struct Cursor {
    alignas(64) std::atomic<uint64_t> at{0};  // generation << 32 | next task
  };
  std::vector<Cursor> cursors;  // by share
  alignas(64) std::atomic<uint32_t> generation{0};
  std::atomic<const Body*> body{nullptr};
  std::atomic<uint32_t> tasks{0}, shares{0};
  alignas(64) std::atomic<uint32_t> done{0};
  std::mutex error_mutex;
  std::exception_ptr error;

  explicit Job(size_t threads) : cursors(threads) {}
  uint32_t first_task(uint32_t share) const {
    return static_cast<uint32_t>(uint64_t{tasks.load(std::memory_order_acquire)} * share / shares.load(std::memory_order_acquire));
  }
};

thread_local bool inside = false;

class Pool {
 public:
  explicit Pool(int threads) : workers_(threads - 1), job_(static_cast<size_t>(threads)) {
    for (int i = 1; i <= workers_; ++i) std::thread([this, i] { work(static_cast<uint32_t>(i)); }).detach();
  }

  int threads() const { return workers_ + 1; }

  // A fork carries over the calling thread only.
  void forget_workers() { workers_ = 0; }

  void parallel(uint32_t tasks, const Body& body) {
    std::unique_lock<std::mutex> turn(turn_, std::defer_lock);
    if (tasks <= 1 || workers_ == 0 || inside || !turn.try_lock()) {
      for (uint32_t i = 0; i < tasks; ++i) body(i);
      return;
    }
    const uint32_t generation = job_.generation.load(std::memory_order_relaxed) + 1;
    const uint64_t mark = uint64_t{generation} << 32;
    const uint32_t shares = std::min(tasks, static_cast<uint32_t>(threads()));
    for (uint32_t s = 0; s < shares; ++s) job_.cursors[s].at.store(mark | kClosed, std::memory_order_relaxed);
    job_.error = nullptr;
    job_.done.store(0, std::memory_order_relaxed);
    job_.body.store(&body, std::memory_order_release);
    job_.tasks.store(tasks, std::memory_order_release);  // who sees it sees the closed cursors too
    job_.shares.store(shares, std::memory_order_release);
    for (uint32_t s = 0; s < shares; ++s) job_.cursors[s].at.store(mark | job_.first_task(s), std::memory_order_release);
    job_.generation.store(generation, std::memory_order_release);
    job_.generation.notify_all();
    take_tasks(generation, 0);
    Spin spin;
    while (job_.done.load(std::memory_order_acquire) != tasks) spin.pause();
    if (job_.error) std::rethrow_exception(job_.error);
  }

 private:
  void take_tasks(uint32_t generation, uint32_t own) {
    inside = true;
    const uint32_t shares = job_.shares.load(std::memory_order_acquire);
    for (uint32_t s = 0; s < shares; ++s) take_share(generation, (own + s) % shares);
    inside = false;
  }

  void take_share(uint32_t generation, uint32_t share) {
    std::atomic<uint64_t>& at = job_.cursors[share].at;
    uint64_t cursor = at.load(std::memory_order_acquire);
    while (cursor >> 32 == generation && static_cast<uint32_t>(cursor) < job_.first_task(share + 1)) {
      if (!at.compare_exchange_weak(cursor, cursor + 1, std::memory_order_acq_rel)) continue;
      try {
        (*job_.body.load(std::memory_order_relaxed))(static_cast<uint32_t>(cursor));
      } catch (...) {
        const std::lock_guard<std::mutex> lock(job_.error_mutex);
        if (!job_.error) job_.error = std::current_exception();
      }
      job_.done.fetch_add(1, std::memory_order_acq_rel);
      cursor = at.load(std::memory_order_acquire);
    }
  }

  void work(uint32_t own) {
    for (uint32_t seen = 0;;) {
      const auto give_up = std::chrono::steady_clock::now() + kSpinBeforePark;
      while (job_.generation.load(std::memory_order_acquire) == seen && std::chrono::steady_clock::now() < give_up) Spin::relax();
      // Whoever waits, be it for nothing, costs the next job's maker a system call.
      if (job_.generation.load(std::memory_order_acquire) == seen) job_.generation.wait(seen, std::memory_order_acquire);
      seen = job_.generation.load(std::memory_order_acquire);
      take_tasks(seen, own);
    }
  }

  int workers_;
  Job job_;
  std::mutex turn_;
};

// Never destroyed: its workers live until the process ends.
Pool& pool() {
  static Pool* const instance = [] {
    Pool* made = new Pool(wanted_threads());
#ifndef _WIN32  // no fork there
    pthread_atfork(nullptr, nullptr, [] { pool().forget_workers(); });
#endif
    return made;
  }();
  return *instance;
}

}  // namespace

ThreadPool& ThreadPool::shared() {
  pool();
  static ThreadPool facade;
  return facade;
}

int ThreadPool::threads() const { return pool().threads(); }

void ThreadPool::parallel(int64_t tasks, Body body) {
  constexpr int64_t kMost = int64_t{1} << 31;
  if (tasks <= kMost) {
    pool().parallel(static_cast<uint32_t>(std::max<int64_t>(tasks, 0)), body);
    return;
  }
  for (int64_t first = 0; first < tasks; first += kMost) {
    const auto shifted = [&](int64_t task) { body(first + task); };
    pool().parallel(static_cast<uint32_t>(std::min(kMost, tasks - first)), shifted);
  }
}

}  // namespace flaxen
