#include "cpu/batch_norm_kernels.h"

#include "cpu/simd.h"

namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE {

namespace {

constexpr int kSummedRows = 8;       // enough for their sum to be worth fetching and putting back
constexpr int kWrittenRows = 4;      // fewer: rows a power of two apart would drive one another's lines out of the cache
constexpr int64_t kColumnTile = 64;  // columns whose double sums are kept at hand

// Calls body(j, lanes) for each vector of columns; lanes is All but for a last one that is not full.
template <typename Body>
FLAXEN_INLINE void each_vector(int64_t columns, Body body) {
  int64_t j = 0;
  for (; j + kLanes <= columns; j += kLanes) body(j, All{});
  if (j < columns) body(j, static_cast<int>(columns - j));
}

// Calls body(i, count) for runs of rows, count being a compile-time number of rows.
template <int n>
struct Rows {
  static constexpr int value = n;
};
template <int unrolled, typename Body>
FLAXEN_INLINE void each_rows(int64_t rows, Body body) {
  int64_t i = 0;
  for (; i + unrolled <= rows; i += unrolled) body(i, Rows<unrolled>{});
  for (; i < rows; ++i) body(i, Rows<1>{});
}

// The sum of x[0 .. n), as a tree.
template <int n>
FLAXEN_INLINE VecF tree_sum(VecF* x) {
  FLAXEN_UNROLL
  for (int step = n / 2; step > 0; step /= 2) {
    FLAXEN_UNROLL
    for (int r = 0; r < step; ++r) x[r] += x[r + step];
  }
  return x[0];
}

void moments(const float* x, int64_t stride, int64_t rows, int64_t columns, float* shift, float* sum, float* square) {
  each_vector(columns, [&](int64_t j, auto lanes) {
    const VecF first = load(x + j, lanes);
    store(shift + j, select(first - first == splat(0.0f), first, splat(0.0f)), lanes);
    store(sum + j, splat(0.0f), lanes);
    store(square + j, splat(0.0f), lanes);
  });
  each_rows<kSummedRows>(rows, [&](int64_t i, auto count) {
    constexpr int n = decltype(count)::value;
    each_vector(columns, [&](int64_t j, auto lanes) {
      const VecF s = load(shift + j, lanes);
      VecF d[n], d2[n];
      FLAXEN_UNROLL
      for (int r = 0; r < n; ++r) {
        d[r] = load(x + (i + r) * stride + j, lanes) - s;
        d2[r] = d[r] * d[r];
      }
      store(sum + j, load(sum + j, lanes) + tree_sum<n>(d), lanes);
      store(square + j, load(square + j, lanes) + tree_sum<n>(d2), lanes);
    });
  });
}

// 1 / sqrt(max(var, 0) + epsilon)
FLAXEN_INLINE VecF inverse_deviation(VecF var, float epsilon) {
  return splat(1.0f) / sqrt(select(var < splat(0.0f), splat(0.0f), var) + splat(epsilon));
}

void factors(const float* var, const float* scale, float epsilon, int64_t begin, int64_t end, float* factor) {
  each_vector(end - begin, [&](int64_t at, auto lanes) {
    const int64_t j = begin + at;
    store(factor + j, inverse_deviation(load(var + j, lanes), epsilon) * load(scale + j, lanes), lanes);
  });
}

// to[0 .. width) += from[0 .. width), in double.
FLAXEN_INLINE void add_up(const float* from, int64_t width, double* to) {
  for (int64_t j = 0; j < width; ++j) to[j] += static_cast<double>(from[j]);
}

void finish_moments(const float* partial, int64_t rows, int64_t columns, int64_t begin, int64_t end, const float* scale, float epsilon,
                    float* mean, float* var, float* factor) {
  const int64_t blocks = (rows + kBatchNormRows - 1) / kBatchNormRows;
  const auto rows_of = [&](int64_t block) {
    return static_cast<double>(block == blocks - 1 ? rows - block * kBatchNormRows : kBatchNormRows);
  };
  const double share = 1 / static_cast<double>(rows);
  for (int64_t tile = begin; tile < end; tile += kColumnTile) {
    const int64_t width = end - tile < kColumnTile ? end - tile : kColumnTile;
    // The mean as an offset from the first block's shift, which keeps a constant column's exact.
    const float* origin = partial + tile;
    double centre[kColumnTile] = {}, spread[kColumnTile] = {};
    for (int64_t block = 0; block < blocks; ++block) {
      const float* shift = partial + block * 3 * columns + tile;
      const float* sum = shift + columns;
      const double n = rows_of(block);
      for (int64_t j = 0; j < width; ++j) {
        centre[j] += n * (static_cast<double>(shift[j]) - static_cast<double>(origin[j])) + static_cast<double>(sum[j]);
      }
    }
    if (blocks > 0) {
      for (int64_t j = 0; j < width; ++j) centre[j] = static_cast<double>(origin[j]) + centre[j] * share;
    }
    // The squares about the common mean, from those about each block's shift.
    for (int64_t block = 0; block < blocks; ++block) {
      const float* shift = partial + block * 3 * columns + tile;
      const float* sum = shift + columns;
      const float* square = sum + columns;
      const double n = rows_of(block);
      for (int64_t j = 0; j < width; ++j) {
        const double d = centre[j] - static_cast<double>(shift[j]);
        spread[j] += static_cast<double>(square[j]) + d * (n * d - 2 * static_cast<double>(sum[j]));
      }
    }
    for (int64_t j = 0; j < width; ++j) {
      // Without rows both are 0 / 0.
      mean[tile + j] = static_cast<float>(blocks > 0 ? centre[j] : centre[j] * share);
      var[tile + j] = static_cast<float>(spread[j] * share);
    }
  }
  factors(var, scale, epsilon, begin, end, factor);
}

template <bool relu>
FLAXEN_INLINE void normalize_rows(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t columns,
                                  const float* mean, const float* factor, const float* bias) {
  each_rows<kWrittenRows>(rows, [&](int64_t i, auto count) {
    constexpr int n = decltype(count)::value;
    each_vector(columns, [&](int64_t j, auto lanes) {
      const VecF m = load(mean + j, lanes), f = load(factor + j, lanes), b = load(bias + j, lanes);
      FLAXEN_UNROLL
      for (int r = 0; r < n; ++r) {
        const VecF v = muladd(load(x + (i + r) * x_stride + j, lanes) - m, f, b);
        store(y + (i + r) * y_stride + j, relu ? select(v <= splat(0.0f), splat(0.0f), v) : v, lanes);
      }
    });
  });
}

void normalize(const float* x, int64_t x_stride, float* y, int64_t y_stride, int64_t rows, int64_t columns, const float* mean,
               const float* factor, const float* bias, bool relu) {
  if (relu) {
    normalize_rows<true>(x, x_stride, y, y_stride, rows, columns, mean, factor, bias);
  } else {
    normalize_rows<false>(x, x_stride, y, y_stride, rows, columns, mean, factor, bias);
  }
}

// What relu hands on of dy: all where (x - mean) * factor + bias is not <= 0, as it is there that `normalize` kept it.
struct ThroughRelu {
  VecF mean, factor, bias;
  FLAXEN_INLINE VecF operator()(VecF dy, VecF x) const { return select(muladd(x - mean, factor, bias) <= splat(0.0f), splat(0.0f), dy); }
};
struct Unchanged {
  FLAXEN_INLINE VecF operator()(VecF dy, VecF) const { return dy; }
};

// Calls body(through), where through(j, lanes) says how dy passes in the columns from j: through relu if there is a bias.
template <typename Body>
FLAXEN_INLINE void with_relu(const float* mean, const float* factor, const float* bias, Body body) {
  if (bias) {
    body([=](int64_t j, auto lanes) { return ThroughRelu{load(mean + j, lanes), load(factor + j, lanes), load(bias + j, lanes)}; });
  } else {
    body([](int64_t, auto) { return Unchanged{}; });
  }
}

template <typename Through>
FLAXEN_INLINE void grad_sums_rows(const float* dy, const float* x, int64_t rows, int64_t columns, const float* mean, const Through& through,
                                  float* sum, float* product) {
  each_vector(columns, [&](int64_t j, auto lanes) {
    store(sum + j, splat(0.0f), lanes);
    store(product + j, splat(0.0f), lanes);
  });
  each_rows<kSummedRows>(rows, [&](int64_t i, auto count) {
    constexpr int n = decltype(count)::value;
    each_vector(columns, [&](int64_t j, auto lanes) {
      const VecF m = load(mean + j, lanes);
      const auto relu = through(j, lanes);
      VecF d[n], p[n];
      FLAXEN_UNROLL
      for (int r = 0; r < n; ++r) {
        const int64_t at = (i + r) * columns + j;
        const VecF v = load(x + at, lanes);
        d[r] = relu(load(dy + at, lanes), v);
        p[r] = d[r] * (v - m);
      }
      store(sum + j, load(sum + j, lanes) + tree_sum<n>(d), lanes);
      store(product + j, load(product + j, lanes) + tree_sum<n>(p), lanes);
    });
  });
}

void grad_sums(const float* dy, const float* x, int64_t rows, int64_t columns, const float* mean, const float* factor, const float* bias,
               float* sum, float* product) {
  with_relu(mean, factor, bias, [&](auto through) { grad_sums_rows(dy, x, rows, columns, mean, through, sum, product); });
}

void finish_grad_sums(const float* partial, int64_t rows, int64_t columns, int64_t begin, int64_t end, const float* var, float epsilon,
                      float* dscale, float* dbias) {
  const int64_t blocks = (rows + kBatchNormRows - 1) / kBatchNormRows;
  for (int64_t tile = begin; tile < end; tile += kColumnTile) {
    const int64_t width = end - tile < kColumnTile ? end - tile : kColumnTile;
    double sum[kColumnTile] = {}, product[kColumnTile] = {};
    for (int64_t block = 0; block < blocks; ++block) {
      add_up(partial + block * 2 * columns + tile, width, sum);
      add_up(partial + (block * 2 + 1) * columns + tile, width, product);
    }
    for (int64_t j = 0; j < width; ++j) {
      dbias[tile + j] = static_cast<float>(sum[j]);
      dscale[tile + j] = static_cast<float>(product[j]);
    }
  }
  each_vector(end - begin, [&](int64_t at, auto lanes) {
    const int64_t j = begin + at;
    store(dscale + j, load(dscale + j, lanes) * inverse_deviation(load(var + j, lanes), epsilon), lanes);
  });
}

void grad_factors(const float* dscale, const float* dbias, int64_t rows, int64_t begin, int64_t end, const float* scale, const float* var,
                  float epsilon, bool split_variance, float* dy_mean, float* factor, float* slope) {
  const VecF count = splat(static_cast<float>(rows));
  each_vector(end - begin, [&](int64_t at, auto lanes) {
    const int64_t j = begin + at;
    const VecF v = load(var + j, lanes), inverse = inverse_deviation(v, epsilon), f = inverse * load(scale + j, lanes);
    // max(var, 0) hands on no gradient below 0 and half of it at 0.
    VecF part = select(v == splat(0.0f), splat(0.5f), splat(1.0f));
    part = select(v < splat(0.0f), splat(0.0f), part);
    if (!split_variance) part = splat(1.0f);
    store(dy_mean + j, load(dbias + j, lanes) / count, lanes);
    store(factor + j, f, lanes);
    store(slope + j, load(dscale + j, lanes) / count * inverse * f * part, lanes);
  });
}

template <typename Through>
FLAXEN_INLINE void grad_x_rows(const float* dy, const float* x, int64_t stride, float* dx, int64_t dx_stride, int64_t rows, int64_t columns,
                               const float* mean, const float* dy_mean, const float* factor, const float* slope, const Through& through) {
  each_rows<kWrittenRows>(rows, [&](int64_t i, auto count) {
    constexpr int n = decltype(count)::value;
    each_vector(columns, [&](int64_t j, auto lanes) {
      const VecF m = load(mean + j, lanes), dm = load(dy_mean + j, lanes), f = load(factor + j, lanes), s = load(slope + j, lanes);
      const auto relu = through(j, lanes);
      FLAXEN_UNROLL
      for (int r = 0; r < n; ++r) {
        const int64_t at = (i + r) * stride + j;
        const VecF v = load(x + at, lanes);
        const VecF through_mean = (relu(load(dy + at, lanes), v) - dm) * f;
        store(dx + (i + r) * dx_stride + j, muladd(m - v, s, through_mean), lanes);
      }
    });
  });
}

void grad_x(const float* dy, const float* x, int64_t stride, float* dx, int64_t dx_stride, int64_t rows, int64_t columns, const float* mean,
            const float* dy_mean, const float* factor, const float* slope, const float* bias) {
  with_relu(mean, factor, bias,
            [&](auto through) { grad_x_rows(dy, x, stride, dx, dx_stride, rows, columns, mean, dy_mean, factor, slope, through); });
}

void column_sums(const float* x, int64_t stride, int64_t rows, int64_t columns, float* sum) {
  each_vector(columns, [&](int64_t j, auto lanes) { store(sum + j, splat(0.0f), lanes); });
  each_rows<kSummedRows>(rows, [&](int64_t i, auto count) {
    constexpr int n = decltype(count)::value;
    each_vector(columns, [&](int64_t j, auto lanes) {
      VecF v[n];
      FLAXEN_UNROLL
      for (int r = 0; r < n; ++r) v[r] = load(x + (i + r) * stride + j, lanes);
      store(sum + j, load(sum + j, lanes) + tree_sum<n>(v), lanes);
    });
  });
}

void finish_column_sums(const float* partial, int64_t blocks, int64_t columns, float* sum) {
  for (int64_t tile = 0; tile < columns; tile += kColumnTile) {
    const int64_t width = columns - tile < kColumnTile ? columns - tile : kColumnTile;
    double total[kColumnTile] = {};
    for (int64_t block = 0; block < blocks; ++block) add_up(partial + block * columns + tile, width, total);
    for (int64_t j = 0; j < width; ++j) sum[tile + j] = static_cast<float>(total[j]);
  }
}

}  // namespace

extern const BatchNormTable batch_norm_table = {
    .moments = moments,
    .finish_moments = finish_moments,
    .normalize = normalize,
    .factors = factors,
    .grad_sums = grad_sums,
    .finish_grad_sums = finish_grad_sums,
    .grad_factors = grad_factors,
    .grad_x = grad_x,
    .column_sums = column_sums,
    .finish_column_sums = finish_column_sums,
};

}  // namespace flaxen::cpu::FLAXEN_ISA_NAMESPACE
