#include "simt/block.h"

#include <algorithm>
#include <bit>
#include <map>
#include <numeric>

#include "simt/collective.h"
#include "simt/report.h"

namespace flaxen::simt {

namespace {

const Kernel* running = nullptr;
constexpr const char* kBarrier = "a block barrier";

template <typename T>
void shuffle(std::vector<T>& v, Random& random) {
  for (size_t i = v.size(); i > 1; --i) std::swap(v[i - 1], v[random.below(static_cast<uint32_t>(i))]);
}

}  // namespace

std::string describe_site(uint32_t site) { return running ? running->name() + ", " + running->where(site) : "?"; }

Block::Block(Kernel& kernel, const Launch& launch, uint32_t first_block, Random& random)
    : kernel_(kernel), launch_(launch), first_block_(first_block), random_(random) {}

Actor Block::actor(const Thread& thread) const {
  return {.launch = first_block_,
          .block = serial_,
          .epoch = epoch_,
          .warp_epoch = warps_[thread.warp].epoch,
          .site = thread.site,
          .warp = static_cast<uint16_t>(thread.warp),
          .lane = static_cast<uint16_t>(thread.lane)};
}

void Block::run(Dim3 id, uint32_t serial) {
  const auto n = static_cast<uint32_t>(launch_.block.count());
  id_ = id;
  serial_ = serial;
  epoch_ = at_barrier_ = last_ = 0;
  live_ = n;
  threads_.assign(n, Thread{});
  warps_.assign((n + 31) / 32, Warp{});
  for (uint32_t i = 0; i < n; ++i) {
    Thread& t = threads_[i];
    t.index = i;
    t.warp = i / 32;
    t.lane = i % 32;
    t.id = {i % launch_.block.x, i / launch_.block.x % launch_.block.y, i / (launch_.block.x * launch_.block.y)};
    Warp& warp = warps_[t.warp];
    warp.lanes[t.lane] = &t;
    warp.live |= 1u << t.lane;
  }
  for (Warp& warp : warps_) warp.ready = warp.live;
  priority_.resize(warps_.size());
  std::iota(priority_.begin(), priority_.end(), 0u);
  shuffle(priority_, random_);
  kernel_.begin(*this);
  while (live_ > 0) {
    Thread* next = pick();
    if (!next) {
      report_deadlock();
      return;
    }
    last_ = next->index;
    kernel_.resume(*this, *next);
  }
}

Thread* Block::pick() {
  const auto count = static_cast<uint32_t>(warps_.size());
  const auto at = [&](uint32_t warp, uint32_t lane) { return warps_[warp].lanes[lane]; };
  const auto any_lane = [&](uint32_t warp) {
    const uint32_t ready = warps_[warp].ready, turn = random_.below(32);
    return at(warp, (static_cast<uint32_t>(std::countr_zero(std::rotr(ready, static_cast<int>(turn)))) + turn) % 32);
  };
  switch (schedule().order) {
    case Schedule::Order::forward:
      for (uint32_t k = 0; k <= count; ++k) {
        const uint32_t w = (last_ / 32 + k) % count;
        const uint32_t later = k == 0 ? ~0u << (last_ % 32) : ~0u;
        if (const uint32_t ready = warps_[w].ready & later) return at(w, static_cast<uint32_t>(std::countr_zero(ready)));
      }
      return nullptr;
    case Schedule::Order::reverse:
      for (uint32_t k = 0; k <= count; ++k) {
        const uint32_t w = (last_ / 32 + count - k % count) % count;
        const uint32_t earlier = k == 0 ? ~0u >> (31 - last_ % 32) : ~0u;
        if (const uint32_t ready = warps_[w].ready & earlier) return at(w, 31 - static_cast<uint32_t>(std::countl_zero(ready)));
      }
      return nullptr;
    case Schedule::Order::random:
      for (uint32_t first = random_.below(count), k = 0; k < count; ++k) {
        if (warps_[(first + k) % count].ready) return any_lane((first + k) % count);
      }
      return nullptr;
    case Schedule::Order::warps_ahead:
      for (uint32_t w : priority_) {
        if (warps_[w].ready) return any_lane(w);
      }
      return nullptr;
  }
  return nullptr;
}

void Block::set_waiting(Thread& thread, const char* what) {
  thread.waiting = what;
  warps_[thread.warp].ready &= ~(1u << thread.lane);
}

void Block::wake(Thread& thread) {
  thread.waiting = nullptr;
  warps_[thread.warp].ready |= 1u << thread.lane;
}

void Block::barrier(Thread& thread) {
  if (at_barrier_ == 0) {
    barrier_site_ = thread.site;
  } else if (barrier_site_ != thread.site) {
    reports().add("barrier", "threads wait at different barriers: " + describe_site(barrier_site_) + " and " + describe_site(thread.site));
  }
  set_waiting(thread, kBarrier);
  if (++at_barrier_ == live_) release_barrier();
}

void Block::release_barrier() {
  if (live_ < threads_.size()) {
    reports().add("barrier", "some threads had ended when the others passed the barrier at " + describe_site(barrier_site_));
  }
  at_barrier_ = 0;
  ++epoch_;
  for (Thread& t : threads_) {
    if (t.live && t.waiting == kBarrier) wake(t);
  }
}

void Block::meet(Thread& thread, uint32_t mask, Collective collective, const char* what) {
  Warp& warp = warps_[thread.warp];
  const uint32_t me = 1u << thread.lane;
  if (!(mask & me)) {
    reports().add("collective", "the mask of a lane does not name it, at " + describe_site(thread.site));
    mask |= me;
  }
  if (!warp.arrived) {
    warp.collective = collective;
    warp.mask = mask;
  } else if (warp.collective != collective || warp.mask != mask) {
    reports().add("collective", "lanes of a warp meet at different operations or with different masks, at " + describe_site(thread.site));
  }
  warp.arrived |= me;
  set_waiting(thread, what);
  try_meeting(warp);
}

void Block::try_meeting(Warp& warp) {
  if (!warp.arrived || warp.arrived != (warp.mask & warp.live)) return;
  const uint32_t present = warp.arrived;
  warp.arrived = 0;
  warp.collective(warp, present);
  for (uint32_t rest = present; rest; rest &= rest - 1) wake(*warp.lanes[std::countr_zero(rest)]);
}

void Block::exit(Thread& thread) {
  if (!thread.open.empty() || !thread.groups.empty()) {
    reports().add("async-copy", "a thread of " + kernel_.name() + " ended without waiting for its cp.async");
  }
  Warp& warp = warps_[thread.warp];
  thread.live = false;
  warp.live &= ~(1u << thread.lane);
  warp.ready &= ~(1u << thread.lane);
  --live_;
  try_meeting(warp);
  if (at_barrier_ > 0 && at_barrier_ == live_) release_barrier();
}

void Block::report_deadlock() {
  std::map<std::string, int> places;
  for (const Thread& t : threads_) {
    if (t.live) ++places[std::string(t.waiting ? t.waiting : "nothing") + " at " + describe_site(t.site)];
  }
  std::string text = "threads wait for ever:";
  for (const auto& [place, count] : places) text += " " + std::to_string(count) + " for " + place + ";";
  reports().add("deadlock", text);
}

void run(Kernel& kernel, const Launch& launch) {
  ++grids_run;
  static uint32_t blocks = 0;
  const Dim3 g = launch.grid;
  running = &kernel;
  Random random(schedule().seed);
  std::vector<uint64_t> order(g.count());
  std::iota(order.begin(), order.end(), uint64_t{0});
  if (schedule().order == Schedule::Order::reverse) std::reverse(order.begin(), order.end());
  if (schedule().order >= Schedule::Order::random) shuffle(order, random);
  Block block(kernel, launch, blocks + 1, random);
  for (uint64_t b : order) {
    block.run({static_cast<uint32_t>(b % g.x), static_cast<uint32_t>(b / g.x % g.y), static_cast<uint32_t>(b / g.x / g.y)}, ++blocks);
  }
  running = nullptr;
}

}  // namespace flaxen::simt
