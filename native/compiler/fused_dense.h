// What fuse_dense makes of dense layers over many rows: products that make their operands, and that find the sums of the batch norm next to
// them, while they pass over memory anyway.
#pragma once

#include <optional>
#include <string>

#include "compiler/graph.h"

namespace flaxen {

// Batch norm over the rows of a matrix, relu after it or not.
struct FusedNorm {
  double epsilon;
  bool relu;
  bool fast_variance;
  std::string text() const { return std::string("batch norm") + (relu ? " and relu" : ""); }
};

// "fused.dense": y = x * kernel + bias, or relu of that, and the batch norm of y.
// Inputs: x; with x its batch norm's scale, bias, mean, var; kernel; with `bias` the bias; with `norm` scale and bias.
// Outputs: y; with `norm` mean and var; with `norm_written` the norm's output.
struct FusedDense : Fused {
  std::optional<FusedNorm> x;  // x is this batch norm's output, made from its input where the product reads it
  bool bias = false, relu = false;
  std::optional<FusedNorm> norm;  // its statistics are summed where the product writes y
  bool norm_written = false;

  std::string text() const override {
    return (x ? "x through " + x->text() + "; " : "") + "y = " + (relu ? "relu(" : "") + "x * kernel" + (bias ? " + bias" : "") +
           (relu ? ")" : "") + (norm ? "; statistics of y" + (norm_written ? "; y through " + norm->text() : std::string()) : "");
  }
};

// "fused.denseGrad": dkernel = x^T * dy, and with dx, dbias what else the gradient of a dense layer has, in one pass over the rows.
// Inputs: dy; with dy its batch norm's input, scale, mean, var, dscale, dbias and, with relu, bias; x; with x its batch norm's scale, bias,
// mean, var; with dx the kernel.
// Outputs: dkernel; with dbias the bias's; with dx dx; with x_sums dscale and dbias of x's batch norm.
struct FusedDenseGrad : Fused {
  std::optional<FusedNorm> dy;  // dy is the gradient through this batch norm (and relu), made from the cotangent of its output
  std::optional<FusedNorm> x;   // as FusedDense::x
  bool dbias = false, dx = false;
  bool x_sums = false;  // the sums that x's batch norm needs of dx for its own gradient

  std::string text() const override {
    return (dy ? "dy back through " + dy->text() + "; " : std::string()) + (x ? "x through " + x->text() + "; " : "") +
           "dkernel = x^T * dy" + (dbias ? "; dbias" : "") + (dx ? "; dx = dy * kernel^T" : "") +
           (x_sums ? "; sums of dx for x's norm" : "");
  }
};

}  // namespace flaxen
