#include "simt/ptx_kernel.h"

#include <cxxabi.h>

#include <cstdlib>
#include <map>

#include "simt/report.h"

namespace flaxen::simt {

uint64_t PtxKernel::executed = 0;

namespace {

const std::map<std::string, PtxKernel::Special>& special_registers() {
  using B = const Block&;
  using T = const Thread&;
  static const std::map<std::string, PtxKernel::Special> all{
      {"%tid.x", [](B, T t) { return t.id.x; }},
      {"%tid.y", [](B, T t) { return t.id.y; }},
      {"%tid.z", [](B, T t) { return t.id.z; }},
      {"%ctaid.x", [](B b, T) { return b.id().x; }},
      {"%ctaid.y", [](B b, T) { return b.id().y; }},
      {"%ctaid.z", [](B b, T) { return b.id().z; }},
      {"%ntid.x", [](B b, T) { return b.launch().block.x; }},
      {"%ntid.y", [](B b, T) { return b.launch().block.y; }},
      {"%ntid.z", [](B b, T) { return b.launch().block.z; }},
      {"%nctaid.x", [](B b, T) { return b.launch().grid.x; }},
      {"%nctaid.y", [](B b, T) { return b.launch().grid.y; }},
      {"%nctaid.z", [](B b, T) { return b.launch().grid.z; }},
      {"%laneid", [](B, T t) { return t.lane; }},
  };
  return all;
}

}  // namespace

PtxKernel::PtxKernel(const PtxModule& module, const Function& function, void** arguments)
    : module_(module), function_(function), parameters_(function.parameter_bytes) {
  for (size_t p = 0; p < function.parameters.size(); ++p) {
    std::memcpy(&parameters_[function.parameters[p].offset], arguments[p], function.parameters[p].size);
  }
  for (const auto& [name, slot] : function.specials) {
    const auto found = special_registers().find(name);
    if (found != special_registers().end()) {
      specials_.emplace_back(slot, found->second);
    } else {
      dynamic_shared_ = slot;
    }
  }
}

std::string PtxKernel::name() const {
  int status = 0;
  char* plain = abi::__cxa_demangle(function_.name.c_str(), nullptr, nullptr, &status);
  std::string name = status == 0 ? plain : function_.name;
  std::free(plain);
  const size_t parenthesis = name.find('(', name.rfind('>') == name.npos ? 0 : name.rfind('>'));
  name = name.substr(0, parenthesis);
  return name.substr(name.find(' ') == name.npos ? 0 : name.find(' ') + 1);
}

std::string PtxKernel::where(uint32_t site) const {
  const Instruction& i = function_.code[site];
  return module_.file_name(i.file) + ":" + std::to_string(i.line) + " (" + i.text + ")";
}

void PtxKernel::begin(Block& block) {
  AddressSpace& shared = block.shared();
  if (shared.empty()) {
    for (const SharedVariable& v : function_.shared) shared.add(v.name, v.offset, v.size, Region::Scope::block);
    if (const size_t size = block.launch().dynamic_shared) {
      shared.add("dynamic shared memory", function_.dynamic_offset, size, Region::Scope::block);
    }
  } else {
    shared.forget();
  }
  const size_t n = block.threads().size(), per_lane = function_.image.size();
  const size_t local_per_lane = (function_.local_bytes + 15) / 16 * 16;
  registers_.resize(n * per_lane);
  local_.assign(n * local_per_lane, 0xff);
  lanes_.resize(n);
  for (Thread& t : block.threads()) {
    Lane& lane = lanes_[t.index];
    lane = {};
    lane.kernel = this;
    lane.block = &block;
    lane.thread = &t;
    lane.registers = &registers_[t.index * per_lane];
    lane.local = local_.data() + t.index * local_per_lane;
    std::memcpy(lane.registers, function_.image.data(), per_lane * sizeof(uint64_t));
    for (const auto& [slot, value] : specials_) lane.registers[slot] = value(block, t);
    if (dynamic_shared_ >= 0) lane.registers[dynamic_shared_] = function_.dynamic_offset;
  }
}

void PtxKernel::resume(Block& block, Thread& thread) {
  Lane& lane = lanes_[thread.index];
  const Instruction* code = function_.code.data();
  const bool preemptive = schedule().preemption > 0;
  uint64_t count = 0;
  while (thread.live && !thread.waiting) {
    const Instruction& i = code[lane.pc];
    thread.site = lane.pc++;
    ++count;
    if (i.guard < 0 || ((lane.registers[i.guard] & 1) != 0) != i.guard_negated) i.run(lane, i);
    if (preemptive && block.preempted()) break;
  }
  executed += count;
}

uint8_t* Lane::memory(const Instruction& i, uint64_t address, size_t n, Access access) {
  const auto report = [&](const char* kind, const std::string& text) {
    reports().add(kind, text + " at " + describe_site(thread->site));
    return nullptr;
  };
  if (address % n) return report("misaligned", std::to_string(n) + " bytes");
  if (address - kLocalWindow < kernel->function().local_bytes) return local + (address - kLocalWindow);
  if (address - kParameterWindow < kernel->parameters().size()) {
    if (access == Access::write) return report("bounds", "write of a parameter");
    return kernel->parameters().data() + (address - kParameterWindow);
  }
  const bool is_shared = address < kSharedEnd;
  AddressSpace& space = is_shared ? block->shared() : device_memory().space();
  Region* region = i.generation == space.generation() ? i.region : nullptr;
  if (!region || !region->holds(address, n)) {
    region = space.find(address, n);
    if (!region) {
      const char* verb = access == Access::write ? "write" : "read";
      return report("bounds", std::string(verb) + (is_shared ? " outside every shared variable" : " outside every allocation"));
    }
    i.region = region;
    i.generation = space.generation();
  }
  region->check(address, n, access, block->actor(*thread));
  return region->at(address);
}

}  // namespace flaxen::simt
