// What the simulator found wrong. A correct kernel leaves no report.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace flaxen::simt {

struct Report {
  std::string kind;  // "race", "bounds", "uninitialised", "misaligned", "async-copy", "barrier", "collective", "mma", "deadlock", "runtime"
  std::string text;
  int count;
};

// Equal reports are counted, not repeated; past a hundred different ones new ones are dropped.
class Reports {
 public:
  void add(const std::string& kind, const std::string& text) {
    for (Report& r : list_) {
      if (r.kind == kind && r.text == text) {
        ++r.count;
        return;
      }
    }
    if (list_.size() < 100) list_.push_back({kind, text, 1});
  }
  const std::vector<Report>& list() const { return list_; }
  bool empty() const { return list_.empty(); }
  void clear() { list_.clear(); }

 private:
  std::vector<Report> list_;
};

inline Reports& reports() {
  static Reports all;
  return all;
}

}  // namespace flaxen::simt
