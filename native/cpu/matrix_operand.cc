#include "cpu/matrix_operand.h"

#include <algorithm>

#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

bool contains(const std::vector<int64_t>& list, int64_t value) { return std::find(list.begin(), list.end(), value) != list.end(); }

int64_t total(const std::vector<Dim>& dims) {
  int64_t n = 1;
  for (const Dim& d : dims) n *= d.size;
  return n;
}

}  // namespace

Operand make_operand(const Shape& shape, const std::vector<int64_t>& batch, const std::vector<int64_t>& contract) {
  std::vector<int64_t> strides(shape.size());
  int64_t stride = 1;
  for (size_t i = shape.size(); i-- > 0;) {
    strides[i] = stride;
    stride *= shape[i];
  }
  const auto dim = [&](int64_t i) { return Dim{shape[static_cast<size_t>(i)], strides[static_cast<size_t>(i)]}; };
  Operand operand;
  for (int64_t i : batch) operand.batch.push_back(dim(i));
  for (int64_t i : contract) operand.contract.push_back(dim(i));
  for (int64_t i = 0; i < static_cast<int64_t>(shape.size()); ++i) {
    if (!contains(batch, i) && !contains(contract, i)) operand.free.push_back(dim(i));
  }
  return operand;
}

bool merge(const std::vector<Dim>& dims, Dim& merged) {
  merged = {1, 1};
  for (auto it = dims.rbegin(); it != dims.rend(); ++it) {
    if (it->size == 1) continue;
    if (merged.size == 1) {
      merged = *it;
    } else if (it->stride == merged.size * merged.stride) {
      merged.size *= it->size;
    } else {
      return false;
    }
  }
  return true;
}

int64_t offset_of(const std::vector<Dim>& dims, int64_t index) {
  int64_t offset = 0;
  for (auto it = dims.rbegin(); it != dims.rend(); ++it) {
    offset += index % it->size * it->stride;
    index /= it->size;
  }
  return offset;
}

Matrices as_matrices(const Operand& operand) {
  Matrices matrices;
  if (merge(operand.free, matrices.rows) && merge(operand.contract, matrices.columns)) {
    matrices.batch = operand.batch;
    return matrices;
  }
  const int64_t rows = total(operand.free);
  const int64_t columns = total(operand.contract);
  const int64_t batch = total(operand.batch);
  matrices.rows = {rows, columns};
  matrices.columns = {columns, 1};
  matrices.batch = {{batch, rows * columns}};
  for (const auto* dims : {&operand.batch, &operand.free, &operand.contract}) {
    for (const Dim& d : *dims) {
      if (d.size != 1) matrices.copied.push_back(d);
    }
  }
  matrices.copy_elements = batch * rows * columns;
  return matrices;
}

void copy_dense(const uint32_t* from, const std::vector<Dim>& dims, uint32_t* to) {
  const Dim inner = dims.back();
  const int64_t runs = inner.size == 0 ? 0 : total(dims) / inner.size;
  const int64_t runs_per_task = 1 + 16384 / (inner.size + 1);
  ThreadPool::shared().parallel((runs + runs_per_task - 1) / runs_per_task, [&](int64_t task) {
    const int64_t begin = task * runs_per_task;
    const int64_t end = std::min(runs, begin + runs_per_task);
    for (int64_t run = begin; run < end; ++run) {
      const uint32_t* source = from + offset_of(dims, run * inner.size);
      uint32_t* target = to + run * inner.size;
      for (int64_t i = 0; i < inner.size; ++i) target[i] = source[i * inner.stride];
    }
  });
}

}  // namespace flaxen::cpu
