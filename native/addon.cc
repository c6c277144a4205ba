// The module that JS loads; typings/addon.d.ts describes its functions.
#include <dlfcn.h>

#include <functional>

#include "addon_cuda.h"
#include "addon_env.h"
#include "addon_errors.h"
#include "compiler/validate.h"
#include "cpu/kernel.h"
#include "runtime/thread_pool.h"

namespace flaxen::addon {

namespace {

Napi::Value info(Env&, const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Napi::Object result = Napi::Object::New(env);
  Napi::Array isas = Napi::Array::New(env);
  for (cpu::Isa isa : cpu::compiled_isas()) isas.Set(isas.Length(), cpu::name_of(isa));
  result.Set("isa", cpu::name_of(cpu::chosen_isa()));
  result.Set("isas", isas);
  result.Set("threads", Napi::Number::New(env, ThreadPool::shared().threads()));
  result.Set("version", FLAXEN_VERSION);
  Napi::Array primitives = Napi::Array::New(env);
  for (const std::string& name : primitive_names()) primitives.Set(primitives.Length(), name);
  result.Set("primitives", primitives);
  return result;
}

// A function of JS around one that takes the environment and the arguments, such as a method of Env.
template <auto function>
Napi::Value callback(const Napi::CallbackInfo& call) {
  return translated(call.Env(), [&] { return std::invoke(function, Env::of(call.Env()), call); });
}

template <auto function>
void add(Napi::Object exports, const char* name) {
  exports.Set(name, Napi::Function::New<callback<function>>(exports.Env(), name));
}

// Node unloads an addon with the last environment that loaded it, a worker's say; the pool's threads must not lose their code.
void stay_loaded() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&stay_loaded), &self) && self.dli_fname) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

Napi::Object init(Napi::Env env, Napi::Object exports) {
  stay_loaded();
  // Settings from the environment are found wrong here, not in the middle of a run.
  ThreadPool::shared();
  cpu::chosen_isa();
  env.SetInstanceData(new Env(env));
  add<&Env::compile>(exports, "compile");
  add<&Env::run>(exports, "run");
  add<&Env::completed>(exports, "completed");
  add<&Env::wait>(exports, "wait");
  add<&Env::read>(exports, "read");
  add<&Env::stats>(exports, "stats");
  add<&info>(exports, "info");
  add_cuda(exports);
  return exports;
}

NODE_API_MODULE(flaxen, init)

}  // namespace

}  // namespace flaxen::addon
