// The loops behind softmaxCrossEntropy and its gradient, one table an instruction set.
#pragma once

#include "cpu/isa_table.h"

namespace flaxen::cpu {

struct LossTable {
  // For `rows` rows of `classes` logits: the loss and the logarithm of the sum of exponentials.
  void (*softmax_cross_entropy)(float* loss, float* logsumexp, const float* logits, const int32_t* labels, int64_t rows, int64_t classes);
  // (softmax(logits) - [class == label]) * dloss; dloss is a number a row, or, where `one`, one for all.
  void (*softmax_cross_entropy_grad)(float* dlogits, const float* dloss, bool one, const float* logits, const int32_t* labels,
                                     const float* logsumexp, int64_t rows, int64_t classes);
};

FLAXEN_ISA_TABLES(LossTable, loss_table)

}  // namespace flaxen::cpu
