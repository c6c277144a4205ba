// From what C++ throws to JS errors.
#pragma once

#include <napi.h>

#include <new>

#include "compiler/graph.h"

namespace flaxen::addon {

// Runs the body of a callback. Other std::exceptions leave it for node-addon-api, which makes them Errors.
template <typename F>
auto translated(Napi::Env env, F body) {
  try {
    return body();
  } catch (const GraphRangeError& e) {
    throw Napi::RangeError::New(env, e.what());
  } catch (const GraphError& e) {
    throw Napi::TypeError::New(env, e.what());
  } catch (const std::bad_alloc&) {
    throw Napi::Error::New(env, "out of memory");
  }
}

// For the N-API functions that are called without their wrapper.
inline void check(napi_env env, napi_status status) {
  if (status != napi_ok) throw Napi::Error::New(env);
}

}  // namespace flaxen::addon
