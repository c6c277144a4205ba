// read(): copies of arrays in the order of the runs, as promises.
#include "addon_env.h"
#include "addon_napi.h"

namespace flaxen::addon {

namespace {

size_t class_of(napi_typedarray_type type) {
  switch (type) {
    case napi_float32_array:
      return 0;
    case napi_int32_array:
      return 1;
    case napi_uint32_array:
      return 2;
    case napi_uint8_array:
      return 3;
    default:
      throw TypeError("read takes a Float32Array, Int32Array, Uint32Array or Uint8Array");
  }
}

void reject(napi_env env, napi_deferred deferred, const std::string& message) {
  napi_value error;
  check(env, napi_create_error(env, nullptr, string(env, message), &error));
  check(env, napi_reject_deferred(env, deferred, error));
}

}  // namespace

napi_value Env::read(napi_value array, napi_value ticket_value) {
  const Ticket ticket = this->ticket(ticket_value);
  bool is_array = false;
  check(env_, napi_is_typedarray(env_, array, &is_array));
  if (!is_array) throw TypeError("read takes a Float32Array, Int32Array, Uint32Array or Uint8Array");
  napi_typedarray_type type;
  size_t length = 0;
  void *from = nullptr, *to = nullptr;
  check(env_, napi_get_typedarray_info(env_, array, &type, &length, &from, nullptr, nullptr));
  const size_t kind = class_of(type);
  napi_value constructor, copy, promise, size = number(env_, static_cast<double>(length));
  check(env_, napi_get_reference_value(env_, array_classes_[kind], &constructor));
  check(env_, napi_new_instance(env_, constructor, 1, &size, &copy));
  check(env_, napi_get_typedarray_info(env_, copy, nullptr, nullptr, &to, nullptr, nullptr));

  auto pending = std::make_unique<PendingRead>();
  check(env_, napi_create_reference(env_, array, 1, &pending->array));
  check(env_, napi_create_reference(env_, copy, 1, &pending->copy));
  check(env_, napi_create_promise(env_, &pending->deferred, &promise));
  Read read{from, to, length * (kind == 3 ? 1 : 4), ticket, pending.get(), {}};
  if (reads_++ == 0) check(env_, napi_ref_threadsafe_function(env_, notify_));
  pending.release();  // NOLINT: settle_read takes it back
  if (executor_->read(read)) settle_read(read);
  return promise;
}

// Keeps the promise of a finished read.
void Env::settle_read(Read& read) {
  const Scope scope(env_);
  const std::unique_ptr<PendingRead> pending(static_cast<PendingRead*>(read.owner));
  if (--reads_ == 0) check(env_, napi_unref_threadsafe_function(env_, notify_));
  napi_value copy;
  check(env_, napi_get_reference_value(env_, pending->copy, &copy));
  check(env_, napi_delete_reference(env_, pending->copy));
  check(env_, napi_delete_reference(env_, pending->array));
  if (!read.error.empty()) {
    reject(env_, pending->deferred, read.error);
  } else {
    check(env_, napi_resolve_deferred(env_, pending->deferred, copy));
  }
}

}  // namespace flaxen::addon
