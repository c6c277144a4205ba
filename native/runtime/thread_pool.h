// A process-wide pool that runs the tasks of one kernel at a time.
#pragma once

#include <cstdint>

namespace flaxen {

// A reference to a callable, without the allocation of std::function; the callable outlives the call.
class Body {
 public:
  template <typename F>
  Body(const F& f)  // NOLINT: implicit on purpose
      : object_(&f), call_([](const void* o, int64_t task) { (*static_cast<const F*>(o))(task); }) {}
  void operator()(int64_t task) const { call_(object_, task); }

 private:
  const void* object_;
  void (*call_)(const void*, int64_t);
};

class ThreadPool {
 public:
  // FLAXEN_NUM_THREADS, else the number of processors this process may use.
  static ThreadPool& shared();

  int threads() const;

  // Calls body(0) .. body(tasks - 1), each once, on this thread and the pool's, and returns when all have finished.
  // A call made while another is under way (from a second JS thread, say) runs its tasks on the caller alone, so a kernel must split its
  // work by shape only, never by the number of threads: then results are bitwise the same however many threads take part.
  void parallel(int64_t tasks, Body body);
};

}  // namespace flaxen
