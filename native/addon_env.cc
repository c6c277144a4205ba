#include "addon_env.h"

#include "addon_decode.h"
#include "addon_errors.h"
#include "compiler/validate.h"

namespace flaxen::addon {

Env::Env(Napi::Env env) : env_(env), notify_(Notify::New(env, "flaxen", 0, 1, this)) {
  // Idle, it must not keep the process alive; reads do, as long as they wait.
  notify_.Unref(env);
  executor_ = std::make_unique<Executor>([this] {
    if (!notified_.exchange(true)) notify_.NonBlockingCall();
  });
  // Hooks run in reverse order: the executor's thread ends before the function that it calls.
  env.AddCleanupHook([this] { executor_->stop(); });
  program_class_ = Napi::Persistent(ProgramObject::define(env));
  keep_array_constructors();
}

Env& Env::of(Napi::Env env) {
  Env* self = env.GetInstanceData<Env>();
  if (!self) throw Napi::Error::New(env, "flaxen's addon is not initialised");
  return *self;
}

void Env::on_notify(Napi::Env env, Napi::Function, Env* self, void*) {
  if (napi_env(env) == nullptr) return;
  self->notified_.store(false);
  translated(env, [self] { self->settle(); });
}

// A copy is made by calling these: unlike N-API's own functions they throw, and do not end the process, when there is no memory.
void Env::keep_array_constructors() {
  const char* names[] = {"Float32Array", "Int32Array", "Uint32Array", "Uint8Array"};
  for (size_t i = 0; i < array_classes_.size(); ++i) {
    array_classes_[i] = Napi::Persistent(env_.Global().Get(names[i]).As<Napi::Function>());
  }
}

Napi::Value Env::compile(const Napi::CallbackInfo& call) {
  Graph graph = decode_graph(call[0]);
  validate(graph);
  compiled_ = std::make_shared<Program>(std::move(graph));
  const Program& program = *compiled_;
  Napi::Object object = program_class_.New({});
  Napi::Array aliases = Napi::Array::New(env_, program.aliases().size());
  for (size_t k = 0; k < program.aliases().size(); ++k) aliases.Set(static_cast<uint32_t>(k), program.aliases()[k]);
  object.Set("aliases", aliases);
  object.Set("cost", program.cost_ns());
  object.Set("arenaBytes", static_cast<double>(program.arena_bytes()));
  return object;
}

Napi::Value Env::completed(const Napi::CallbackInfo&) { return Napi::Number::New(env_, static_cast<double>(executor_->completed())); }

Napi::Value Env::wait(const Napi::CallbackInfo& call) {
  executor_->wait(ticket(call[0]));
  return env_.Undefined();
}

Ticket Env::ticket(Napi::Value value) const {
  if (!value.IsNumber()) throw Napi::TypeError::New(env_, "a ticket must be a number that run() returned");
  const double ticket = value.As<Napi::Number>().DoubleValue();
  if (!(ticket >= 0 && ticket <= static_cast<double>(executor_->issued())) || ticket != static_cast<double>(static_cast<Ticket>(ticket))) {
    throw Napi::RangeError::New(env_, "there is no run with the ticket " + std::to_string(ticket) + "; give a number that run() returned");
  }
  return static_cast<Ticket>(ticket);
}

Napi::Value Env::stats(const Napi::CallbackInfo&) {
  Napi::Object result = Napi::Object::New(env_);
  result.Set("programs", static_cast<double>(alive_.use_count() - 1));
  result.Set("queued", static_cast<double>(executor_->issued() - executor_->completed()));
  result.Set("completed", static_cast<double>(executor_->runs()));
  result.Set("arenaBytes", static_cast<double>(executor_->arena_bytes()));
  return result;
}

}  // namespace flaxen::addon
