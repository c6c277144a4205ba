#include "simt/host/fiber.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

#include "simt/red_zone.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/common_interface_defs.h>
#endif

namespace flaxen::simt {

namespace {

constexpr size_t kGuard = 4096;

// Keeps what a call must keep, and goes on where `to` was left.
__attribute__((naked, noinline)) void switch_stack(void** /*keep*/, void* /*to*/) {
  asm volatile(
      "pushq %rbp\n pushq %rbx\n pushq %r12\n pushq %r13\n pushq %r14\n pushq %r15\n"
      "movq %rsp, (%rdi)\n movq %rsi, %rsp\n"
      "popq %r15\n popq %r14\n popq %r13\n popq %r12\n popq %rbx\n popq %rbp\n ret\n");
}

// AddressSanitizer wants to be told of each change of the stack, before and after.
const void* scheduler_stack = nullptr;
size_t scheduler_size = 0;

void before_switch([[maybe_unused]] void** shadow, [[maybe_unused]] const void* stack, [[maybe_unused]] size_t size) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(shadow, stack, size);
#endif
}
void after_switch([[maybe_unused]] void* shadow, [[maybe_unused]] bool from_scheduler) {
#if defined(__SANITIZE_ADDRESS__)
  const void* stack;
  size_t size;
  __sanitizer_finish_switch_fiber(shadow, &stack, &size);
  if (from_scheduler) {
    scheduler_stack = stack;
    scheduler_size = size;
  }
#endif
}

void (*next_main)() = nullptr;

void enter() {
  after_switch(nullptr, true);
  next_main();
}

}  // namespace

Fiber::Fiber() {
  void* p = mmap(nullptr, kGuard + kStack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  mapping_ = static_cast<uint8_t*>(p);
  mprotect(mapping_, kGuard, PROT_NONE);
  stack_ = mapping_ + kGuard;
}

Fiber::~Fiber() { munmap(mapping_, kGuard + kStack); }

void Fiber::start(void (*main)()) {
  allow(stack_, kStack);  // of a frame that was left for good
  next_main = main;
  // Six registers, the address that the switch returns to, and that of enter's caller, which keeps the stack aligned as after a call.
  void** top = reinterpret_cast<void**>(stack_ + kStack) - 8;
  std::memset(top, 0, 8 * sizeof(void*));
  top[6] = reinterpret_cast<void*>(enter);
  kept_ = top;
  shadow_ = nullptr;
}

void Fiber::resume() {
  void* shadow = nullptr;
  before_switch(&shadow, stack_, kStack);
  switch_stack(&kept_scheduler_, kept_);
  after_switch(shadow, false);
}

void Fiber::leave() {
  before_switch(&shadow_, scheduler_stack, scheduler_size);
  switch_stack(&kept_, kept_scheduler_);
  after_switch(shadow_, true);
}

void Fiber::leave_for_good() {
  before_switch(nullptr, scheduler_stack, scheduler_size);
  switch_stack(&kept_, kept_scheduler_);
  __builtin_unreachable();
}

}  // namespace flaxen::simt
