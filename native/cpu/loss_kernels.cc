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

// The sum of exp(x - shift); each of them goes to `kept`, unless that is null.
float sum_of_exponentials(const float* x, int64_t n, float shift, float* kept = nullptr) {
  if (n > 1024) {
    const int64_t half = (n / 1024 + 1) / 2 * 1024;
    if (half < n) {
      const float first = sum_of_exponentials(x, half, shift, kept);
      return first + sum_of_exponentials(x + half, n - half, shift, kept ? kept + half : nullptr);
    }
  }
  VecF acc[kVectors];
  FLAXEN_UNROLL for (int v = 0; v < kVectors; ++v) acc[v] = splat(0.0f);
  int64_t i = 0;
  for (; i + kWidth <= n; i += kWidth) {
    FLAXEN_UNROLL for (int v = 0; v < kVectors; ++v) {
      const VecF e = exp(load(x + i + v * kLanes) - splat(shift));
      acc[v] = acc[v] + e;
      if (kept) store(kept + i + v * kLanes, e);
    }
  }
  float lane[kWidth];
  FLAXEN_UNROLL for (int v = 0; v < kVectors; ++v) store(lane + v * kLanes, acc[v]);
  for (int64_t first = i; i < n; i += kLanes) {
    const int rest = n - i < kLanes ? static_cast<int>(n - i) : kLanes;
    float e[kLanes];
    store(e, exp(load(x + i, rest) - splat(shift)));
    for (int l = 0; l < rest; ++l) lane[i - first + l] += e[l];
    for (int l = 0; l < rest && kept; ++l) kept[i + l] = e[l];
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

int64_t class_of(int32_t label, int64_t classes) { return label < 0 ? label + classes : label; }

void softmax_cross_entropy(float* loss, float* logsumexp, const float* logits, const int32_t* labels, int64_t rows, int64_t classes) {
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int group = rows - r < kLanes ? static_cast<int>(rows - r) : kLanes;
    if (classes <= kFewClasses) {
      few_classes(logsumexp + r, logits + r * classes, group, classes);
    } else {
      many_classes(logsumexp + r, logits + r * classes, group, classes);
    }
    for (int l = 0; l < group; ++l) {
      const int64_t label = class_of(labels[r + l], classes);
      const bool inside = label >= 0 && label < classes;
      loss[r + l] = inside ? logsumexp[r + l] - logits[(r + l) * classes + label] : std::numeric_limits<float>::quiet_NaN();
    }
  }
}

// `rows` rows at once, a lane each.
void few_classes_grad(float* dlogits, const float* dloss, const float* logits, const int32_t* labels, const float* logsumexp, int rows,
                      int64_t classes) {
  VecF e[kFewClasses];
  const VecF shift = load(logsumexp, rows), d = load(dloss);
  VecF sum = splat(0.0f);
  for (int64_t c = 0; c < classes; ++c) {
    float lane[kLanes];
    for (int l = 0; l < kLanes; ++l) lane[l] = logits[(l < rows ? l : 0) * classes + c];
    e[c] = exp(load(lane) - shift);
    sum = sum + e[c];
  }
  const VecF weight = d / sum;
  for (int64_t c = 0; c < classes; ++c) {
    float lane[kLanes];
    store(lane, e[c] * weight);
    for (int l = 0; l < rows; ++l) dlogits[l * classes + c] = lane[l];
  }
  for (int l = 0; l < rows; ++l) {
    const int64_t label = class_of(labels[l], classes);
    if (label >= 0 && label < classes) dlogits[l * classes + label] -= dloss[l];
  }
}

void many_classes_grad(float* dlogits, float dloss, const float* logits, int32_t given, float logsumexp, int64_t classes) {
  const VecF weight = splat(dloss / sum_of_exponentials(logits, classes, logsumexp, dlogits));
  int64_t c = 0;
  for (; c + kLanes <= classes; c += kLanes) store(dlogits + c, load(dlogits + c) * weight);
  if (c < classes) {
    const int rest = static_cast<int>(classes - c);
    store(dlogits + c, load(dlogits + c, rest) * weight, rest);
  }
  const int64_t label = class_of(given, classes);
  if (label >= 0 && label < classes) dlogits[label] -= dloss;
}

void softmax_cross_entropy_grad(float* dlogits, const float* dloss, bool one, const float* logits, const int32_t* labels,
                                const float* logsumexp, int64_t rows, int64_t classes) {
  for (int64_t r = 0; r < rows; r += kLanes) {
    const int group = rows - r < kLanes ? static_cast<int>(rows - r) : kLanes;
    float d[kLanes];
    for (int l = 0; l < kLanes; ++l) d[l] = one ? *dloss : l < group ? dloss[r + l] : 0.0f;
    if (classes <= kFewClasses) {
      few_classes_grad(dlogits + r * classes, d, logits + r * classes, labels + r, logsumexp + r, group, classes);
    } else {
      for (int64_t l = 0; l < group; ++l) {
        many_classes_grad(dlogits + (r + l) * classes, d[l], logits + (r + l) * classes, labels[r + l], logsumexp[r + l], classes);
      }
    }
  }
}

}  // namespace

const LossTable loss_table = {softmax_cross_entropy, softmax_cross_entropy_grad};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
