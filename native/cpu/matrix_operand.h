// One operand of dotGeneral seen as a batch of matrices.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "compiler/graph.h"

namespace flaxen::cpu {

struct Dim {
  int64_t size;
  int64_t stride;  // in elements
};

// Batch, free and contracting dimensions in the order in which dotGeneral runs through them.
struct Operand {
  std::vector<Dim> batch, free, contract;
};

Operand make_operand(const Shape& shape, const std::vector<int64_t>& batch, const std::vector<int64_t>& contract);

// Whether the dimensions act as one, which `merged` then is.
bool merge(const std::vector<Dim>& dims, Dim& merged);

// The offset of element `index` in the row-major order of dims.
int64_t offset_of(const std::vector<Dim>& dims, int64_t index);

// A batch of matrices [rows, columns] at offset_of(batch, b), in the operand itself or, where its strides allow no matrix, in a copy.
struct Matrices {
  std::vector<Dim> batch;
  Dim rows, columns;
  std::vector<Dim> copied;  // what the copy runs through, row-major; empty when there is none
  int64_t copy_elements = 0;
};

// `free` gives the rows, `contract` the columns.
Matrices as_matrices(const Operand& operand);

// Writes the elements of dims, row-major, to `to`. Elements are of four bytes.
void copy_dense(const uint32_t* from, const std::vector<Dim>& dims, uint32_t* to);

}  // namespace flaxen::cpu
