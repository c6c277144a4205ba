// read(): copies of arrays in the order of the runs, as promises. A caller that does not promise to keep the array as it is waits in the
// call.
#include "addon_decode.h"
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

// A typed array: where its elements are now.
struct View {
  napi_typedarray_type type;
  size_t length;
  void* data;
};

View view_of(Napi::Env env, Napi::Value value) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(env, kWanted);
  View view{};
  check(env, napi_get_typedarray_info(env, value, &view.type, &view.length, &view.data, nullptr, nullptr));
  return view;
}

}  // namespace

Napi::Value Env::read(const Napi::CallbackInfo& call) {
  const Ticket ticket = this->ticket(call[1]);
  const View wanted = view_of(env_, call[0]);
  const DType dtype = dtype_of(env_, wanted.type);
  // The constructor was JS's when the addon was loaded, and so may be anybody's: only then are the places looked up.
  const Napi::Value made = array_classes_[static_cast<size_t>(dtype)].New({Napi::Number::New(env_, static_cast<double>(wanted.length))});
  const View from = view_of(env_, call[0]), to = view_of(env_, made);
  if (to.type != wanted.type || to.length != wanted.length || from.length != wanted.length) {
    throw Napi::TypeError::New(env_, "the copy of an array has another type or length: leave the global typed arrays as they are");
  }

  auto pending = std::unique_ptr<PendingRead>(new PendingRead{
      Napi::Promise::Deferred::New(env_), Napi::Persistent(call[0].As<Napi::Object>()), Napi::Persistent(made.As<Napi::Object>())});
  const Napi::Promise promise = pending->deferred.Promise();
  Read read{from.data, to.data, wanted.length * size_of(dtype), ticket, pending.get(), {}};
  if (reads_++ == 0) notify_.Ref(env_);
  pending.release();  // NOLINT: settle_read takes it back
  if (executor_->read(read)) {
    settle_read(read);
  } else if (!is_true(call[2])) {
    executor_->finish_reads();
    settle();
  }
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
