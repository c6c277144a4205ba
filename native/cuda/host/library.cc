#include "cuda/host/library.h"

#include <dlfcn.h>

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>

namespace flaxen::cuda {

namespace {

template <typename F>
void find(void* handle, const char* name, const std::string& path, F& function) {
  function = reinterpret_cast<F>(dlsym(handle, name));
  if (!function) throw std::runtime_error(path + " lacks " + name);
}

std::unique_ptr<Library> load(const std::string& path) {
  void* handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  if (!handle) throw std::runtime_error(dlerror());
  auto library = std::make_unique<Library>();
  // Before the others, of which another version may lack some.
  find(handle, "flaxen_cuda_version", path, library->version);
  if (const int version = library->version(); version != FLAXEN_CUDA_VERSION) {
    throw std::runtime_error(path + " has version " + std::to_string(version) + " of the interface, this addon needs " +
                             std::to_string(int{FLAXEN_CUDA_VERSION}));
  }
#define FLAXEN_CUDA_FIND(name) find(handle, "flaxen_cuda_" #name, path, library->name);
  FLAXEN_CUDA_FUNCTIONS(FLAXEN_CUDA_FIND)
#undef FLAXEN_CUDA_FIND
  return library;
}

}  // namespace

const Library& Library::open(const std::string& path) {
  static std::mutex mutex;
  static auto& opened = *new std::map<std::string, std::unique_ptr<Library>>();  // the threads of environments may outlive statics
  const std::lock_guard<std::mutex> lock(mutex);
  std::unique_ptr<Library>& library = opened[path];
  if (!library) library = load(path);
  return *library;
}

bool has_driver() {
  static const bool found = dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL) != nullptr;
  return found;
}

}  // namespace flaxen::cuda
