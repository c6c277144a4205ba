#include "addon_program.h"

#include "addon_env.h"
#include "addon_errors.h"

namespace flaxen::addon {

namespace {

// Other addons wrap objects too; those must not be taken for programs.
constexpr napi_type_tag kProgramTag = {0x666c6178656e0001, 0x70726f6772616d01};

constexpr const char* kNotForJs = "a Program is made by compile()";

}  // namespace

Napi::Function ProgramObject::define(Napi::Env env) { return DefineClass(env, "Program", {InstanceMethod<&ProgramObject::text>("text")}); }

ProgramObject& ProgramObject::of(Napi::Value value) {
  if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kProgramTag)) {
    throw Napi::TypeError::New(value.Env(), "not a Program; make one with compile()");
  }
  return *Unwrap(value.As<Napi::Object>());
}

ProgramObject::ProgramObject(const Napi::CallbackInfo& call) : ObjectWrap(call) {
  addon::Env& env = addon::Env::of(call.Env());
  program = env.take_compiled();
  if (!program) throw Napi::TypeError::New(call.Env(), kNotForJs);
  call.This().As<Napi::Object>().TypeTag(&kProgramTag);
  alive_ = env.alive();
}

Napi::Value ProgramObject::OnCalledAsFunction(const Napi::CallbackInfo& call) { throw Napi::TypeError::New(call.Env(), kNotForJs); }

Napi::Value ProgramObject::text(const Napi::CallbackInfo& call) {
  return translated(call.Env(), [&] { return Napi::String::New(call.Env(), program->text()); });
}

}  // namespace flaxen::addon
