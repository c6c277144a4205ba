// The loop behind softmaxCrossEntropy, one table an instruction set.
#pragma once

#include "cpu/isa_table.h"

namespace flaxen::cpu {

struct LossTable {
  // For `rows` rows of `classes` logits: the loss and the logarithm of the sum of exponentials.
  void (*softmax_cross_entropy)(float* loss, float* logsumexp, const float* logits, const int32_t* labels, int64_t rows, int64_t classes);
};

FLAXEN_ISA_TABLES(LossTable, loss_table)

}  // namespace flaxen::cpu
