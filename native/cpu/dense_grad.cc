#include "cpu/dense_grad.h"

#include <algorithm>
#include <cstring>

#include "cpu/gemm_blocking.h"
#include "cpu/matrix_dense.h"
#include "cpu/operand_cursor.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kLine = 16;                            // floats of a cache line
constexpr int64_t kBlocksPerPart = 4;                    // at least
constexpr int64_t kMostParts = 16, kMostLargeParts = 8;  // each has a dkernel of its own, to be written and read once more
constexpr int64_t kLargeKernel = 16 * 1024;
constexpr int64_t kElementsPerTask = 8192;

int64_t lines(int64_t floats) { return ceil_div(floats, kLine) * kLine; }
int64_t part_of(int64_t size, int64_t parts, int64_t part) { return size * part / parts; }

// From row to row an odd number of cache lines, so that the rows of a column of tiles do not all fall on the same few sets.
int64_t line_of(int64_t columns) { return (ceil_div(columns, kLine) | 1) * kLine; }

int64_t parts_of(int64_t blocks, int64_t elements) {
  return std::clamp<int64_t>(blocks / kBlocksPerPart, 1, elements > kLargeKernel ? kMostLargeParts : kMostParts);
}

// As for the products of a long inner dimension (gemm_split.cc): features that leave vectors idle become rows.
bool better_transposed(int64_t inputs, int64_t features, int64_t lanes) {
  const int64_t padded = ceil_div(features, lanes) * lanes;
  return padded <= 2 * lanes && 5 * features < 4 * padded && inputs >= 2 * lanes;
}

}  // namespace

struct DenseGrad::Operands {
  const float* dy;  // or the cotangent of its batch norm's output
  struct {
    const float *x, *mean, *dy_mean, *factor, *slope, *relu_bias;
  } dy_norm;
  NormalizedRows x;  // without a batch norm, x.x alone
  const float* x_var;
  const float* kernel;
  float *dkernel, *dbias, *dx, *x_dscale, *x_dbias;
  float* scratch;
};

// What the next block will be made of and written to, fetched towards the second-level cache a few lines with each tile of this one.
class DenseGrad::Ahead {
 public:
  explicit Ahead(int64_t tiles) : tiles_(tiles) {}
  void add(const float* begin, int64_t floats) { streams_[count_++] = {begin, begin + floats, ceil_div(floats, tiles_ * kLine) * kLine}; }
  void fetch() {
    for (int s = 0; s < count_; ++s) {
      Stream& x = streams_[s];
      const float* const end = std::min(x.end, x.at + x.step);
#if defined(__GNUC__)
      for (const float* p = x.at; p < end; p += kLine) __builtin_prefetch(p, 0, 2);
#endif
      x.at = end;
    }
  }

 private:
  struct Stream {
    const float *at, *end;
    int64_t step;
  };
  int64_t tiles_;
  int count_ = 0;
  Stream streams_[4] = {};
};

// Rows of dy and x as the products read them.
struct DenseGrad::Block {
  int64_t row, rows;
  float *dy, *x;
  Ahead* ahead;
};

DenseGrad::DenseGrad(int64_t rows, int64_t inputs, int64_t features, const FusedDenseGrad& fused, Isa isa)
    : fused_(fused),
      rows_(rows),
      inputs_(inputs),
      features_(features),
      blocks_(ceil_div(rows, kBatchNormRows)),
      parts_(parts_of(blocks_, inputs * features)),
      isa_(isa),
      dy_norm_(rows, features, fused.dy ? static_cast<float>(fused.dy->epsilon) : 0, fused.dy && fused.dy->fast_variance, isa),
      x_norm_(rows, inputs, fused.x ? static_cast<float>(fused.x->epsilon) : 0, fused.x && fused.x->fast_variance, isa),
      norms_(&batch_norm_table(isa)),
      tiles_(&gemm_tile_table(isa)),
      packs_(&gemm_pack_table(isa)),
      transposed_(better_transposed(inputs, features, tiles_->lanes)),
      width_(tiles_->vectors * tiles_->lanes),
      dy_line_(line_of(features)),
      x_line_(line_of(inputs)) {
  int64_t floats = 0;
  const auto place = [&](int64_t size) {
    const int64_t begin = floats;
    floats += lines(size);
    return begin;
  };
  kernel_at_ = place(fused.dx ? ceil_div(inputs, width_) * width_ * features : 0);
  factors_at_ = place(fused.dy ? 3 * features : 0);
  x_factor_at_ = place(fused.x ? inputs : 0);
  dbias_at_ = place(fused.dbias ? blocks_ * features : 0);
  sums_at_ = place(fused.x_sums ? x_norm_.grad_sums_size() : 0);
  slab_floats_ = lines(inputs * features);
  part_floats_ = slab_floats_ + kBatchNormRows * (dy_line_ + x_line_);
  parts_at_ = place(parts_ * part_floats_);
  scratch_bytes_ = static_cast<size_t>(floats) * sizeof(float);
}

double DenseGrad::cost_ns() const {
  const double elements = static_cast<double>(rows_) * static_cast<double>(inputs_ + features_);
  const double products = static_cast<double>(rows_) * static_cast<double>(inputs_) * static_cast<double>(features_);
  return 100 + (fused_.dx ? 2 : 1) * products / (4 * tiles_->lanes) + 0.3 * elements;
}

std::string DenseGrad::note() const {
  return std::string("dense_grad ") + name_of(isa_) + " mr" + std::to_string(tiles_->rows) + " nr" + std::to_string(width_) +
         (transposed_ ? " transposed" : "") + " x" + std::to_string(parts_) + " parts of rows";
}

void DenseGrad::run(const Buffers& buffers) const {
  OperandCursor next(buffers);
  Operands o{};
  o.scratch = static_cast<float*>(buffers.scratch);
  o.dy = next.next_input();
  if (fused_.dy) {
    float* dy_mean = o.scratch + factors_at_;
    float *factor = dy_mean + features_, *slope = factor + features_;
    const float* x = next.next_input();
    const float* scale = next.next_input();
    const float* mean = next.next_input();
    const float* var = next.next_input();
    const float* dscale = next.next_input();
    const float* dbias = next.next_input();
    norms_->grad_factors(dscale, dbias, rows_, 0, features_, scale, var, static_cast<float>(fused_.dy->epsilon), fused_.dy->fast_variance,
                         dy_mean, factor, slope);
    o.dy_norm = {x, mean, dy_mean, factor, slope, fused_.dy->relu ? next.next_input() : nullptr};
  }
  o.x = {norms_, next.next_input(), inputs_, nullptr, nullptr, nullptr, false};
  if (fused_.x) {
    float* factor = o.scratch + x_factor_at_;
    const float* scale = next.next_input();
    o.x.bias = next.next_input();
    o.x.mean = next.next_input();
    o.x_var = next.next_input();
    norms_->factors(o.x_var, scale, static_cast<float>(fused_.x->epsilon), 0, inputs_, factor);
    o.x.factor = factor;
    o.x.relu = fused_.x->relu;
  }
  o.dkernel = next.next_output();
  if (fused_.dbias) o.dbias = next.next_output();
  if (fused_.dx) {
    o.kernel = next.next_input();
    o.dx = next.next_output();
    pack_kernel(o);
  }
  if (fused_.x_sums) {
    o.x_dscale = next.next_output();
    o.x_dbias = next.next_output();
  }
  ThreadPool::shared().parallel(parts_, [&](int64_t part) { run_part(o, part); });
  add_up(o);
  if (fused_.dbias) norms_->finish_column_sums(o.scratch + dbias_at_, blocks_, features_, o.dbias);
  if (fused_.x_sums) x_norm_.finish_grad_sums(o.scratch + sums_at_, o.x_var, o.x_dscale, o.x_dbias);
}

// kernel^T in panels as wide as a tile.
void DenseGrad::pack_kernel(const Operands& o) const {
  ThreadPool::shared().parallel(ceil_div(inputs_, width_), [&](int64_t panel) {
    const int64_t j = panel * width_;
    packs_->pack_b(o.kernel + j * features_, 1, features_, features_, std::min(width_, inputs_ - j), width_,
                   o.scratch + kernel_at_ + j * features_);
  });
}

void DenseGrad::run_part(const Operands& o, int64_t part) const {
  float* const slab = o.scratch + parts_at_ + part * part_floats_;
  float* const dy = slab + slab_floats_;
  const int64_t first = part_of(blocks_, parts_, part), end = part_of(blocks_, parts_, part + 1);
  for (int64_t b = first; b < end; ++b) {
    const int64_t row = b * kBatchNormRows;
    Ahead ahead(tiles_of_block());
    if (b + 1 < end) look_ahead(o, row + kBatchNormRows, ahead);
    const Block block{row, std::min(kBatchNormRows, rows_ - row), dy, dy + kBatchNormRows * dy_line_, &ahead};
    make_block(o, block);
    if (fused_.dx) find_dx(o, block);
    add_dkernel(block, slab, b == first);
  }
}

// Of a whole block, more or less.
int64_t DenseGrad::tiles_of_block() const {
  const int64_t m = transposed_ ? features_ : inputs_, n = transposed_ ? inputs_ : features_;
  const int64_t dx = fused_.dx ? ceil_div(kBatchNormRows, tiles_->rows) * ceil_div(inputs_, width_) : 0;
  return dx + ceil_div(m, tiles_->rows) * ceil_div(n, width_);
}

void DenseGrad::look_ahead(const Operands& o, int64_t row, Ahead& ahead) const {
  const int64_t rows = std::min(kBatchNormRows, rows_ - row);
  ahead.add(o.dy + row * features_, rows * features_);
  if (fused_.dy) ahead.add(o.dy_norm.x + row * features_, rows * features_);
  ahead.add(o.x.x + row * inputs_, rows * inputs_);
  if (fused_.dx) ahead.add(o.dx + row * inputs_, rows * inputs_);
}

void DenseGrad::make_block(const Operands& o, const Block& block) const {
  const auto copy = [&](const float* from, int64_t columns, float* to, int64_t line) {
    for (int64_t i = 0; i < block.rows; ++i) std::memcpy(to + i * line, from + i * columns, static_cast<size_t>(columns) * sizeof(float));
  };
  const int64_t at = block.row * features_;
  if (fused_.dy) {
    const auto& n = o.dy_norm;
    norms_->grad_x(o.dy + at, n.x + at, features_, block.dy, dy_line_, block.rows, features_, n.mean, n.dy_mean, n.factor, n.slope,
                   n.relu_bias);
  } else {
    copy(o.dy + at, features_, block.dy, dy_line_);
  }
  if (fused_.dbias) {
    float* sums = o.scratch + dbias_at_ + block.row / kBatchNormRows * features_;
    norms_->column_sums(block.dy, dy_line_, block.rows, features_, sums);
  }
  if (fused_.x) {
    o.x.make(block.row, 0, block.rows, inputs_, block.x, x_line_);
  } else {
    copy(o.x.x + block.row * inputs_, inputs_, block.x, x_line_);
  }
}

// A tile of `columns` columns or fewer, as narrow as they allow.
void run_tile(const GemmTileTable& tiles, int64_t rows, Tile tile) {
  int64_t vectors = tiles.vectors, level = 0;
  while (vectors > 1 && (vectors - 1) * tiles.lanes >= tile.columns) vectors /= 2;
  for (int64_t v = vectors; v > 1; v /= 2) ++level;
  tiles.tile[rows][level](tile);
}

void DenseGrad::find_dx(const Operands& o, const Block& block) const {
  const int64_t slivers = ceil_div(block.rows, tiles_->rows);
  for (int64_t sliver = 0; sliver < slivers; ++sliver) {
    const int64_t i = part_of(block.rows, slivers, sliver), end = part_of(block.rows, slivers, sliver + 1);
    for (int64_t j = 0; j < inputs_; j += width_) {
      run_tile(*tiles_, end - i,
               {.k = features_,
                .a = block.dy + i * dy_line_,
                .a_row = dy_line_,
                .a_col = 1,
                .b = o.scratch + kernel_at_ + j * features_,
                .b_row = width_,
                .c = o.dx + (block.row + i) * inputs_ + j,
                .c_row = inputs_,
                .columns = std::min(width_, inputs_ - j),
                .accumulate = false,
                .bias = nullptr,
                .relu = false});
      block.ahead->fetch();
    }
  }
  if (!fused_.x_sums) return;
  x_norm_.block_grad_sums(o.dx, o.x.x, block.row, block.rows, o.x.mean, o.x.factor, o.x.relu ? o.x.bias : nullptr, o.scratch + sums_at_);
}

// A column of tiles reads the same panel of the one operand, which stays in the first-level cache, and goes through the other.
void DenseGrad::add_dkernel(const Block& block, float* slab, bool first) const {
  const float *tall = block.x, *wide = block.dy;
  int64_t tall_line = x_line_, wide_line = dy_line_, m = inputs_, n = features_;
  if (transposed_) {
    std::swap(tall, wide);
    std::swap(tall_line, wide_line);
    std::swap(m, n);
  }
  const int64_t slivers = ceil_div(m, tiles_->rows);
  for (int64_t j = 0; j < n; j += width_) {
    for (int64_t sliver = 0; sliver < slivers; ++sliver) {
      const int64_t i = part_of(m, slivers, sliver), end = part_of(m, slivers, sliver + 1);
      run_tile(*tiles_, end - i,
               {.k = block.rows,
                .a = tall + i,
                .a_row = 1,
                .a_col = tall_line,
                .b = wide + j,
                .b_row = wide_line,
                .c = slab + i * n + j,
                .c_row = n,
                .columns = std::min(width_, n - j),
                .accumulate = !first,
                .bias = nullptr,
                .relu = false});
      block.ahead->fetch();
    }
  }
}

// The parts' results, in order.
void DenseGrad::add_up(const Operands& o) const {
  const float* const slabs = o.scratch + parts_at_;
  const int64_t rows_per_task = ceil_div(kElementsPerTask, features_);
  ThreadPool::shared().parallel(ceil_div(inputs_, rows_per_task), [&](int64_t task) {
    const int64_t end = std::min(inputs_, (task + 1) * rows_per_task);
    for (int64_t i = task * rows_per_task; i < end; ++i) {
      float* const to = o.dkernel + i * features_;
      const float* const from = slabs + (transposed_ ? i : i * features_);
      const int64_t step = transposed_ ? inputs_ : 1;
      for (int64_t j = 0; j < features_; ++j) to[j] = from[j * step];
      for (int64_t part = 1; part < parts_; ++part) {
        const float* const more = from + part * part_floats_;
        for (int64_t j = 0; j < features_; ++j) to[j] += more[j * step];
      }
    }
  });
}

void prepare_dense_grad(const Graph& graph, const Node& node, Prepared& prepared) {
  const auto& fused = static_cast<const FusedDenseGrad&>(*node.fused);
  const Shape& dkernel = graph.aval(node.outputs[0]).shape;
  const DenseGrad grad(graph.aval(node.inputs[0]).shape[0], dkernel[0], dkernel[1], fused, chosen_isa());
  prepared.scratch_bytes = grad.scratch_bytes();
  prepared.cost_ns = grad.cost_ns();
  prepared.note = grad.note();
  // A block of dx is written when those rows of dy, and of what its batch norm read, have been used.
  const int dx = fused.dbias ? 2 : 1;
  if (fused.dx && dkernel[0] == dkernel[1]) {
    prepared.in_place.push_back({0, dx});
    if (fused.dy) prepared.in_place.push_back({1, dx});
  }
  prepared.launch = [grad](const Buffers& buffers) { grad.run(buffers); };
}

}  // namespace flaxen::cpu
