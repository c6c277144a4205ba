#include "simt/collective.h"

#include <bit>
#include <cmath>

#include "simt/report.h"

namespace flaxen::simt {

namespace {

template <typename F>
void each_lane(uint32_t present, F f) {
  for (uint32_t rest = present; rest; rest &= rest - 1) f(static_cast<uint32_t>(std::countr_zero(rest)));
}

float as_float(uint32_t bits) { return std::bit_cast<float>(bits); }

// The sum of an mma as a tensor core may give it at worst: cut off, not rounded.
float truncated(double sum) {
  const float nearest = static_cast<float>(sum);
  if (!std::isfinite(nearest) || std::fabs(static_cast<double>(nearest)) <= std::fabs(sum)) return nearest;
  return std::nextafterf(nearest, 0.0f);
}

// Row of a's element i or of c's and d's element i, for the lane's group; the column follows from the lane's place in its group.
template <int K>
struct Tile {
  float a[16][K], b[K][8], c[16][8];

  void multiply(Warp& warp) {
    for (uint32_t lane = 0; lane < 32; ++lane) {
      const uint32_t group = lane / 4, place = lane % 4;
      for (uint32_t i = 0; i < 4; ++i) {
        const uint32_t row = group + 8 * (i / 2), column = place * 2 + i % 2;
        double sum = static_cast<double>(c[row][column]);
        for (int k = 0; k < K; ++k) sum += static_cast<double>(a[row][k]) * static_cast<double>(b[k][column]);
        *warp.lanes[lane]->exchange.out[i] = std::bit_cast<uint32_t>(truncated(sum));
      }
    }
  }
};

bool whole_warp(Warp& warp, uint32_t present) {
  if (present == ~0u) return true;
  const uint32_t site = warp.lanes[std::countr_zero(present)]->site;
  reports().add("mma", "not all 32 lanes take part in the mma at " + describe_site(site));
  return false;
}

template <int K>
void read_c(Tile<K>& tile, const Exchange& x, uint32_t group, uint32_t place) {
  for (uint32_t i = 0; i < 4; ++i) tile.c[group + 8 * (i / 2)][place * 2 + i % 2] = as_float(static_cast<uint32_t>(x.in[6 + i]));
}

}  // namespace

void shuffle_lanes(Warp& warp, uint32_t present) {
  each_lane(present, [&](uint32_t lane) {
    Thread& t = *warp.lanes[lane];
    const uint64_t source = t.exchange.in[1];
    if (!(present >> source & 1)) {
      reports().add("collective", "a shuffle reads a lane that takes no part, at " + describe_site(t.site));
      *t.exchange.out[0] = 0xffffffff;
    } else {
      *t.exchange.out[0] = warp.lanes[source]->exchange.in[0];
    }
  });
}

void ballot(Warp& warp, uint32_t present) {
  uint32_t bits = 0;
  each_lane(present, [&](uint32_t lane) { bits |= static_cast<uint32_t>(warp.lanes[lane]->exchange.in[0] & 1) << lane; });
  each_lane(present, [&](uint32_t lane) { *warp.lanes[lane]->exchange.out[0] = bits; });
}

void sync_warp(Warp& warp, uint32_t present) {
  if (present == warp.live) ++warp.epoch;  // a part of the warp orders nothing here: kernels use full masks
}

void mma_m16n8k8_tf32(Warp& warp, uint32_t present) {
  if (!whole_warp(warp, present)) return;
  Tile<8> tile;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const Thread& t = *warp.lanes[lane];
    const uint32_t group = lane / 4, place = lane % 4;
    for (uint32_t i = 0; i < 6; ++i) {
      const auto bits = static_cast<uint32_t>(t.exchange.in[i]);
      if (bits & 0x1fff) reports().add("mma", "an operand was not rounded to tf32, at " + describe_site(t.site));
      float& to = i < 4 ? tile.a[group + 8 * (i % 2)][place + 4 * (i / 2)] : tile.b[place + 4 * (i - 4)][group];
      to = as_float(bits & ~0x1fffu);
    }
    read_c(tile, t.exchange, group, place);
  }
  tile.multiply(warp);
}

void mma_m16n8k16_bf16(Warp& warp, uint32_t present) {
  if (!whole_warp(warp, present)) return;
  Tile<16> tile;
  for (uint32_t lane = 0; lane < 32; ++lane) {
    const Thread& t = *warp.lanes[lane];
    const uint32_t group = lane / 4, place = lane % 4;
    for (uint32_t i = 0; i < 6; ++i) {
      for (uint32_t half = 0; half < 2; ++half) {
        const uint32_t bits = static_cast<uint32_t>(t.exchange.in[i]) >> (16 * half) << 16;
        const uint32_t k = 2 * place + half;
        float& to = i < 4 ? tile.a[group + 8 * (i % 2)][k + 8 * (i / 2)] : tile.b[k + 8 * (i - 4)][group];
        to = as_float(bits);
      }
    }
    read_c(tile, t.exchange, group, place);
  }
  tile.multiply(warp);
}

uint32_t round_to_tf32(float x) {
  uint32_t bits = std::bit_cast<uint32_t>(x);
  if ((bits & 0x7f800000) != 0x7f800000) bits += 0x1000;
  return bits & ~0x1fffu;
}

namespace {

uint32_t nearest_bf16(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if (std::isnan(x)) return 0x7fff;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

}  // namespace

uint32_t round_to_bf16(float low, float high) { return nearest_bf16(low) | nearest_bf16(high) << 16; }

}  // namespace flaxen::simt
