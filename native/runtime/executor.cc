#include "runtime/executor.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <stdexcept>

#include "runtime/spin.h"

namespace flaxen {

namespace {

// Parking and waking costs tens of microseconds, as much as a small program.
constexpr auto kSpinBeforePark = std::chrono::microseconds(50);
// Longer copies would hold up the calling thread.
constexpr size_t kReadAtOnce = size_t{1} << 20;

template <typename Condition>
void spin_until(const Condition& holds) {
  const auto give_up = std::chrono::steady_clock::now() + kSpinBeforePark;
  while (!holds() && std::chrono::steady_clock::now() < give_up) Spin::relax();
}

bool overlap(const void* a, size_t a_bytes, const void* b, size_t b_bytes) {
  const auto a0 = reinterpret_cast<uintptr_t>(a), b0 = reinterpret_cast<uintptr_t>(b);
  return a0 < b0 + b_bytes && b0 < a0 + a_bytes;
}

}  // namespace

const std::string* Executor::failure(Ticket ticket) const {
  const auto after = std::upper_bound(failures_.begin(), failures_.end(), ticket, [](Ticket t, const Failure& f) { return t < f.first; });
  if (after == failures_.begin() || std::prev(after)->last < ticket) return nullptr;
  return &std::prev(after)->error;
}

const std::string* Executor::failure(const std::vector<Ticket>& tickets) const {
  for (Ticket ticket : tickets) {
    if (const std::string* error = failure(ticket)) return error;
  }
  return nullptr;
}

void Executor::fail(Ticket ticket, std::string error) {
  failed_.store(true, std::memory_order_relaxed);
  if (!failures_.empty() && failures_.back().last + 1 == ticket && failures_.back().error == error) {
    failures_.back().last = ticket;
  } else {
    failures_.push_back({ticket, ticket, std::move(error)});
  }
}

// Runs and returns the error, empty when all went well.
std::string Executor::attempt(Program& program, const std::vector<void*>& arrays) {
  std::string error;
  try {
    program.run(arrays.data(), arena_);
  } catch (const std::exception& e) {
    error = e.what();
  }
  arena_bytes_.store(arena_.bytes(), std::memory_order_relaxed);
  runs_.fetch_add(1, std::memory_order_relaxed);
  return error;
}

Ticket Executor::run(const std::shared_ptr<Program>& program, const std::vector<void*>& arrays, const std::vector<Ticket>& after) {
  if (program->cost_ns() < kInlineNs && idle()) {
    std::unique_lock<std::mutex> lock(mutex_, std::defer_lock);
    std::string error;
    if (failed_.load(std::memory_order_relaxed)) {
      lock.lock();
      if (const std::string* earlier = failure(after)) error = *earlier;
    }
    if (error.empty()) error = attempt(*program, arrays);
    if (error.empty()) return 0;
    if (!lock.owns_lock()) lock.lock();
    fail(++issued_, std::move(error));
    completed_.store(issued_, std::memory_order_release);
    return issued_;
  }
  start();
  std::unique_lock<std::mutex> lock(mutex_);
  if (issued_ - completed() == kQueueLength) await(lock, issued_ + kRoomToGoOn - kQueueLength);
  Job& next = job(issued_ + 1);
  next.program = program;
  next.arrays = arrays;
  next.after = after;
  const Ticket ticket = ++issued_;
  lock.unlock();
  wake();
  return ticket;
}

void Executor::await(std::unique_lock<std::mutex>& lock, Ticket ticket) {
  awaited_ = ticket;
  done_.wait(lock, [&] { return completed() >= ticket; });
  awaited_ = kNobody;
}

void Executor::finish(Ticket ticket) {
  spin_until([&] { return completed() >= ticket; });
  std::unique_lock<std::mutex> lock(mutex_);
  await(lock, ticket);
}

void Executor::wait(Ticket ticket) {
  finish(ticket);
  const std::lock_guard<std::mutex> lock(mutex_);
  if (const std::string* error = failure(ticket)) throw std::runtime_error(*error);
}

bool Executor::read(Read& read) {
  std::unique_lock<std::mutex> lock(mutex_);
  const Ticket done = completed();
  // A later run that writes the array goes first: its result is what the array then holds.
  Ticket due = read.ticket;
  for (Ticket t = std::max(due, done) + 1; t <= issued_; ++t) {
    const Job& later = job(t);
    const auto& outputs = later.program->outputs();
    const size_t first = later.arrays.size() - outputs.size();
    for (size_t k = 0; k < outputs.size(); ++k) {
      if (due <= done && overlap(read.from, read.bytes, later.arrays[first + k], outputs[k].bytes())) due = t;
    }
  }
  if (due <= done && read.bytes <= kReadAtOnce) {
    const std::string* error = failure(read.ticket);
    if (error) read.error = *error;
    lock.unlock();
    if (!error && read.bytes > 0) std::memcpy(read.to, read.from, read.bytes);
    return true;
  }
  Read queued = read;
  queued.ticket = due;
  reads_.push_back(std::move(queued));
  reads_pending_.fetch_add(1, std::memory_order_release);
  lock.unlock();
  start();
  wake();
  return false;
}

std::vector<Read> Executor::take_finished_reads() {
  const std::lock_guard<std::mutex> lock(mutex_);
  return std::exchange(finished_reads_, {});
}

void Executor::finish_reads() {
  std::unique_lock<std::mutex> lock(mutex_);
  done_.wait(lock, [&] { return reads_pending_.load(std::memory_order_acquire) == 0; });
}

void Executor::start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { work(); });
}

void Executor::wake() {
  signals_.fetch_add(1, std::memory_order_release);
  work_.notify_one();
}

// Copies what is due; false when there was nothing.
bool Executor::serve_reads(std::unique_lock<std::mutex>& lock) {
  const auto due = std::partition(reads_.begin(), reads_.end(), [&](const Read& r) { return r.ticket > completed(); });
  if (due == reads_.end()) return false;
  std::vector<Read> now(std::make_move_iterator(due), std::make_move_iterator(reads_.end()));
  reads_.erase(due, reads_.end());
  for (Read& read : now) {
    if (const std::string* error = failure(read.ticket)) read.error = *error;
  }
  lock.unlock();
  for (const Read& read : now) {
    if (read.error.empty()) std::memcpy(read.to, read.from, read.bytes);
  }
  lock.lock();
  finished_reads_.insert(finished_reads_.end(), std::make_move_iterator(now.begin()), std::make_move_iterator(now.end()));
  reads_pending_.fetch_sub(now.size(), std::memory_order_release);
  done_.notify_one();
  lock.unlock();
  notify_();
  lock.lock();
  return true;
}

void Executor::run_next(std::unique_lock<std::mutex>& lock) {
  const Ticket ticket = completed() + 1;
  Job& next = job(ticket);
  std::string error;
  if (const std::string* earlier = failure(next.after)) error = *earlier;
  lock.unlock();
  if (error.empty()) error = attempt(*next.program, next.arrays);
  lock.lock();
  if (!error.empty()) fail(ticket, std::move(error));
  next.program.reset();
  completed_.store(ticket, std::memory_order_release);
  if (ticket >= awaited_) done_.notify_one();
  if (ticket == issued_ && reads_.empty()) {
    lock.unlock();
    notify_();
    lock.lock();
  }
}

void Executor::work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (!stopping_) {
    if (serve_reads(lock)) continue;
    if (completed() < issued_) {
      run_next(lock);
      continue;
    }
    const uint64_t seen = signals_.load(std::memory_order_acquire);
    lock.unlock();
    spin_until([&] { return signals_.load(std::memory_order_acquire) != seen; });
    lock.lock();
    work_.wait(lock, [&] { return stopping_ || completed() < issued_ || !reads_.empty(); });
  }
}

void Executor::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  wake();
  if (thread_.joinable()) thread_.join();
}

}  // namespace flaxen
