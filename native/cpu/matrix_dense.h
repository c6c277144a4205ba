// Dense layers as fuse_dense left them.
#pragma once

#include "cpu/kernel.h"

namespace flaxen::cpu {

void prepare_dense_norm(const Graph&, const Node&, Prepared&);  // fused.dense with a batch norm before or behind
void prepare_dense_grad(const Graph&, const Node&, Prepared&);  // fused.denseGrad

}  // namespace flaxen::cpu
