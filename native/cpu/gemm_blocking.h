// How a product is cut: what its planning and its running have to agree on.
#pragma once

#include <cstdint>

#include "cpu/batch_norm_kernels.h"
#include "cpu/gemm_kernels.h"

namespace flaxen::cpu {

constexpr int64_t kRowBlock = kBatchNormRows;  // rows that are cut into slivers of equal height, and share column statistics
constexpr int64_t kInnerBlock = 384;           // a sliver of A so long stays in the first-level cache
constexpr int64_t kPanelGroup = 16;            // panels of B that, so long, stay in the second-level cache
constexpr int64_t kBatchRows = 32;             // rows of A that, so long, stay there while panels come and go
constexpr int64_t kSliverElements = kMostTileRows * kInnerBlock + 16;

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Task `task` of `tasks` equal parts of [0, size).
inline int64_t part(int64_t size, int64_t tasks, int64_t task) { return size * task / tasks; }

}  // namespace flaxen::cpu
