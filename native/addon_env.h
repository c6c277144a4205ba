// What one JS environment (the main thread, a worker) owns.
#pragma once

#include <napi.h>

#include <array>
#include <atomic>
#include <memory>
#include <vector>

#include "addon_program.h"
#include "runtime/executor.h"

namespace flaxen::addon {

class Env {
 public:
  explicit Env(Napi::Env env);
  // The environment that a callback runs in.
  static Env& of(Napi::Env env);

  // The functions that JS sees; see typings/addon.d.ts.
  Napi::Value compile(const Napi::CallbackInfo& call);
  Napi::Value run(const Napi::CallbackInfo& call);
  Napi::Value completed(const Napi::CallbackInfo& call);
  Napi::Value wait(const Napi::CallbackInfo& call);
  Napi::Value read(const Napi::CallbackInfo& call);
  Napi::Value stats(const Napi::CallbackInfo& call);

  // What compile() has made and wants a JS object for, or null.
  std::shared_ptr<Program> take_compiled() { return std::move(compiled_); }
  // Every Program object keeps a copy of this.
  std::shared_ptr<void> alive() const { return alive_; }

 private:
  struct PendingRead {
    Napi::Promise::Deferred deferred;
    Napi::ObjectReference array, copy;
  };
  // One buffer of a run.
  struct Memory {
    std::byte* begin;
    size_t bytes;
  };
  // One array of a run: where, how long, and whether the run writes it.
  struct Span {
    uintptr_t begin, end;
    bool written;
  };

  // A ticket that was given out, else a TypeError or RangeError.
  Ticket ticket(Napi::Value value) const;
  // Lets go of the arrays of finished runs and settles finished reads.
  void settle();
  void keep_array_constructors();

  void collect_memory(Napi::Value list);
  void collect_after(Napi::Value list);
  void find_memory();
  void place_arrays(const Program& program, napi_value places);
  void* resolve(const uint32_t* place, const Aval& aval, const char* what, size_t index) const;
  void check_memory(ProgramObject& object);
  void hold_memory(Ticket ticket, napi_value list);
  void release_until(Ticket ticket);
  void settle_read(Read& read);
  static void on_notify(Napi::Env env, Napi::Function, Env* self, void*);
  using Notify = Napi::TypedThreadSafeFunction<Env, void, on_notify>;

  Napi::Env env_;
  std::unique_ptr<Executor> executor_;
  Notify notify_;
  std::atomic<bool> notified_{false};
  Napi::FunctionReference program_class_;
  std::array<Napi::FunctionReference, 4> array_classes_;  // by DType
  std::shared_ptr<Program> compiled_;
  std::shared_ptr<void> alive_ = std::make_shared<char>();

  // The run being called; members, so that a steady call allocates nothing.
  bool collecting_ = false;
  std::vector<napi_value> values_;
  std::vector<Memory> memory_;
  std::vector<void*> arrays_;
  std::vector<Span> spans_;
  std::vector<Ticket> after_;

  std::array<napi_ref, Executor::kQueueLength> held_{};  // lists of buffers, by ticket
  Ticket released_ = 0;
  size_t reads_ = 0;
};

}  // namespace flaxen::addon
