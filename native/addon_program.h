// The JS class Program.
#pragma once

#include <napi.h>

#include <memory>
#include <vector>

#include "runtime/program.h"

namespace flaxen::addon {

// A compiled graph, freed with its JS object.
class ProgramObject : public Napi::ObjectWrap<ProgramObject> {
 public:
  static Napi::Function define(Napi::Env env);
  // The native side of a JS Program, else a TypeError.
  static ProgramObject& of(Napi::Value value);
  // For JS: serves compile() alone.
  explicit ProgramObject(const Napi::CallbackInfo& call);
  static Napi::Value OnCalledAsFunction(const Napi::CallbackInfo& call);

  std::shared_ptr<Program> program;
  std::vector<uint32_t> order;  // its arrays by address, as the last run saw them

 private:
  Napi::Value text(const Napi::CallbackInfo& call);

  std::shared_ptr<void> alive_;  // the environment counts these
};

}  // namespace flaxen::addon
