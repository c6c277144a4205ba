#include "simt/visible_devices.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <numeric>

namespace flaxen::simt {

std::vector<int> visible_devices(const char* text, int devices) {
  std::vector<int> visible;
  if (!text) {
    visible.resize(static_cast<size_t>(devices));
    std::iota(visible.begin(), visible.end(), 0);
    return visible;
  }
  const char* const end = text + std::strlen(text);
  for (const char* at = text; at < end;) {
    while (*at == ' ') ++at;
    int device = -1;
    const auto [next, error] = std::from_chars(at, end, device);
    const bool is_index = error == std::errc{} && (next == end || *next == ',') && device >= 0 && device < devices;
    if (!is_index || std::find(visible.begin(), visible.end(), device) != visible.end()) break;
    visible.push_back(device);
    at = next == end ? end : next + 1;
  }
  return visible;
}

}  // namespace flaxen::simt
