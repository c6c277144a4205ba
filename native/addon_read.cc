// read(): copies of arrays in the order of the runs, as promises.
#include "addon_env.h"
#include "addon_errors.h"

namespace flaxen::addon {

namespace {

constexpr const char* kWanted = "read takes a Float32Array, Int32Array, Uint32Array or Uint8Array";

DType dtype_of(Napi::Env env, napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array:
      return DType::f32;
    case napi_int32_array:
      return DType::i32;
    case napi_uint32_array:
      return DType::u32;
    case napi_uint8_array:
      return DType::boolean;
    default:
      throw Napi::TypeError::New(env, kWanted);
  }
}

}  // namespace

Napi::Value Env::read(const Napi::CallbackInfo& call) {
  const Ticket ticket = this->ticket(call[1]);
  if (!call[0].IsTypedArray()) throw Napi::TypeError::New(env_, kWanted);
  const auto array = call[0].As<Napi::Object>();
  napi_typedarray_type type;
  size_t length = 0;
  void *from = nullptr, *to = nullptr;
  check(env_, napi_get_typedarray_info(env_, array, &type, &length, &from, nullptr, nullptr));
  const DType dtype = dtype_of(env_, type);
  const Napi::Object copy = array_classes_[static_cast<size_t>(dtype)].New({Napi::Number::New(env_, static_cast<double>(length))});
  check(env_, napi_get_typedarray_info(env_, copy, nullptr, nullptr, &to, nullptr, nullptr));

  auto pending =
      std::unique_ptr<PendingRead>(new PendingRead{Napi::Promise::Deferred::New(env_), Napi::Persistent(array), Napi::Persistent(copy)});
  const Napi::Promise promise = pending->deferred.Promise();
  Read read{from, to, length * size_of(dtype), ticket, pending.get(), {}};
  if (reads_++ == 0) notify_.Ref(env_);
  pending.release();  // NOLINT: settle_read takes it back
  if (executor_->read(read)) settle_read(read);
  return promise;
}

// Keeps the promise of a finished read.
void Env::settle_read(Read& read) {
  const Napi::HandleScope scope(env_);
  const std::unique_ptr<PendingRead> pending(static_cast<PendingRead*>(read.owner));
  if (--reads_ == 0) notify_.Unref(env_);
  if (!read.error.empty()) {
    pending->deferred.Reject(Napi::Error::New(env_, read.error).Value());
  } else {
    pending->deferred.Resolve(pending->copy.Value());
  }
}

}  // namespace flaxen::addon
