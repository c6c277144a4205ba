#include "cpu/gemm.h"

#include <algorithm>

#include "cpu/gemm_blocking.h"
#include "cpu/gemm_split.h"
#include "runtime/thread_pool.h"

namespace flaxen::cpu {

namespace {

constexpr int64_t kPackedElements = int64_t{4} << 20;  // what is packed of B at a time, if that is not too little
constexpr int64_t kSmallA = 512 * 1024;
constexpr int64_t kSmallC = 512 * 1024;
constexpr int64_t kPackedForSmallC = 256 * 1024;
constexpr int64_t kPackedForPart = 64 * 1024;  // by one thread, beside A and C in its second-level cache
constexpr int64_t kTinyB = 4096, kSmallB = 16 * 1024;
constexpr int64_t kFewRows = 1024, kShortInner = 32;
constexpr int64_t kStreamedElements = 16 * 1024;
constexpr int64_t kFirstLevelPanel = 6 * 1024;  // elements of B that stay in the first-level cache beside a sliver of A
constexpr int64_t kSharedPanels = 512 * 1024;   // and so many that the last-level cache has for each batch of A anew
constexpr int64_t kManyRows = 512;
constexpr int64_t kTaskProducts = 100'000;  // about a microsecond: what is worth handing to another thread
constexpr int64_t kMostTasks = 32;

// So many that two or four threads have as many each.
int64_t tasks_for(double products) {
  const auto tasks = static_cast<int64_t>(std::min<double>(kMostTasks, products / kTaskProducts));
  return tasks < 4 ? std::clamp<int64_t>(tasks, 1, 2) : ceil_div(tasks, 4) * 4;
}

}  // namespace

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
  const int64_t tasks = options.threaded ? tasks_for(products) : 1;
  // Vectors along k where C is too narrow for vectors along its rows.
  const bool by_rows = options.a == Made::by_rows ? 4 * k <= kSliverElements : options.a == Made::no && a_col == 1;
  dots_ = options.b == Made::no && by_rows && k >= 2 * tiles_->lanes &&
          ((b_row == 1 && m <= 4) || (n <= tiles_->lanes * 3 / 4 && (b_row == 1 || m >= 32)));
  if (dots_) {
    plan_dots(tasks);
  } else {
    plan_tiles(tasks);
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

  // A row-major A is read in place as fast, if it comes from the second-level cache and its rows do not all fall on the same cache sets.
  const bool in_place = a_col == 1 && m * k <= kSmallA && a_row % 1024 != 0;
  // A batch of slivers is packed once for all panels, which come to it one by one.
  batches_ = options_.threaded && !options_.observed && !small && !in_place && options_.a == Made::no && pack_b_ && panels_ > 1 &&
             m >= kManyRows && width * inner_block_ <= kFirstLevelPanel && n * inner_block_ <= kSharedPanels;
  if (batches_) {
    row_tasks_ = std::min(tasks, ceil_div(slivers_, kBatchRows / tiles_->rows));
  } else if (small) {
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
  pack_a_ = batches_ || options_.a != Made::no || (!in_place && panels_ / std::max<int64_t>(1, column_tasks_) >= 4);
}

std::string Gemm::note() const {
  const auto number = [](const char* name, int64_t x) { return std::string(" ") + name + std::to_string(x); };
  if (split_) return split_->note();
  std::string text = std::string("gemm ") + name_of(isa_);
  if (dots_) return text + " dots" + (pack_b_ ? " packed b" : "") + number("tasks", row_tasks_ * column_tasks_);
  text += number("mr", tiles_->rows) + number("nr", panel_width()) + number("kc", inner_block_);
  if (pack_a_ || pack_b_) text += std::string(" packed ") + (pack_a_ ? "a" : "") + (pack_b_ ? "b" : "") + (batches_ ? " in batches" : "");
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

int64_t Gemm::rows_of(int64_t sliver) const { return (sliver + 1 == slivers_ ? shape_.m : first_row(sliver + 1)) - first_row(sliver); }

}  // namespace flaxen::cpu
