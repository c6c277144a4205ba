// The module that JS loads: its functions only unpack arguments. typings/addon.d.ts describes them.
#include <dlfcn.h>

#include "addon_env.h"
#include "addon_napi.h"
#include "cpu/kernel.h"
#include "runtime/thread_pool.h"

namespace flaxen::addon {

namespace {

template <size_t count>
std::array<napi_value, count> arguments(napi_env env, napi_callback_info info) {
  std::array<napi_value, count> values;  // those not given become undefined
  size_t given = count;
  check(env, napi_get_cb_info(env, info, &given, values.data(), nullptr, nullptr));
  return values;
}

napi_value compile(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const auto [graph] = arguments<1>(env, info);
    return Env::of(env).compile(graph);
  });
}

napi_value run(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const auto [program, inputs, outputs, after] = arguments<4>(env, info);
    return Env::of(env).run(program, inputs, outputs, after);
  });
}

napi_value completed(napi_env env, napi_callback_info) {
  return guarded(env, [&] { return number(env, static_cast<double>(Env::of(env).executor().completed())); });
}

napi_value wait(napi_env env, napi_callback_info info) {
  return guarded(env, [&]() -> napi_value {
    const auto [ticket] = arguments<1>(env, info);
    Env& self = Env::of(env);
    self.executor().wait(self.ticket(ticket));
    return nullptr;
  });
}

napi_value read(napi_env env, napi_callback_info info) {
  return guarded(env, [&] {
    const auto [array, ticket] = arguments<2>(env, info);
    return Env::of(env).read(array, ticket);
  });
}

napi_value stats(napi_env env, napi_callback_info) {
  return guarded(env, [&] { return Env::of(env).stats(); });
}

napi_value info(napi_env env, napi_callback_info) {
  return guarded(env, [&] {
    napi_value result, isas;
    check(env, napi_create_object(env, &result));
    check(env, napi_create_array(env, &isas));
    uint32_t count = 0;
    for (cpu::Isa isa : cpu::compiled_isas()) check(env, napi_set_element(env, isas, count++, string(env, cpu::name_of(isa))));
    set(env, result, "isa", string(env, cpu::name_of(cpu::chosen_isa())));
    set(env, result, "isas", isas);
    set(env, result, "threads", number(env, ThreadPool::shared().threads()));
    set(env, result, "version", string(env, FLAXEN_VERSION));
    return result;
  });
}

// Node unloads an addon with the last environment that loaded it, a worker's say; the pool's threads must not lose their code.
void stay_loaded() {
  Dl_info self;
  if (dladdr(reinterpret_cast<void*>(&stay_loaded), &self) && self.dli_fname) dlopen(self.dli_fname, RTLD_NOW | RTLD_NODELETE);
}

}  // namespace

}  // namespace flaxen::addon

NAPI_MODULE_INIT() {
  using namespace flaxen::addon;
  return guarded(env, [&] {
    stay_loaded();
    // Settings from the environment are found wrong here, not in the middle of a run.
    flaxen::ThreadPool::shared();
    flaxen::cpu::chosen_isa();
    auto own = std::make_unique<Env>(env);
    check(env, napi_set_instance_data(
                   env, own.get(), [](napi_env, void* data, void*) { delete static_cast<Env*>(data); }, nullptr));
    own.release();
    const std::pair<const char*, napi_callback> functions[] = {
        {"compile", compile}, {"run", run}, {"completed", completed}, {"wait", wait}, {"read", read}, {"stats", stats}, {"info", info}};
    for (const auto& [name, callback] : functions) {
      napi_value function;
      check(env, napi_create_function(env, name, NAPI_AUTO_LENGTH, callback, nullptr, &function));
      set(env, exports, name, function);
    }
    return exports;
  });
}
