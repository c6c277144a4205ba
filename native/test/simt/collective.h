// What the lanes of a warp do together. Each finds its operands in `exchange.in` and leaves its results at `exchange.out`.
#pragma once

#include "simt/block.h"

namespace flaxen::simt {

// in: value, source lane; out: the value of that lane.
void shuffle_lanes(Warp& warp, uint32_t present);
// in: predicate; out: one bit a lane.
void ballot(Warp& warp, uint32_t present);
// Orders what the lanes did before against what they do after.
void sync_warp(Warp& warp, uint32_t present);
// D = A B + C with the fragments of the PTX manual. in: a0 .. a3, b0, b1, c0 .. c3; out: d0 .. d3.
void mma_m16n8k8_tf32(Warp& warp, uint32_t present);
// Likewise of bfloat16, two in a register.
void mma_m16n8k16_bf16(Warp& warp, uint32_t present);

// cvt.rna.tf32.f32: to the nearest number with 10 bits of mantissa, halves away from zero.
uint32_t round_to_tf32(float x);
uint32_t round_to_bf16(float low, float high);

}  // namespace flaxen::simt
