// The queue by itself: order, reads between runs, small runs between large ones, and an end in the middle.
#include "runtime/executor.h"

#include <atomic>

#include "graph_builder.h"
#include "kernel_check.h"

namespace {

using namespace flaxen;
using namespace flaxen::test;

// state + step, in place.
std::shared_ptr<Program> adder(int64_t n) {
  GraphBuilder b;
  const ValueId state = b.input(f32({n})), step = b.input(f32({n}));
  b.graph.outputs = {b.map("add", {state, step})};
  b.graph.donated = {0};
  return std::make_shared<Program>(std::move(b.graph));
}

constexpr int64_t kMany = 1 << 20;

void test_order_and_reads() {
  std::atomic<int> notified{0};
  Executor executor([&] { ++notified; });
  const auto large = adder(kMany), small = adder(8);
  check(large->cost_ns() > Executor::kInlineNs && small->cost_ns() < Executor::kInlineNs, "one program queues, one does not");
  check(large->aliases() == std::vector<int32_t>{0}, "the state stays in place");

  std::vector<float> state(kMany, 0), step(kMany, 1), little(8, 0);
  std::vector<std::vector<float>> copies(60, std::vector<float>(kMany));
  size_t queued_reads = 0, done_reads = 0;
  Ticket last = 0;
  for (size_t i = 0; i < copies.size(); ++i) {
    const Ticket ticket = executor.run(large, {state.data(), step.data(), state.data()}, {});
    check(ticket == last + 1 || i > 0, "tickets grow");
    executor.run(small, {little.data(), step.data(), little.data()}, {ticket});
    last = ticket;
    if (i % 3 != 0) continue;
    Read read{state.data(), copies[i].data(), kMany * sizeof(float), ticket, nullptr, {}};
    executor.read(read) ? ++done_reads : ++queued_reads;
    done_reads += executor.take_finished_reads().size();
  }
  executor.wait(executor.issued());
  Read flush{state.data(), copies[1].data(), kMany * sizeof(float), last, nullptr, {}};
  size_t expected = 20;
  if (!executor.read(flush)) ++expected;
  while (done_reads < expected) done_reads += executor.take_finished_reads().size();
  check(state[5] == 60 && little[3] == 60, "every run took part");
  // A read sees its run's result; only one that came too late, when the state had been taken over, may see a later one.
  for (size_t i = 0; i < copies.size(); i += 3) {
    const float seen = copies[i][0];
    check(seen >= static_cast<float>(i + 1) && copies[i][kMany - 1] == seen, "a read is whole and not early");
  }
  check(queued_reads == 0 || notified > 0, "finished reads are announced");
}

void test_waiting() {
  Executor executor([] {});
  const auto program = adder(kMany);
  std::vector<float> state(kMany, 0), step(kMany, 1);
  Ticket ticket = 0;
  for (int i = 0; i < 5; ++i) ticket = executor.run(program, {state.data(), step.data(), state.data()}, {});
  std::vector<float> copy(kMany, 0);
  Read read{state.data(), copy.data(), kMany * sizeof(float), ticket, nullptr, {}};
  if (!executor.read(read)) executor.finish_reads();
  check(copy[kMany - 1] == 5, "a read that was waited for is there");
  executor.finish_reads();
  ticket = executor.run(program, {state.data(), step.data(), state.data()}, {});
  executor.finish(ticket);
  check(executor.completed() == ticket && state[7] == 6, "so is a run");
}

void test_end_in_the_middle() {
  for (int round = 0; round < 20; ++round) {
    std::vector<float> state(kMany, 0), step(kMany, 1);
    Executor executor([] {});
    const auto program = adder(kMany);
    for (int i = 0; i < round; ++i) executor.run(program, {state.data(), step.data(), state.data()}, {});
  }
}

}  // namespace

int main() {
  test_order_and_reads();
  test_waiting();
  test_end_in_the_middle();
  return report("executor");
}
