// The little of N-API that the addon needs, with C++ exceptions for its status codes.
#pragma once

#include <node_api.h>

#include <new>
#include <stdexcept>
#include <string>

#include "compiler/graph.h"

namespace flaxen::addon {

// A JS exception is already pending.
struct Pending {};

// Thrown as a JS TypeError or RangeError.
struct TypeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};
struct RangeError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

inline void check(napi_env env, napi_status status) {
  if (status == napi_ok) return;
  bool pending = false;
  napi_is_exception_pending(env, &pending);
  if (pending) throw Pending();
  const napi_extended_error_info* info = nullptr;
  napi_get_last_error_info(env, &info);
  throw std::runtime_error(info && info->error_message ? info->error_message : "N-API call failed");
}

// Runs the body of a callback; no C++ exception leaves it.
template <typename F>
napi_value guarded(napi_env env, F body) {
  try {
    return body();
  } catch (const Pending&) {
  } catch (const TypeError& e) {
    napi_throw_type_error(env, nullptr, e.what());
  } catch (const RangeError& e) {
    napi_throw_range_error(env, nullptr, e.what());
  } catch (const GraphRangeError& e) {
    napi_throw_range_error(env, nullptr, e.what());
  } catch (const GraphError& e) {
    napi_throw_type_error(env, nullptr, e.what());
  } catch (const std::bad_alloc&) {
    napi_throw_error(env, nullptr, "out of memory");
  } catch (const std::exception& e) {
    napi_throw_error(env, nullptr, e.what());
  }
  return nullptr;
}

inline napi_value number(napi_env env, double value) {
  napi_value result;
  check(env, napi_create_double(env, value, &result));
  return result;
}

inline napi_value string(napi_env env, const std::string& text) {
  napi_value result;
  check(env, napi_create_string_utf8(env, text.data(), text.size(), &result));
  return result;
}

inline napi_value property(napi_env env, napi_value object, const char* key) {
  napi_value result;
  check(env, napi_get_named_property(env, object, key, &result));
  return result;
}

inline void set(napi_env env, napi_value object, const char* key, napi_value value) {
  check(env, napi_set_named_property(env, object, key, value));
}

inline napi_valuetype type_of(napi_env env, napi_value value) {
  napi_valuetype type;
  check(env, napi_typeof(env, value, &type));
  return type;
}

// Handles made inside are freed at the end of the block, so that long lists cost no memory.
class Scope {
 public:
  explicit Scope(napi_env env) : env_(env) { check(env, napi_open_handle_scope(env, &scope_)); }
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() { napi_close_handle_scope(env_, scope_); }

 private:
  napi_env env_;
  napi_handle_scope scope_;
};

}  // namespace flaxen::addon
