// What one JS environment (the main thread, a worker) owns.
#pragma once

#include <node_api.h>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "runtime/executor.h"

namespace flaxen::addon {

// A JS Program object's native side.
struct Handle {
  std::shared_ptr<Program> program;
  std::shared_ptr<std::atomic<size_t>> alive;  // how many handles there are
  std::vector<uint32_t> order;                 // its arrays by address, as the last run saw them

  Handle(std::shared_ptr<Program> p, std::shared_ptr<std::atomic<size_t>> a) : program(std::move(p)), alive(std::move(a)) { ++*alive; }
  ~Handle() { --*alive; }
};

class Env {
 public:
  explicit Env(napi_env env);
  // The environment that a callback runs in.
  static Env& of(napi_env env);

  // The functions that JS sees; see typings/addon.d.ts.
  napi_value compile(napi_value graph);
  napi_value run(napi_value program, napi_value inputs, napi_value outputs, napi_value after);
  napi_value read(napi_value array, napi_value ticket);
  napi_value stats() const;
  // A ticket that was given out, else a TypeError or RangeError.
  Ticket ticket(napi_value value) const;

  Executor& executor() { return *executor_; }

 private:
  struct PendingRead {
    napi_deferred deferred;
    napi_ref array, copy;
  };
  // One array of a run: where, how long, and whether the run writes it.
  struct Span {
    uintptr_t begin, end;
    bool written;
  };

  // The native side of a JS Program, else a TypeError.
  Handle& handle(napi_value object) const;
  // Lets go of the arrays of finished runs and settles finished reads.
  void settle();
  void define_program_class();
  void keep_array_constructors();
  static napi_value construct_program(napi_env env, napi_callback_info info);
  static napi_value program_text(napi_env env, napi_callback_info info);

  void collect(napi_value list, size_t length, const char* what);
  void collect_after(napi_value list);
  void resolve(size_t at, const Aval& aval, const char* what, size_t index);
  void check_memory(Handle& handle);
  void hold_arrays(const Program& program, Ticket ticket);
  void release_until(Ticket ticket);
  void settle_read(Read& read);
  static void on_notify(napi_env env, napi_value, void* context, void*);
  static void on_teardown(void* self);

  napi_env env_;
  std::unique_ptr<Executor> executor_;
  napi_threadsafe_function notify_ = nullptr;
  std::atomic<bool> notified_{false};
  napi_ref program_class_ = nullptr;
  std::array<napi_ref, 4> array_classes_{};  // by DType
  Handle* being_made_ = nullptr;             // what the Program constructor is to wrap
  std::shared_ptr<std::atomic<size_t>> alive_ = std::make_shared<std::atomic<size_t>>(0);

  // The run being called; members, so that a steady call allocates nothing.
  bool collecting_ = false;
  std::vector<napi_value> values_;
  std::vector<void*> arrays_;
  std::vector<Span> spans_;
  std::vector<Ticket> after_;

  std::array<std::vector<napi_ref>, Executor::kQueueLength> held_;  // by ticket
  Ticket released_ = 0;
  size_t reads_ = 0;
};

}  // namespace flaxen::addon
