#include "cpu/loss_kernels.h"

#include <limits>

#include "cpu/math.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

// Lanes are grouped by this width on every instruction set, so that all sum in one order.
constexpr int kWidth = 16;
constexpr int kVectors = kWidth / kLanes;

float greatest(const float* x, int64_t n) {
  float best = -kInfinity;
  int64_t i = 0;
  if (n >= kLanes) {
    VecF acc = splat(-kInfinity);
    for (; i + kLanes <= n; i += kLanes) acc = max(acc, load(x + i));
    float lane[kLanes];
    store(lane, acc);
    for (int l = 0; l < kLanes; ++l) best = ((lane[l] > best) | (lane[l] != lane[l])) ? lane[l] : best;
  }
  for (; i < n; ++i) best = ((x[i] > best) | (x[i] != x[i])) ? x[i] : best;
  return best;
}

float sum_of_exponentials(const float* x, int64_t n, float shift) {
  if (n > 1024) {
    const int64_t half = (n / 1024 + 1) / 2 * 1024;
    if (half < n) return sum_of_exponentials(x, half, shift) + sum_of_exponentials(x + half, n - half, shift);
  }
  VecF acc[kVectors];
  FLAXEN_UNROLL for (int v = 0; v < kVectors; ++v) acc[v] = splat(0.0f);
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    FLAXEN_UNROLL for (int v = 0; v < kVectors; ++v) acc[v] = acc[v] + exp(load(x + i + v * kLanes) - splat(shift));
  }
  float lane[kWidth];
  FLAXEN_UNROLL for (int v = 0; v < kVectors; ++v) store(lane + v * kLanes, acc[v]);
  for (int64_t first = i; i < n; i += kLanes) {
    const int rest = n - i < kLanes ? static_cast<int>(n - i) : kLanes;
    float e[kLanes];
    store(e, exp(load(x + i, rest) - splat(shift)));
    for (int l = 0; l < rest; ++l) lane[i - first + l] += e[l];
  }
  for (int half = kWidth / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lane[l] += lane[l + half];
  }
  return lane[0];
}

// Few classes: a column of classes for each of several rows, so that no lane waits for its neighbours.
constexpr int64_t kFewClasses = 24;

FLAXEN_INLINE VecF finite_or_zero(VecF x) { return select(abs(x) < infinity(), x, splat(0.0f)); }

void few_classes(float* logsumexp, const float* logits, int rows, int64_t classes) {
  VecF column[kFewClasses];
  VecF top = splat(-kInfinity);
  for (int64_t c = 0; c < classes; ++c) {
    float lane[kLanes];
    for (int l = 0; l < kLanes; ++l) lane[l] = logits[(l < rows ? l : 0) * classes + c];
    column[c] = load(lane);
    top = max(top, column[c]);
  }
  const VecF shift = finite_or_zero(top);
  VecF sum = splat(0.0f);
  for (int64_t c = 0; c < classes; ++c) sum = sum + exp(column[c] - shift);
  store(logsumexp, log(sum) + shift, rows);
}

void many_classes(float* logsumexp, const float* logits, int rows, int64_t classes) {
  float shifts[kLanes], sums[kLanes];
  for (int l = 0; l < rows; ++l) {
    const float* x = logits + l * classes;
    const float top = greatest(x, classes);
    shifts[l] = top > -kInfinity && top < kInfinity ? top : 0.0f;
    sums[l] = sum_of_exponentials(x, classes, shifts[l]);
  }
  store(logsumexp, log(load(sums, rows)) + load(shifts, rows), rows);
}

void softmax_cross_entropy(float* loss, float* logsumexp, const float* logits, const int32_t* labels, int64_t rows, int64_t classes) {
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int group = rows - r < kLanes ? static_cast<int>(rows - r) : kLanes;
    if (classes <= kFewClasses) {
      few_classes(logsumexp + r, logits + r * classes, group, classes);
    } else {
      many_classes(logsumexp + r, logits + r * classes, group, classes);
    }
    for (int l = 0; l < group; ++l) {
      const int64_t label = labels[r + l] < 0 ? labels[r + l] + classes : labels[r + l];
      const bool inside = label >= 0 && label < classes;
      loss[r + l] = inside ? logsumexp[r + l] - logits[(r + l) * classes + label] : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

}  // namespace

const LossTable loss_table = {softmax_cross_entropy};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
