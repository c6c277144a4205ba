#include "simt/host/function_kernel.h"

#include <unistd.h>

#include <cstdio>
#include <map>

#include "simt/cudart.h"
#include "simt/device.h"
#include "simt/report.h"

extern "C" const char __executable_start;

namespace flaxen::simt {

Dim3 threadIdx, blockIdx, blockDim, gridDim;
Running running_thread;
bool in_kernel = false;

namespace {

std::vector<std::unique_ptr<Fiber>>& fibers() {
  static std::vector<std::unique_ptr<Fiber>> all;  // by the thread's index, kept from launch to launch
  return all;
}

// The function and the line that an address belongs to, by addr2line: asked for reports alone.
std::pair<std::string, std::string> described(uint64_t offset) {
  static std::map<uint64_t, std::pair<std::string, std::string>> known;
  const auto found = known.find(offset);
  if (found != known.end()) return found->second;
  char command[100], function[1000] = "?\n", line[1000] = "?\n";
  std::snprintf(command, sizeof command, "addr2line -Cfe /proc/%d/exe %#lx", static_cast<int>(getpid()),
                static_cast<unsigned long>(offset));
  if (FILE* pipe = popen(command, "r")) {
    if (!std::fgets(function, sizeof function, pipe) || !std::fgets(line, sizeof line, pipe))
      std::snprintf(line, sizeof line, "+%#lx\n", static_cast<unsigned long>(offset));
    pclose(pipe);
  }
  std::string f = function, l = line;
  f.resize(f.size() - 1);
  l.resize(l.size() - 1);
  f = f.substr(0, f.find('('));
  const size_t slash = l.rfind('/');
  return known[offset] = {f, slash == l.npos ? l : l.substr(slash + 1)};
}

void fiber_main() {
  in_kernel = true;
  running_thread.kernel->run_thread();
  in_kernel = false;
  running_thread.block->exit(*running_thread.thread);
  running_thread.fiber->leave_for_good();
}

}  // namespace

uint32_t site_of(const void* address) { return static_cast<uint32_t>(static_cast<const char*>(address) - &__executable_start); }

std::string FunctionKernel::name() const { return described(site_of(function_)).first; }
std::string FunctionKernel::where(uint32_t site) const { return described(site - 1).second; }  // a return address is behind its call

void FunctionKernel::begin(Block& block) {
  block.shared().forget();
  const size_t count = block.threads().size();
  while (fibers().size() < count) fibers().push_back(std::make_unique<Fiber>());
  for (size_t i = 0; i < count; ++i) fibers()[i]->start(fiber_main);
  blockIdx = block.id();
  blockDim = block.launch().block;
  gridDim = block.launch().grid;
}

void FunctionKernel::resume(Block& block, Thread& thread) {
  threadIdx = thread.id;
  running_thread = {this, &block, &thread, fibers()[thread.index].get()};
  running_thread.fiber->resume();
  running_thread = {};
}

void* FunctionKernel::shared_variable(const void* key, const char* name, size_t size) {
  for (const Variable& v : variables_) {
    if (v.key == key) return v.address;
  }
  const Region& region = running_thread.block->shared().add(name, 0, size, Region::Scope::block);
  variables_.push_back({key, reinterpret_cast<void*>(region.base())});
  return variables_.back().address;
}

Simulating::Simulating(const void* caller) : was_(in_kernel) {
  in_kernel = false;
  running_thread.thread->site = site_of(caller);
}

void Simulating::give_way() { running_thread.fiber->leave(); }

void Simulating::wait_if_needed() {
  while (running_thread.thread->waiting) give_way();
}

int launch_function(const void* function, const Launch& launch, const void* closure, size_t closure_size, void (*thread)(const void*)) {
  if (const int error = check_launch(function, launch, 0)) return error;
  FunctionKernel kernel(function, closure, closure_size, thread);
  run(kernel, launch);
  return 0;
}

}  // namespace flaxen::simt
