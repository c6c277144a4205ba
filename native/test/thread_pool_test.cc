// The pool from several threads at once, nested, and with tasks that throw.
#include "runtime/thread_pool.h"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "kernel_check.h"

namespace {

using namespace flaxen;
using namespace flaxen::test;

void test_each_task_once() {
  for (int round = 0; round < 200000; ++round) {
    const int tasks = round * 7 % 37;  // jobs that grow and shrink by turns
    std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
    ThreadPool::shared().parallel(tasks, [&](int64_t i) { runs[static_cast<size_t>(i)]++; });
    for (auto& count : runs) check(count == 1, "each task runs once");
  }
}

void test_nested_and_concurrent() {
  std::atomic<int> sum{0};
  std::vector<std::thread> callers;
  for (int c = 0; c < 4; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 500; ++round) {
        ThreadPool::shared().parallel(4, [&](int64_t) { ThreadPool::shared().parallel(3, [&](int64_t) { ++sum; }); });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  check(sum == 4 * 500 * 12, "nested and concurrent calls run everything");
}

void test_exceptions() {
  for (int round = 0; round < 200; ++round) {
    bool caught = false;
    try {
      ThreadPool::shared().parallel(16, [](int64_t i) {
        if (i % 5 == 3) throw std::runtime_error("task");
      });
    } catch (const std::runtime_error&) {
      caught = true;
    }
    check(caught, "a task's exception reaches the caller");
  }
}

}  // namespace

int main() {
  test_each_task_once();
  test_nested_and_concurrent();
  test_exceptions();
  return report("thread_pool");
}
