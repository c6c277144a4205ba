// The CUDA side of the module that JS loads: what the library finds on this machine, and the JS class CudaDevice.
#pragma once

#include <napi.h>

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "cuda/host/program.h"
#include "cuda/host/reads.h"

namespace flaxen::addon {

// The arrays on a device by number. Each belongs to a JS object, by a weak reference: unlike finalizers those are cleared inside a
// synchronous loop too, so that looking through them finds what nobody holds any more.
class CudaArrays {
 public:
  CudaArrays(Napi::Env env, cuda::Device& device);

  // Memory for `owner`; undefined contents. Throws OutOfMemory.
  uint32_t add(Napi::Object owner, size_t bytes);
  // The memory of array `id`, of at least so many bytes; else a RangeError that names it `what`.
  void* at(uint32_t id, size_t bytes, const char* what, size_t index) const;
  // Keeps arrays from being let go of until unpin(). False if the array was pinned already.
  bool pin(uint32_t id);
  void unpin() { ++pin_; }
  // Lets go of what nobody holds any more.
  void sweep();

  size_t live() const { return entries_.size() - unused_.size(); }

 private:
  struct Entry {
    void* memory = nullptr;
    size_t bytes = 0;
    napi_ref owner = nullptr;
    uint64_t pin = 0;
  };

  // A garbage collection, now.
  void collect_garbage();
  void make_room(size_t bytes);

  Napi::Env env_;
  cuda::Device& device_;
  std::vector<Entry> entries_;
  std::vector<uint32_t> unused_;
  uint64_t pin_ = 1;
  size_t since_sweep_ = 0;
  size_t collect_at_;  // bytes in use
};

class CudaDevice : public Napi::ObjectWrap<CudaDevice> {
 public:
  static Napi::Function define(Napi::Env env);
  explicit CudaDevice(const Napi::CallbackInfo& call);

 private:
  struct PendingRead {
    Napi::Promise::Deferred deferred;
    Napi::ObjectReference array;
  };

  // The functions that JS sees; see typings/addon.d.ts.
  Napi::Value allocate(const Napi::CallbackInfo& call);
  Napi::Value compile(const Napi::CallbackInfo& call);
  Napi::Value run(const Napi::CallbackInfo& call);
  Napi::Value write(const Napi::CallbackInfo& call);
  Napi::Value read(const Napi::CallbackInfo& call);
  Napi::Value read_sync(const Napi::CallbackInfo& call);
  Napi::Value synchronize(const Napi::CallbackInfo& call);
  Napi::Value sweep(const Napi::CallbackInfo& call);
  Napi::Value stats(const Napi::CallbackInfo& call);

  // A method around one above: on the right device, its errors made JS errors.
  template <Napi::Value (CudaDevice::*method)(const Napi::CallbackInfo&)>
  Napi::Value entered(const Napi::CallbackInfo& call);

  void place_arrays(const cuda::Program& program, uint32_t* ids);
  void settle();
  static void on_notify(Napi::Env env, Napi::Function, CudaDevice* self, void*);
  using Notify = Napi::TypedThreadSafeFunction<CudaDevice, void, on_notify>;

  std::shared_ptr<cuda::Device> device_;
  std::unique_ptr<CudaArrays> arrays_;
  std::unique_ptr<cuda::Reads> reads_;
  Notify notify_;
  std::atomic<bool> notified_{false};
  size_t pending_ = 0;
  Napi::FunctionReference program_class_;
  // The run being called; members, so that a steady call allocates nothing.
  std::vector<void*> run_;
  std::vector<napi_value> owners_;
};

// Whether there is a driver; what a library is and finds; a device, opened.
void add_cuda(Napi::Object exports);

}  // namespace flaxen::addon
