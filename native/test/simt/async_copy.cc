// cp.async: a copy from global to shared memory that is finished when its group has been waited for, and perhaps long before. Until then
// nobody may touch the target, and what it holds is garbage.
#include <cstring>

#include "simt/block.h"
#include "simt/report.h"

namespace flaxen::simt {

void Block::async_copy(Thread& thread, AsyncCopy copy) {
  const std::string where = describe_site(thread.site);
  const uint32_t n = copy.bytes;
  if ((n != 4 && n != 8 && n != 16) || copy.source_bytes > n || copy.to % n || (copy.source_bytes && copy.from % n)) {
    reports().add("misaligned", "cp.async of " + std::to_string(n) + " bytes at " + where);
    return;
  }
  Region* target = shared_.find(copy.to, n);
  Region* source = copy.source_bytes ? device_memory().space().find(copy.from, copy.source_bytes) : nullptr;
  if (!target) return reports().add("bounds", "cp.async to shared memory outside every variable at " + where);
  if (copy.source_bytes && !source) return reports().add("bounds", "cp.async from outside every allocation at " + where);
  copy.site = thread.site;
  const Actor me = actor(thread);
  if (source) source->check(copy.from, copy.source_bytes, Access::read, me);
  target->check(copy.to, n, Access::write, me);
  const auto when = schedule().copies;
  if (when == Schedule::Copies::early || (when == Schedule::Copies::random && random_.below(2))) {
    carry_out(copy);
  } else {
    std::memset(target->at(copy.to), 0xff, n);
  }
  target->set_pending(copy.to, n, true);
  thread.open.push_back(copy);
}

void Block::carry_out(AsyncCopy& copy) {
  if (copy.done) return;
  copy.done = true;
  Region& target = *shared_.find(copy.to);
  if (copy.source_bytes) std::memcpy(target.at(copy.to), device_memory().host(copy.from, copy.source_bytes), copy.source_bytes);
  std::memset(target.at(copy.to) + copy.source_bytes, 0, copy.bytes - copy.source_bytes);
}

void Block::async_commit(Thread& thread) {
  thread.groups.push_back(std::move(thread.open));
  thread.open.clear();
}

void Block::async_wait(Thread& thread, size_t groups_left) {
  while (thread.groups.size() > groups_left) {
    for (AsyncCopy& copy : thread.groups.front()) {
      carry_out(copy);
      Region& target = *shared_.find(copy.to);
      target.set_pending(copy.to, copy.bytes, false);
      Actor me = actor(thread);
      me.site = copy.site;
      target.check(copy.to, copy.bytes, Access::write, me);
    }
    thread.groups.erase(thread.groups.begin());
  }
}

}  // namespace flaxen::simt
