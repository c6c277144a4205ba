// Where a batch norm's features lie if not last: what fold_norm_transposes attaches to "batchNorm", "batchNormGrad" and what fuse_relu
// makes of them.
#pragma once

#include <string>

#include "compiler/graph.h"

namespace flaxen {

struct FeatureAxis : Fused {
  int64_t axis;
  explicit FeatureAxis(int64_t a) : axis(a) {}
  std::string text() const override { return "features along axis " + std::to_string(axis); }
};

}  // namespace flaxen
