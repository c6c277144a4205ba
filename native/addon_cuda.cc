#include "addon_cuda.h"

#include <algorithm>

#include "addon_decode.h"
#include "addon_errors.h"
#include "compiler/validate.h"
#include "cuda/host/copies.h"

namespace flaxen::addon {

namespace {

constexpr const char* kOutOfMemory = "ERR_FLAXEN_DEVICE_MEMORY";

template <typename F>
auto guarded(Napi::Env env, F body) {
  return translated(env, [&] {
    try {
      return body();
    } catch (const cuda::OutOfMemory& e) {
      Napi::Error error = Napi::Error::New(env, e.what());
      error.Set("code", kOutOfMemory);
      throw error;
    }
  });
}

// The bytes of a typed array.
struct Bytes {
  void* data = nullptr;
  size_t size = 0;
};

Bytes bytes_of(Napi::Value value) {
  if (!value.IsTypedArray()) throw Napi::TypeError::New(value.Env(), "a Float32Array, Int32Array, Uint32Array or Uint8Array is needed");
  // Asked of the array itself: its buffer may be shared or resizable, of which Napi::ArrayBuffer knows nothing.
  Bytes bytes;
  check(value.Env(), napi_get_typedarray_info(value.Env(), value, nullptr, nullptr, &bytes.data, nullptr, nullptr));
  bytes.size = value.As<Napi::TypedArray>().ByteLength();
  return bytes;
}

uint32_t id_of(Napi::Value value) {
  if (!value.IsNumber()) throw Napi::TypeError::New(value.Env(), "the number of an array is needed");
  return value.As<Napi::Number>().Uint32Value();
}

// A compiled graph of one device, freed with its JS object.
class CudaProgram : public Napi::ObjectWrap<CudaProgram> {
 public:
  static Napi::Function define(Napi::Env env) { return DefineClass(env, "CudaProgram", {InstanceMethod<&CudaProgram::text>("text")}); }
  static CudaProgram& of(Napi::Value value) {
    if (!value.IsObject() || !value.As<Napi::Object>().CheckTypeTag(&kTag)) {
      throw Napi::TypeError::New(value.Env(), "not a CudaProgram; make one with compile()");
    }
    return *Unwrap(value.As<Napi::Object>());
  }
  explicit CudaProgram(const Napi::CallbackInfo& call) : ObjectWrap(call) {
    if (!call[0].IsExternal()) throw Napi::TypeError::New(call.Env(), "a CudaProgram is made by compile()");
    auto* made = call[0].As<Napi::External<std::unique_ptr<cuda::Program>>>().Data();
    program = std::move(*made);
    call.This().As<Napi::Object>().TypeTag(&kTag);
  }

  std::unique_ptr<cuda::Program> program;

 private:
  static constexpr napi_type_tag kTag = {0x666c6178656e0001, 0x6375646170726f67};
  Napi::Value text(const Napi::CallbackInfo& call) { return Napi::String::New(call.Env(), program->text()); }
};

Napi::Value has_driver(const Napi::CallbackInfo& call) { return Napi::Boolean::New(call.Env(), cuda::has_driver()); }

// { driver, runtime, error, errorText, devices }
Napi::Value library_info(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  return guarded(env, [&] {
    const cuda::Library& library = cuda::Library::open(call[0].ToString());
    int driver = 0, runtime = 0, count = 0;
    library.versions(&driver, &runtime);
    int error = library.device_count(&count);
    Napi::Array devices = Napi::Array::New(env);
    for (int ordinal = 0; ordinal < count && error == 0; ++ordinal) {
      FlaxenCudaProperties properties{};
      error = library.properties(ordinal, &properties);
      Napi::Object device = Napi::Object::New(env);
      device.Set("name", properties.name);
      device.Set("capability", properties.capability);
      device.Set("processors", properties.processors);
      device.Set("memory", static_cast<double>(properties.memory));
      devices.Set(static_cast<uint32_t>(ordinal), device);
    }
    Napi::Object info = Napi::Object::New(env);
    info.Set("driver", driver);
    info.Set("runtime", runtime);
    info.Set("error", error);
    info.Set("errorText", error ? library.error_text(error) : "");
    info.Set("devices", devices);
    return info;
  });
}

}  // namespace

template <Napi::Value (CudaDevice::*method)(const Napi::CallbackInfo&)>
Napi::Value CudaDevice::entered(const Napi::CallbackInfo& call) {
  return guarded(call.Env(), [&] {
    device_->enter();
    return (this->*method)(call);
  });
}

Napi::Function CudaDevice::define(Napi::Env env) {
  return DefineClass(env, "CudaDevice",
                     {
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::allocate>>("allocate"),
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::compile>>("compile"),
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::run>>("run"),
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::write>>("write"),
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::read>>("read"),
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::read_sync>>("readSync"),
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::synchronize>>("synchronize"),
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::sweep>>("sweep"),
                         InstanceMethod<&CudaDevice::entered<&CudaDevice::stats>>("stats"),
                     });
}

CudaDevice::CudaDevice(const Napi::CallbackInfo& call) : ObjectWrap(call) {
  Napi::Env env = call.Env();
  guarded(env, [&] {
    const cuda::Library& library = cuda::Library::open(call[0].ToString());
    const double limit = call[2].ToNumber();
    device_ = std::make_shared<cuda::Device>(library, call[1].ToNumber().Int32Value(), static_cast<size_t>(limit));
  });
  notify_ = Notify::New(env, "flaxen cuda", 0, 1, this);
  notify_.Unref(env);  // idle, it must not keep the process alive; reads do, as long as they wait
  arrays_ = std::make_unique<CudaArrays>(env, *device_);
  reads_ = std::make_unique<cuda::Reads>(*device_, [this] {
    if (!notified_.exchange(true)) notify_.NonBlockingCall();
  });
  program_class_ = Napi::Persistent(CudaProgram::define(env));
  Ref();  // devices stay open as long as the environment
  // Hooks run in reverse order: the thread of reads ends before the function that it calls.
  env.AddCleanupHook([this] { reads_->stop(); });
}

Napi::Value CudaDevice::allocate(const Napi::CallbackInfo& call) {
  if (!call[0].IsObject()) throw Napi::TypeError::New(call.Env(), "an array needs an object that owns it");
  const double bytes = call[1].ToNumber();
  if (!(bytes >= 0 && bytes <= 1e15)) throw Napi::RangeError::New(call.Env(), "cannot allocate " + std::to_string(bytes) + " bytes");
  return Napi::Number::New(call.Env(), arrays_->add(call[0].As<Napi::Object>(), static_cast<size_t>(bytes)));
}

// A program, or the indexes of the nodes that there are no kernels for.
Napi::Value CudaDevice::compile(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  Graph graph = decode_graph(call[0]);
  Napi::Array lacking = Napi::Array::New(env);
  validate(graph);
  for (size_t n = 0; n < graph.nodes.size(); ++n) {
    if (cuda::has_kernel(device_->library(), graph, graph.nodes[n])) continue;
    lacking.Set(lacking.Length(), Napi::Number::New(env, static_cast<double>(n)));
  }
  if (lacking.Length() > 0) return lacking;
  auto program = std::make_unique<cuda::Program>(device_, std::move(graph));
  Napi::Array aliases = Napi::Array::New(env, program->aliases().size());
  for (size_t k = 0; k < program->aliases().size(); ++k) aliases.Set(static_cast<uint32_t>(k), program->aliases()[k]);
  const double arena_bytes = static_cast<double>(program->arena_bytes());
  Napi::Object object = program_class_.New({Napi::External<std::unique_ptr<cuda::Program>>::New(env, &program)});
  object.Set("aliases", aliases);
  object.Set("arenaBytes", arena_bytes);
  return object;
}

Napi::Value CudaDevice::run(const Napi::CallbackInfo& call) {
  const Napi::Env env = call.Env();
  cuda::Program& program = *CudaProgram::of(call[0]).program;
  const std::vector<Aval>&in = program.inputs(), &out = program.outputs();
  if (!call[1].IsTypedArray() || call[1].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array ||
      call[1].As<Napi::TypedArray>().ElementLength() != in.size() + out.size()) {
    throw Napi::TypeError::New(env, "the arrays of a run are a Uint32Array with a number for each input and output");
  }
  if (!call[2].IsArray()) throw Napi::TypeError::New(env, "the owners of a run's results are an array of objects");
  owners_.clear();
  const auto owners = call[2].As<Napi::Array>();
  for (uint32_t i = 0; i < owners.Length(); ++i) {
    const Napi::Value owner = owners.Get(i);
    if (!owner.IsObject()) throw Napi::TypeError::New(env, "the owners of a run's results are objects");
    owners_.push_back(owner);
  }
  if (owners_.size() != static_cast<size_t>(std::count(program.aliases().begin(), program.aliases().end(), -1))) {
    throw Napi::TypeError::New(env, "a run needs an owner for each result without an alias");
  }
  // From here on no JS runs, so that what is looked up stays true.
  struct Unpin {
    CudaArrays& arrays;
    ~Unpin() { arrays.unpin(); }
  } unpin{*arrays_};
  place_arrays(program, call[1].As<Napi::Uint32Array>().Data());
  program.run(run_.data());
  return env.Undefined();
}

// Fills run_ from the numbers of the inputs, makes arrays for the results, and writes their numbers behind those of the inputs.
void CudaDevice::place_arrays(const cuda::Program& program, uint32_t* ids) {
  const std::vector<Aval>&in = program.inputs(), &out = program.outputs();
  run_.resize(in.size() + out.size());
  bool shared = false;
  for (size_t i = 0; i < in.size(); ++i) {
    run_[i] = arrays_->at(ids[i], in[i].bytes(), "input ", i);
    shared = !arrays_->pin(ids[i]) || shared;
  }
  auto owner = owners_.begin();
  for (size_t k = 0; k < out.size(); ++k) {
    uint32_t& id = ids[in.size() + k];
    if (const int32_t alias = program.aliases()[k]; alias >= 0) {
      id = ids[alias];
      if (shared && std::count(ids, ids + in.size(), id) > 1) {
        throw GraphError("input " + std::to_string(alias) + " is donated and is another input too; pass a copy");
      }
    } else {
      id = arrays_->add(Napi::Object(Env(), *owner++), out[k].bytes());
      arrays_->pin(id);
    }
    run_[in.size() + k] = arrays_->at(id, out[k].bytes(), "output ", k);
  }
}

Napi::Value CudaDevice::write(const Napi::CallbackInfo& call) {
  const Bytes bytes = bytes_of(call[1]);
  cuda::write(*device_, arrays_->at(id_of(call[0]), bytes.size, "array ", 0), bytes.data, bytes.size);
  return call.Env().Undefined();
}

Napi::Value CudaDevice::read(const Napi::CallbackInfo& call) {
  const Bytes bytes = bytes_of(call[1]);
  const void* from = arrays_->at(id_of(call[0]), bytes.size, "array ", 0);
  // Memory that may be detached or resized meanwhile is filled before the call returns.
  const bool at_once = bytes.size == 0 || !is_true(call[2]);
  if (at_once && bytes.size > 0) cuda::read(*device_, bytes.data, from, bytes.size);
  auto pending =
      std::unique_ptr<PendingRead>(new PendingRead{Napi::Promise::Deferred::New(call.Env()), Napi::Persistent(call[1].As<Napi::Object>())});
  const Napi::Promise promise = pending->deferred.Promise();
  if (at_once) {
    pending->deferred.Resolve(call[1]);
    return promise;
  }
  reads_->start(from, bytes.data, bytes.size, pending.get());
  pending.release();  // NOLINT: settle takes it back
  if (pending_++ == 0) notify_.Ref(call.Env());
  return promise;
}

Napi::Value CudaDevice::read_sync(const Napi::CallbackInfo& call) {
  const Bytes bytes = bytes_of(call[1]);
  cuda::read(*device_, bytes.data, arrays_->at(id_of(call[0]), bytes.size, "array ", 0), bytes.size);
  return call[1];
}

Napi::Value CudaDevice::synchronize(const Napi::CallbackInfo& call) {
  device_->synchronize();
  return call.Env().Undefined();
}

Napi::Value CudaDevice::sweep(const Napi::CallbackInfo& call) {
  arrays_->sweep();
  return call.Env().Undefined();
}

Napi::Value CudaDevice::stats(const Napi::CallbackInfo& call) {
  Napi::Object result = Napi::Object::New(call.Env());
  result.Set("arrays", static_cast<double>(arrays_->live()));
  result.Set("usedBytes", static_cast<double>(device_->memory().used()));
  result.Set("reservedBytes", static_cast<double>(device_->memory().reserved()));
  result.Set("limitBytes", static_cast<double>(device_->memory().limit()));
  result.Set("arenaBytes", static_cast<double>(device_->arena_bytes()));
  return result;
}

void CudaDevice::on_notify(Napi::Env env, Napi::Function, CudaDevice* self, void*) {
  if (napi_env(env) == nullptr) return;
  self->notified_.store(false);
  self->settle();
}

// Keeps the promises of finished reads.
void CudaDevice::settle() {
  const Napi::Env env = Env();
  for (const cuda::Read& read : reads_->take_finished()) {
    const Napi::HandleScope scope(env);
    const std::unique_ptr<PendingRead> pending(static_cast<PendingRead*>(read.owner));
    if (--pending_ == 0) notify_.Unref(env);
    if (read.error.empty()) {
      pending->deferred.Resolve(pending->array.Value());
    } else {
      pending->deferred.Reject(Napi::Error::New(env, read.error).Value());
    }
  }
}

void add_cuda(Napi::Object exports) {
  const Napi::Env env = exports.Env();
  exports.Set("hasCudaDriver", Napi::Function::New<has_driver>(env, "hasCudaDriver"));
  exports.Set("cudaLibrary", Napi::Function::New<library_info>(env, "cudaLibrary"));
  exports.Set("CudaDevice", CudaDevice::define(env));
}

}  // namespace flaxen::addon
