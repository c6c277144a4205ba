#include "addon_env.h"

#include "addon_decode.h"
#include "addon_napi.h"
#include "compiler/validate.h"

namespace flaxen::addon {

namespace {

constexpr napi_type_tag kProgramTag = {0x666c6178656e0001, 0x70726f6772616d01};

}  // namespace

Env::Env(napi_env env) : env_(env) {
  check(env,
        napi_create_threadsafe_function(env, nullptr, nullptr, string(env, "flaxen"), 0, 1, nullptr, nullptr, this, on_notify, &notify_));
  // Idle, it must not keep the process alive; reads do, as long as they wait.
  check(env, napi_unref_threadsafe_function(env, notify_));
  executor_ = std::make_unique<Executor>([this] {
    if (!notified_.exchange(true)) napi_call_threadsafe_function(notify_, nullptr, napi_tsfn_nonblocking);
  });
  // Hooks run in reverse order: the executor's thread ends before the function that it calls.
  check(env, napi_add_env_cleanup_hook(
                 env, [](void* self) { static_cast<Env*>(self)->executor_->stop(); }, this));
  define_program_class();
  keep_array_constructors();
}

Env& Env::of(napi_env env) {
  void* data = nullptr;
  check(env, napi_get_instance_data(env, &data));
  if (!data) throw std::runtime_error("flaxen's addon is not initialised");
  return *static_cast<Env*>(data);
}

void Env::on_notify(napi_env env, napi_value, void* context, void*) {
  if (!env) return;
  Env& self = *static_cast<Env*>(context);
  self.notified_.store(false);
  guarded(env, [&]() -> napi_value {
    self.settle();
    return nullptr;
  });
}

// The constructor serves compile() alone.
napi_value Env::construct_program(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    napi_value self;
    check(env, napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr));
    Handle* handle = std::exchange(of(env).being_made_, nullptr);
    if (!handle) throw TypeError("a Program is made by compile()");
    std::unique_ptr<Handle> owned(handle);
    check(env, napi_wrap(
                   env, self, handle, [](napi_env, void* data, void*) { delete static_cast<Handle*>(data); }, nullptr, nullptr));
    owned.release();
    check(env, napi_type_tag_object(env, self, &kProgramTag));
    return self;
  });
}

napi_value Env::program_text(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    napi_value self;
    check(env, napi_get_cb_info(env, info, nullptr, nullptr, &self, nullptr));
    return string(env, of(env).handle(self).program->text());
  });
}

void Env::define_program_class() {
  napi_property_descriptor text{};
  text.utf8name = "text";
  text.method = program_text;
  napi_value program_class;
  check(env_, napi_define_class(env_, "Program", NAPI_AUTO_LENGTH, construct_program, nullptr, 1, &text, &program_class));
  check(env_, napi_create_reference(env_, program_class, 1, &program_class_));
}

// A copy is made by calling these: unlike N-API's own functions they throw, and do not end the process, when there is no memory.
void Env::keep_array_constructors() {
  napi_value global;
  check(env_, napi_get_global(env_, &global));
  const char* names[] = {"Float32Array", "Int32Array", "Uint32Array", "Uint8Array"};
  for (size_t i = 0; i < array_classes_.size(); ++i) {
    check(env_, napi_create_reference(env_, property(env_, global, names[i]), 1, &array_classes_[i]));
  }
}

Handle& Env::handle(napi_value object) const {
  bool is_program = false;
  if (type_of(env_, object) == napi_object) check(env_, napi_check_object_type_tag(env_, object, &kProgramTag, &is_program));
  if (!is_program) throw TypeError("not a Program; make one with compile()");
  void* data = nullptr;
  check(env_, napi_unwrap(env_, object, &data));
  return *static_cast<Handle*>(data);
}

napi_value Env::compile(napi_value wire) {
  Graph graph = decode_graph(env_, wire);
  validate(graph);
  auto handle = std::make_unique<Handle>(std::make_shared<Program>(std::move(graph)), alive_);
  const Program& program = *handle->program;
  napi_value program_class, object, aliases;
  check(env_, napi_get_reference_value(env_, program_class_, &program_class));
  being_made_ = handle.release();
  const napi_status made = napi_new_instance(env_, program_class, 0, nullptr, &object);
  delete std::exchange(being_made_, nullptr);
  check(env_, made);
  check(env_, napi_create_array_with_length(env_, program.aliases().size(), &aliases));
  for (size_t k = 0; k < program.aliases().size(); ++k) {
    check(env_, napi_set_element(env_, aliases, static_cast<uint32_t>(k), number(env_, program.aliases()[k])));
  }
  set(env_, object, "aliases", aliases);
  set(env_, object, "cost", number(env_, program.cost_ns()));
  set(env_, object, "arenaBytes", number(env_, static_cast<double>(program.arena_bytes())));
  return object;
}

Ticket Env::ticket(napi_value value) const {
  double ticket;
  if (napi_get_value_double(env_, value, &ticket) != napi_ok) throw TypeError("a ticket must be a number that run() returned");
  if (!(ticket >= 0 && ticket <= static_cast<double>(executor_->issued())) || ticket != static_cast<double>(static_cast<Ticket>(ticket))) {
    throw RangeError("there is no run with the ticket " + std::to_string(ticket) + "; give a number that run() returned");
  }
  return static_cast<Ticket>(ticket);
}

napi_value Env::stats() const {
  napi_value result;
  check(env_, napi_create_object(env_, &result));
  set(env_, result, "programs", number(env_, static_cast<double>(*alive_)));
  set(env_, result, "queued", number(env_, static_cast<double>(executor_->issued() - executor_->completed())));
  set(env_, result, "completed", number(env_, static_cast<double>(executor_->runs())));
  set(env_, result, "arenaBytes", number(env_, static_cast<double>(executor_->arena_bytes())));
  return result;
}

}  // namespace flaxen::addon
