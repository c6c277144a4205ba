#include <algorithm>
#include <cstring>

#include "cpu/gemm.h"
#include "cpu/gemm_blocking.h"
#include "cpu/gemm_split.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kCacheLine = 16;  // elements

// Towards the second-level cache.
void prefetch(const float* p, int64_t size) {
#if defined(__GNUC__)
  for (int64_t i = 0; i < size; i += kCacheLine) __builtin_prefetch(p + i, 0, 2);
#endif
}

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
      if (batches_) return run_batches(o, slivers, inner);
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

// What all tiles of a sliver have in common for a block of k, A being where it lies.
Tile Gemm::tile_of(const Operands& o, int64_t sliver, Range inner) const {
  const int64_t i = first_row(sliver);
  const bool last = inner.end == shape_.k;
  return {.k = inner.size(),
          .a = o.a + i * shape_.a_row + inner.begin * shape_.a_col,
          .a_row = shape_.a_row,
          .a_col = shape_.a_col,
          .b = nullptr,
          .b_row = shape_.b_row,
          .c = o.c + i * shape_.c_row,
          .c_row = shape_.c_row,
          .columns = 0,
          .accumulate = inner.begin > 0,
          .bias = last ? o.epilogue.bias : nullptr,
          .relu = last && o.epilogue.relu};
}

void Gemm::run_task(const Operands& o, Range slivers, Range panels, Range inner) const {
  const auto& [m, n, k, a_row, a_col, b_row, b_col, c_row] = shape_;
  alignas(64) float sliver_of_a[kSliverElements];
  int64_t p = inner.begin;
  do {
    const int64_t length = std::min(inner_block_, inner.end - p);
    const bool last = p + length == k;
    const int64_t panels_at_a_time = kPanelGroup * kInnerBlock / std::max<int64_t>(1, length);
    for (int64_t group = panels.begin; group < panels.end; group += panels_at_a_time) {
      const Range some{group, std::min(panels.end, group + panels_at_a_time)};
      for (int64_t sliver = slivers.begin; sliver < slivers.end; ++sliver) {
        const int64_t i = first_row(sliver), rows = rows_of(sliver);
        Tile tile = tile_of(o, sliver, {p, p + length});
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

// A batch of slivers stays in the second-level cache, and each panel of B in the first while they go through it.
void Gemm::run_batches(const Operands& o, Range slivers, Range inner) const {
  alignas(64) float packed[kBatchRows * kInnerBlock + 16];
  Tile tiles[kBatchRows];
  const int64_t most = kBatchRows / tiles_->rows;
  int64_t p = inner.begin;
  do {
    const Range block{p, std::min(inner.end, p + inner_block_)};
    for (int64_t first = slivers.begin; first < slivers.end; first += most) {
      const int64_t count = std::min(most, slivers.end - first);
      for (int64_t s = 0; s < count; ++s) {  // in order, since packing one may write past its end
        const int64_t rows = rows_of(first + s);
        float* const to = packed + s * tiles_->rows * block.size();
        tiles[s] = tile_of(o, first + s, block);
        packs_->pack_a(tiles[s].a, shape_.a_row, shape_.a_col, rows, block.size(), to);
        tiles[s].a = to;
        tiles[s].a_row = 1;
        tiles[s].a_col = rows;
      }
      for (int64_t panel = 0; panel < panels_; ++panel) {
        for (int64_t s = 0; s < count; ++s) run_sliver(o, tiles[s], tiles[s].a_col, {panel, panel + 1}, p, inner, nullptr);
      }
    }
    p = block.end;
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
