// Handlers of PTX instructions that touch memory, branch, or meet other threads.
#include <cstring>

#include "simt/collective.h"
#include "simt/ptx_handlers.h"
#include "simt/ptx_kernel.h"
#include "simt/report.h"

namespace flaxen::simt {

namespace {

// Addresses of shared memory have 32 bits, and may begin below 0.
template <bool in_shared>
uint64_t address_of(Lane& lane, const Instruction& i, size_t operand) {
  const uint64_t address = lane.get<uint64_t>(i, operand) + static_cast<uint64_t>(i.offset);
  return in_shared ? static_cast<uint32_t>(address) : address;
}

template <typename T, int count, bool in_shared>
void load(Lane& lane, const Instruction& i) {
  const uint64_t address = address_of<in_shared>(lane, i, count);
  const uint8_t* p = lane.memory(i, address, sizeof(T) * count, Access::read);
  for (int k = 0; k < count; ++k) {
    T value;
    if (p) {
      std::memcpy(&value, p + static_cast<size_t>(k) * sizeof(T), sizeof value);
    } else {
      std::memset(&value, 0xff, sizeof value);
    }
    if constexpr (std::is_signed_v<T>) {
      lane.set(i, static_cast<size_t>(k), static_cast<int64_t>(value));  // narrow values are extended
    } else {
      lane.set(i, static_cast<size_t>(k), value);
    }
  }
}

template <typename T, int count, bool in_shared>
void store(Lane& lane, const Instruction& i) {
  const uint64_t address = address_of<in_shared>(lane, i, 0);
  uint8_t* p = lane.memory(i, address, sizeof(T) * count, Access::write);
  for (size_t k = 0; p && k < count; ++k) {
    const T value = lane.get<T>(i, 1 + k);
    std::memcpy(p + k * sizeof(T), &value, sizeof value);
  }
}

template <typename T, bool in_shared = false>
void add_access(HandlerTable& t, const std::string& type, const std::string& space) {
  t["ld" + space + "." + type] = load<T, 1, in_shared>;
  t["ld" + space + ".v2." + type] = load<T, 2, in_shared>;
  t["ld" + space + ".v4." + type] = load<T, 4, in_shared>;
  if (space == ".param" || space == ".const") return;
  t["st" + space + "." + type] = store<T, 1, in_shared>;
  t["st" + space + ".v2." + type] = store<T, 2, in_shared>;
  t["st" + space + ".v4." + type] = store<T, 4, in_shared>;
}

template <typename T>
void add_accesses(HandlerTable& t, const std::string& type) {
  for (const char* space : {"", ".global", ".local", ".param", ".const"}) add_access<T>(t, type, space);
  add_access<T, true>(t, type, ".shared");
}

enum class Pick { up, down, butterfly, index };

// shfl.sync d[|p], a, b, c, mask: c holds the segment's mask and the clamp.
template <Pick how>
void shuffle(Lane& lane, const Instruction& i) {
  const size_t first = i.operands.size() == 6 ? 2 : 1;
  const auto b = lane.get<int32_t>(i, first + 1);
  const auto c = lane.get<int32_t>(i, first + 2);
  const auto me = static_cast<int32_t>(lane.thread->lane);
  const int32_t segment = c >> 8 & 31, clamp = c & 31;
  const int32_t least = me & segment, most = least | (clamp & ~segment);
  int32_t source = how == Pick::up ? me - b : how == Pick::down ? me + b : how == Pick::butterfly ? me ^ b : least | (b & ~segment & 31);
  const bool inside = how == Pick::up ? source >= most : source <= most;
  if (!inside) source = me;
  Exchange& x = lane.thread->exchange;
  x.in[0] = lane.get<uint32_t>(i, first);
  x.in[1] = static_cast<uint64_t>(source);
  x.out[0] = lane.slot(i, 0);
  if (first == 2) lane.set(i, 1, static_cast<uint32_t>(inside));
  lane.block->meet(*lane.thread, lane.get<uint32_t>(i, first + 3), shuffle_lanes, "a shuffle");
}

void vote_ballot(Lane& lane, const Instruction& i) {
  Exchange& x = lane.thread->exchange;
  x.in[0] = lane.get<uint32_t>(i, 1);
  x.out[0] = lane.slot(i, 0);
  lane.block->meet(*lane.thread, lane.get<uint32_t>(i, 2), ballot, "a vote");
}

template <Collective multiply>
void mma(Lane& lane, const Instruction& i) {
  Exchange& x = lane.thread->exchange;
  for (size_t k = 0; k < 10; ++k) x.in[k] = lane.get<uint32_t>(i, 4 + k);
  for (size_t k = 0; k < 4; ++k) x.out[k] = lane.slot(i, k);
  lane.block->meet(*lane.thread, ~0u, multiply, "an mma");
}

// cp.async [to], [from], bytes {, source bytes}
void copy_async(Lane& lane, const Instruction& i) {
  const auto bytes = lane.get<uint32_t>(i, 2);
  const uint32_t source_bytes = i.operands.size() > 3 ? lane.get<uint32_t>(i, 3) : bytes;
  lane.block->async_copy(*lane.thread, {.to = lane.get<uint32_t>(i, 0),
                                        .from = lane.get<uint64_t>(i, 1),
                                        .bytes = bytes,
                                        .source_bytes = source_bytes,
                                        .site = lane.thread->site,
                                        .done = false});
}

void branch(Lane& lane, const Instruction& i) { lane.pc = static_cast<uint32_t>(i.target); }

void branch_by_index(Lane& lane, const Instruction& i) {
  const auto index = lane.get<uint32_t>(i, 0);
  if (index >= i.table.size()) {
    reports().add("bounds", "branch outside its table at " + describe_site(lane.thread->site));
    lane.block->exit(*lane.thread);
    return;
  }
  lane.pc = static_cast<uint32_t>(i.table[index]);
}

void add_control(HandlerTable& t) {
  t["bra"] = branch;
  t["brx.idx"] = branch_by_index;
  t["ret"] = t["exit"] = [](Lane& lane, const Instruction&) { lane.block->exit(*lane.thread); };
  t["bar"] = t["barrier"] = [](Lane& lane, const Instruction&) { lane.block->barrier(*lane.thread); };
  t["bar.warp"] = [](Lane& lane, const Instruction& i) {
    lane.block->meet(*lane.thread, lane.get<uint32_t>(i, 0), sync_warp, "a warp barrier");
  };
  t["shfl.up.b32"] = shuffle<Pick::up>;
  t["shfl.down.b32"] = shuffle<Pick::down>;
  t["shfl.bfly.b32"] = shuffle<Pick::butterfly>;
  t["shfl.idx.b32"] = shuffle<Pick::index>;
  t["vote.ballot.b32"] = vote_ballot;
  t["mma.m16n8k8.row.col.f32.tf32.tf32.f32"] = mma<mma_m16n8k8_tf32>;
  t["mma.m16n8k16.row.col.f32.bf16.bf16.f32"] = mma<mma_m16n8k16_bf16>;
  t["cp.async.ca.shared.global"] = t["cp.async.cg.shared.global"] = copy_async;
  t["cp.async.commit_group"] = [](Lane& lane, const Instruction&) { lane.block->async_commit(*lane.thread); };
  t["cp.async.wait_group"] = [](Lane& lane, const Instruction& i) { lane.block->async_wait(*lane.thread, lane.get<uint32_t>(i, 0)); };
}

}  // namespace

void add_memory_and_control(HandlerTable& t) {
  for (const char* type : {"b8", "u8"}) add_accesses<uint8_t>(t, type);
  add_accesses<int8_t>(t, "s8");
  for (const char* type : {"b16", "u16"}) add_accesses<uint16_t>(t, type);
  add_accesses<int16_t>(t, "s16");
  for (const char* type : {"b32", "u32", "s32", "f32"}) add_accesses<uint32_t>(t, type);
  for (const char* type : {"b64", "u64", "s64", "f64"}) add_accesses<uint64_t>(t, type);
  add_control(t);
}

Handler handler_of(const std::string& opcode) {
  static const HandlerTable table = [] {
    HandlerTable t;
    add_arithmetic(t);
    add_memory_and_control(t);
    return t;
  }();
  const auto found = table.find(opcode);
  return found == table.end() ? nullptr : found->second;
}

}  // namespace flaxen::simt
