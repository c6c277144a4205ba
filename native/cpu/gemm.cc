#include "cpu/gemm.h"

#include <algorithm>
#include <cstring>

#include "cpu/batch_norm_kernels.h"
#include "cpu/gemm_split.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kRowBlock = kBatchNormRows;          // rows that are cut into slivers of equal height, and share column statistics
constexpr int64_t kInnerBlock = 384;                   // a sliver of A so long stays in the first-level cache
constexpr int64_t kPanelGroup = 16;                    // panels of B that, so long, stay in the second-level cache
constexpr int64_t kPackedElements = int64_t{4} << 20;  // what is packed of B at a time, if that is not too little
constexpr int64_t kSmallA = 512 * 1024;
constexpr int64_t kSmallC = 512 * 1024;
constexpr int64_t kPackedForSmallC = 256 * 1024;
constexpr int64_t kPackedForPart = 64 * 1024;  // by one thread, beside A and C in its second-level cache
constexpr int64_t kTinyB = 4096, kSmallB = 16 * 1024;
constexpr int64_t kFewRows = 1024, kShortInner = 32;
constexpr int64_t kCacheLine = 16;  // elements
constexpr int64_t kStreamedElements = 16 * 1024;
constexpr int64_t kTaskProducts = 100'000;  // about a microsecond: what is worth handing to another thread
constexpr int64_t kMostTasks = 32;
constexpr int64_t kSliverElements = kMostTileRows * kInnerBlock + 16;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Task `task` of `tasks` equal parts of [0, size).
int64_t part(int64_t size, int64_t tasks, int64_t task) { return size * task / tasks; }

// Towards the second-level cache.
void prefetch(const float* p, int64_t size) {
#if defined(__GNUC__)
  for (int64_t i = 0; i < size; i += kCacheLine) __builtin_prefetch(p + i, 0, 2);
#endif
}

// So many that two or four threads have as many each.
int64_t even_tasks(int64_t tasks) { return tasks < 4 ? std::min<int64_t>(tasks, 2) : ceil_div(tasks, 4) * 4; }

int log2_of(int64_t x) {
  int n = 0;
  while (x > 1) x /= 2, ++n;
  return n;
}

}  // namespace

struct Gemm::Operands {
  const float* a;
  const float* b;
  float* c;
  const Epilogue& epilogue;
  const Sources& sources;
  float* packed;  // of B
};

Gemm::Gemm(const GemmShape& shape, Isa isa, GemmOptions options)
    : shape_(shape), isa_(isa), options_(options), tiles_(&gemm_tile_table(isa)), packs_(&gemm_pack_table(isa)) {
  const auto& [m, n, k, a_row, a_col, b_row, b_col, c_row] = shape_;
  const double products = static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  cost_ns_ = 50 + products / (4 * tiles_->lanes);
  if (options.threaded && GemmSplit::pays(shape, isa)) {
    split_ = std::make_shared<GemmSplit>(shape, isa, options);
    scratch_bytes_ = split_->scratch_bytes();
    return;
  }
  const int64_t wanted = options.threaded ? even_tasks(static_cast<int64_t>(std::min<double>(kMostTasks, products / kTaskProducts))) : 1;
  // Vectors along k where C is too narrow for vectors along its rows.
  const bool by_rows = options.a == Made::by_rows ? 4 * k <= kSliverElements : options.a == Made::no && a_col == 1;
  dots_ = options.b == Made::no && by_rows && k >= 2 * tiles_->lanes &&
          ((b_row == 1 && m <= 4) || (n <= tiles_->lanes * 3 / 4 && (b_row == 1 || m >= 32)));
  if (dots_) {
    plan_dots(std::max<int64_t>(wanted, 1));
  } else {
    plan_tiles(std::max<int64_t>(wanted, 1));
  }
}

void Gemm::plan_dots(int64_t tasks) {
  pack_b_ = shape_.b_row != 1;
  row_tasks_ = std::min(tasks, ceil_div(shape_.m, 4));
  column_tasks_ = std::min(ceil_div(tasks, std::max<int64_t>(row_tasks_, 1)), ceil_div(shape_.n, 4));
  if (pack_b_) scratch_bytes_ = static_cast<size_t>(packed_line() * shape_.n) * sizeof(float);
}

void Gemm::plan_tiles(int64_t tasks) {
  const auto& [m, n, k, a_row, a_col, b_row, b_col, c_row] = shape_;
  const int64_t width = panel_width();
  const int64_t blocks = ceil_div(m, kRowBlock);
  slivers_ = m == 0 ? 0 : (blocks - 1) * slivers_per_block() + slivers_in(m - (blocks - 1) * kRowBlock);
  panels_ = ceil_div(n, width);

  inner_block_ = ceil_div(k, std::max<int64_t>(1, ceil_div(k, kInnerBlock)));
  const bool small = options_.threaded && !options_.observed && slivers_ > 2 && panels_ > 1 && m <= kFewRows && m * k <= kSmallA;
  // Two slivers do not pay for packing, nor does a B that lies in the caches anyhow.
  pack_b_ = options_.b != Made::no || b_col != 1 || (slivers_ > 2 && k * n > (small ? kSmallB : kTinyB));
  // One sliver of a part reads each row of B once: few rows at a time, so that memory is gone through in order.
  if (!options_.threaded && !pack_b_ && slivers_ == 1 && n >= 512)
    inner_block_ = std::min(inner_block_, std::max<int64_t>(16, kStreamedElements / n));
  packed_inner_ = k;
  if (pack_b_) {
    // Where C is small, little of k at a time: then A, B and C stay in the second-level cache while it is gone through.
    const int64_t some = options_.threaded ? kPackedForSmallC : kPackedForPart;
    const int64_t packed = m * n <= kSmallC && k * n > 2 * some ? some : kPackedElements;
    const int64_t most = std::max<int64_t>(1, packed / std::max<int64_t>(1, panels_ * width * inner_block_)) * inner_block_;
    packed_inner_ = std::min(k, most);
    scratch_bytes_ = static_cast<size_t>(packed_inner_ * panels_ * width) * sizeof(float);
  }

  if (small) {
    // Each thread has a part of C of its own, so that little changes hands between kernels: of a kernel's gradient rows, as the update goes
    // through it, else columns, unless writing C is most of the work. (No result depends on where C is cut.)
    const int64_t parts = tasks < 2 ? 1 : ThreadPool::shared().threads() * (tasks < kMostTasks ? 1 : 2);
    own_panels_ = (a_row != 1 || a_col == 1) && k >= kShortInner;
    column_tasks_ = own_panels_ ? std::min(panels_, parts) : 1;
    row_tasks_ = own_panels_ ? 1 : std::min(slivers_, parts);
  } else {
    column_tasks_ = std::min(tasks, ceil_div(panels_, kPanelGroup));
    row_tasks_ = std::min(ceil_div(tasks, std::max<int64_t>(1, column_tasks_)), pack_b_ ? slivers_ : ceil_div(slivers_, 2));
    if (options_.observed) row_tasks_ = std::min(row_tasks_, blocks);
    if (row_tasks_ * column_tasks_ < std::min<int64_t>(tasks, kMostTasks / 2)) {
      column_tasks_ = std::min(ceil_div(std::min<int64_t>(tasks, kMostTasks / 2), std::max<int64_t>(1, row_tasks_)), ceil_div(panels_, 2));
    }
  }
  // A row-major A is read in place as fast, if it comes from the second-level cache and its rows do not all fall on the same cache sets.
  const bool in_place = a_col == 1 && m * k <= kSmallA && a_row % 1024 != 0;
  pack_a_ = options_.a != Made::no || (!in_place && panels_ / std::max<int64_t>(1, column_tasks_) >= 4);
}

std::string Gemm::note() const {
  const auto number = [](const char* name, int64_t x) { return std::string(" ") + name + std::to_string(x); };
  if (split_) return split_->note();
  std::string text = std::string("gemm ") + name_of(isa_);
  if (dots_) return text + " dots" + (pack_b_ ? " packed b" : "") + number("tasks", row_tasks_ * column_tasks_);
  text += number("mr", tiles_->rows) + number("nr", panel_width()) + number("kc", inner_block_);
  if (pack_a_ || pack_b_) text += std::string(" packed ") + (pack_a_ ? "a" : "") + (pack_b_ ? "b" : "");
  return text + number("tasks", row_tasks_ * column_tasks_);
}

int64_t Gemm::panel_width() const { return tiles_->vectors * tiles_->lanes; }
int64_t Gemm::packed_line() const { return ceil_div(shape_.k, tiles_->lanes) * tiles_->lanes; }
int64_t Gemm::slivers_per_block() const { return slivers_in(kRowBlock); }

// An even number, so that two threads have as many each.
int64_t Gemm::slivers_in(int64_t rows) const {
  const int64_t slivers = ceil_div(rows, tiles_->rows);
  return slivers > 1 ? ceil_div(slivers, 2) * 2 : slivers;
}

int64_t Gemm::first_row(int64_t sliver) const {
  const int64_t block = sliver / slivers_per_block();
  const int64_t first = block * kRowBlock;
  const int64_t rows = std::min(kRowBlock, shape_.m - first);
  return first + part(rows, slivers_in(rows), sliver % slivers_per_block());
}

void Gemm::run(const float* a, const float* b, float* c, const Epilogue& epilogue, void* scratch, const Sources& sources) const {
  if (shape_.m == 0 || shape_.n == 0) return;
  const Operands operands{a, b, c, epilogue, sources, static_cast<float*>(scratch)};
  if (split_) {
    split_->run(a, b, c, epilogue, scratch, sources);
  } else if (dots_) {
    run_dots(operands);
  } else {
    run_tiles(operands);
    return;
  }
  if (epilogue.observer.see) observe(epilogue.observer);
}

// Shows C afterwards, where the path's tasks do not go by blocks.
void Gemm::observe(const Observer& observer) const {
  ThreadPool::shared().parallel(ceil_div(shape_.m, kRowBlock), [&](int64_t block) {
    const int64_t first = block * kRowBlock;
    observer.see(observer.context, first, std::min(kRowBlock, shape_.m - first), 0, shape_.n);
  });
}

void Gemm::run_dots(const Operands& o) const {
  // By name, since Clang before 16 does not let lambdas capture structured bindings.
  const int64_t m = shape_.m, n = shape_.n, k = shape_.k, a_row = shape_.a_row, b_row = shape_.b_row, b_col = shape_.b_col,
                c_row = shape_.c_row;
  const float* b = o.b;
  int64_t line = b_col;
  if (pack_b_) {
    line = packed_line();
    packs_->pack_b(o.b, b_col, b_row, n, k, line, o.packed);
    b = o.packed;
  }
  const auto& dots = gemm_dot_table(isa_).dots;
  ThreadPool::shared().parallel(row_tasks_ * column_tasks_, [&](int64_t task) {
    const int64_t i = part(m, row_tasks_, task / column_tasks_), i_end = part(m, row_tasks_, task / column_tasks_ + 1);
    const int64_t j = part(n, column_tasks_, task % column_tasks_), j_end = part(n, column_tasks_, task % column_tasks_ + 1);
    Dots d{.rows = i_end - i,
           .columns = j_end - j,
           .k = k,
           .a = o.a + i * a_row,
           .a_row = a_row,
           .b = b + j * line,
           .b_col = line,
           .c = o.c + i * c_row + j,
           .c_row = c_row,
           .bias = o.epilogue.bias ? o.epilogue.bias + j : nullptr,
           .relu = o.epilogue.relu};
    if (options_.a == Made::no) {
      dots(d);
      return;
    }
    alignas(64) float rows_of_a[kSliverElements];
    const int64_t most = kSliverElements / k / 4 * 4;
    for (int64_t row = i; row < i_end; row += d.rows) {
      d.rows = std::min(most, i_end - row);
      o.sources.a.make(row, 0, d.rows, k, rows_of_a, k);
      d.a = rows_of_a;
      d.a_row = k;
      d.c = o.c + row * c_row + j;
      dots(d);
    }
  });
}

void Gemm::run_tiles(const Operands& o) const {
  int64_t p = 0;
  do {
    const Range inner{p, std::min(shape_.k, p + packed_inner_)};
    if (pack_b_ && !own_panels_) {
      const int64_t panels_per_task = 1 + 8192 / (panel_width() * std::max<int64_t>(1, inner.size()));
      ThreadPool::shared().parallel(ceil_div(panels_, panels_per_task), [&](int64_t task) {
        pack_panels(o, {task * panels_per_task, std::min(panels_, (task + 1) * panels_per_task)}, inner);
      });
    }
    ThreadPool::shared().parallel(row_tasks_ * column_tasks_, [&](int64_t task) {
      const int64_t row = task / column_tasks_, column = task % column_tasks_;
      const Range panels{part(panels_, column_tasks_, column), part(panels_, column_tasks_, column + 1)};
      if (own_panels_ && pack_b_) pack_panels(o, panels, inner);
      const int64_t unit = slivers_per_unit(), units = ceil_div(slivers_, unit);
      const Range slivers{part(units, row_tasks_, row) * unit, std::min(slivers_, part(units, row_tasks_, row + 1) * unit)};
      // Blocks that are observed are completed one by one.
      const int64_t step = options_.observed ? unit : slivers_;
      for (int64_t first = slivers.begin; first < slivers.end; first += step) {
        run_task(o, {first, std::min(slivers.end, first + step)}, panels, inner);
      }
    });
    p = inner.end;
  } while (p < shape_.k);
}

// Packed B: for each block of k all panels, one after another.
void Gemm::pack_panels(const Operands& o, Range panels, Range inner) const {
  const int64_t width = panel_width();
  for (int64_t panel = panels.begin; panel < panels.end; ++panel) {
    const int64_t j = panel * width;
    for (int64_t p = inner.begin; p < inner.end; p += inner_block_) {
      const int64_t length = std::min(inner_block_, inner.end - p);
      const int64_t columns = std::min(width, shape_.n - j);
      float* packed = o.packed + (p - inner.begin) * panels_ * width + panel * length * width;
      if (options_.b == Made::by_rows) {
        if (columns < width) std::memset(packed, 0, static_cast<size_t>(length * width) * sizeof(float));
        o.sources.b.make(p, j, length, columns, packed, width);
      } else {
        packs_->pack_b(o.b + p * shape_.b_row + j * shape_.b_col, shape_.b_row, shape_.b_col, length, columns, width, packed);
      }
    }
  }
}

void Gemm::run_task(const Operands& o, Range slivers, Range panels, Range inner) const {
  const auto& [m, n, k, a_row, a_col, b_row, b_col, c_row] = shape_;
  alignas(64) float sliver_of_a[kSliverElements];
  int64_t p = inner.begin;
  do {
    const int64_t length = std::min(inner_block_, inner.end - p);
    const bool last = p + length == k;
    for (int64_t group = panels.begin; group < panels.end; group += kPanelGroup) {
      const Range some{group, std::min(panels.end, group + kPanelGroup)};
      for (int64_t sliver = slivers.begin; sliver < slivers.end; ++sliver) {
        const int64_t i = first_row(sliver);
        const int64_t rows = (sliver + 1 == slivers_ ? m : first_row(sliver + 1)) - i;
        Tile tile{.k = length,
                  .a = o.a + i * a_row + p * a_col,
                  .a_row = a_row,
                  .a_col = a_col,
                  .b = nullptr,
                  .b_row = b_row,
                  .c = o.c + i * c_row,
                  .c_row = c_row,
                  .columns = 0,
                  .accumulate = p > 0,
                  .bias = last ? o.epilogue.bias : nullptr,
                  .relu = last && o.epilogue.relu};
        if (options_.a == Made::by_rows) {
          o.sources.a.make(i, p, rows, length, sliver_of_a, length);
          tile.a = sliver_of_a;
          tile.a_row = length;
        } else if (pack_a_) {
          if (options_.a == Made::by_columns) {
            o.sources.a.make(p, i, length, rows, sliver_of_a, rows);
          } else {
            packs_->pack_a(tile.a, a_row, a_col, rows, length, sliver_of_a);
          }
          tile.a = sliver_of_a;
          tile.a_row = 1;
          tile.a_col = rows;
        }
        const bool fetch = o.a && options_.a != Made::by_columns && a_col == 1 && sliver + 1 < slivers.end;
        const float* next = fetch ? o.a + (i + rows) * a_row + p : nullptr;
        run_sliver(o, tile, rows, some, p, inner, next);
      }
      if (last && o.epilogue.observer.see) {
        const int64_t row = first_row(slivers.begin), end = slivers.end == slivers_ ? m : first_row(slivers.end);
        const int64_t column = some.begin * panel_width();
        o.epilogue.observer.see(o.epilogue.observer.context, row, end - row, column, std::min(n, some.end * panel_width()) - column);
      }
    }
    p += length;
  } while (p < inner.end);
}

// All tiles of one sliver, left to right: as wide as registers allow, or as the panels are.
void Gemm::run_sliver(const Operands& o, Tile tile, int64_t rows, Range panels, int64_t p, Range inner, const float* next) const {
  const int64_t width = panel_width(), lanes = tiles_->lanes;
  const int64_t most = pack_b_ || own_panels_ ? tiles_->vectors : tiles_->most_vectors[rows];
  const int64_t end = std::min(shape_.n, panels.end * width);
  float* const c = tile.c;
  const float* const bias = tile.bias;
  // Each tile fetches its share of the sliver of A that comes next.
  const int64_t tiles = ceil_div(end - panels.begin * width, most * lanes);
  int64_t fetched = 0;
  for (int64_t j = panels.begin * width; j < end;) {
    if (next) {
      const int64_t rows_by_now = std::min(rows, fetched + ceil_div(rows, tiles));
      for (; fetched < rows_by_now; ++fetched) prefetch(next + fetched * shape_.a_row, tile.k);
    }
    int64_t vectors = most;
    while (vectors > 1 && (vectors - 1) * lanes >= end - j) vectors /= 2;
    tile.columns = std::min(vectors * lanes, end - j);
    tile.c = c + j;
    tile.bias = bias ? bias + j : nullptr;
    if (pack_b_) {
      tile.b = o.packed + (p - inner.begin) * panels_ * width + j * tile.k;
      tile.b_row = width;
    } else {
      tile.b = o.b + p * shape_.b_row + j;
    }
    tiles_->tile[rows][log2_of(vectors)](tile);
    j += tile.columns;
  }
}

}  // namespace flaxen::cpu
