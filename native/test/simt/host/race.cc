// What g++ -fsanitize=thread calls at each access to memory, here instead of in its own library: in a kernel, the access is checked against
// the simulated memory and its shadow. Accesses to the thread's own stack, and reads of the parameters and of constants, are free.
#include "simt/device.h"
#include "simt/host/function_kernel.h"
#include "simt/report.h"

extern "C" const char __executable_start, end;

namespace flaxen::simt {

namespace {

// The access is not made, since it could damage the simulator: the thread ends here.
[[noreturn]] void refuse(const char* kind, const std::string& text) {
  reports().add(kind, text + " at " + describe_site(running_thread.thread->site));
  running_thread.block->exit(*running_thread.thread);
  running_thread.fiber->leave_for_good();
}

void check(void* p, size_t n, Access access, const void* caller, bool aligned) {
  if (!in_kernel || running_thread.fiber->holds(p)) return;
  Simulating simulating(caller);
  const auto address = reinterpret_cast<uint64_t>(p);
  const char* byte = static_cast<const char*>(p);
  if (aligned && address % n) refuse("misaligned", std::to_string(n) + " bytes");
  Block& block = *running_thread.block;
  Region* region = block.shared().find(address, n);
  if (!region) region = device_memory().space().find(address, n);
  if (region) {
    region->check(address, n, access, block.actor(*running_thread.thread));
    if (block.preempted()) simulating.give_way();
  } else if (access == Access::write) {
    refuse("bounds", "write outside every variable and allocation");
  } else if (!running_thread.kernel->holds_parameter(p) && !(byte >= &__executable_start && byte < &end)) {
    refuse("bounds", "read outside every variable and allocation");
  }
}

}  // namespace

}  // namespace flaxen::simt

using flaxen::simt::Access;

extern "C" {

void __tsan_init() {}

#define FLAXEN_ACCESS(name, n, access, aligned) \
  void name(void* p) { flaxen::simt::check(p, n, access, __builtin_return_address(0), aligned); }
#define FLAXEN_ACCESSES(n)                                          \
  FLAXEN_ACCESS(__tsan_read##n, n, Access::read, true)              \
  FLAXEN_ACCESS(__tsan_write##n, n, Access::write, true)            \
  FLAXEN_ACCESS(__tsan_unaligned_read##n, n, Access::read, false)   \
  FLAXEN_ACCESS(__tsan_unaligned_write##n, n, Access::write, false) \
  FLAXEN_ACCESS(__tsan_volatile_read##n, n, Access::read, true)     \
  FLAXEN_ACCESS(__tsan_volatile_write##n, n, Access::write, true)
FLAXEN_ACCESSES(1)
FLAXEN_ACCESSES(2)
FLAXEN_ACCESSES(4)
FLAXEN_ACCESSES(8)
FLAXEN_ACCESSES(16)

void __tsan_read_range(void* p, size_t n) { flaxen::simt::check(p, n, Access::read, __builtin_return_address(0), false); }
void __tsan_write_range(void* p, size_t n) { flaxen::simt::check(p, n, Access::write, __builtin_return_address(0), false); }
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
}
