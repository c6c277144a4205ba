// Windows over up to three spatial dimensions, as convolutions and pools see them: which positions a window covers, and which windows cover
// a position. Arrays are [batch, places..., channels], places row-major.
#pragma once

#include "cuda/launch.cuh"
#include "cuda/port.cuh"

namespace flaxen::cuda {

// FlaxenCudaWindows in 32 bits: check_windows has found that every sum and product of its members fits.
struct Windows {
  int size[3], windows[3], window[3], stride[3], low[3], dilation[3];
};

// An element's place in an array [batch, extent..., channels].
struct Place {
  int batch, at[3], channel;

  FLAXEN_DEVICE Place(uint32_t element, const int (&extent)[3], int channels) {
    const auto split = [&](int n) {
      const uint32_t next = element / static_cast<uint32_t>(n);
      const int rest = static_cast<int>(element - next * static_cast<uint32_t>(n));
      element = next;
      return rest;
    };
    channel = split(channels);
    at[2] = split(extent[2]);
    at[1] = split(extent[1]);
    at[0] = split(extent[0]);
    batch = static_cast<int>(element);
  }
};

// f(place, tap) for each position that the window `at` covers, in row-major order: its number among the positions, and in the window.
template <typename F>
FLAXEN_DEVICE void for_covered(const Windows& w, const int (&at)[3], F f) {
  for (int i = 0; i < w.window[0]; ++i) {
    const int p = at[0] * w.stride[0] - w.low[0] + i * w.dilation[0];
    if (p < 0 || p >= w.size[0]) continue;
    for (int j = 0; j < w.window[1]; ++j) {
      const int q = at[1] * w.stride[1] - w.low[1] + j * w.dilation[1];
      if (q < 0 || q >= w.size[1]) continue;
      for (int k = 0; k < w.window[2]; ++k) {
        const int r = at[2] * w.stride[2] - w.low[2] + k * w.dilation[2];
        if (r >= 0 && r < w.size[2]) f((p * w.size[1] + q) * w.size[2] + r, (i * w.window[1] + j) * w.window[2] + k);
      }
    }
  }
}

// The window along dimension d that covers position p with its element i, or -1.
FLAXEN_DEVICE int window_with(const Windows& w, int d, int p, int i) {
  const int offset = p + w.low[d] - i * w.dilation[d];
  const int window = offset / w.stride[d];
  return offset >= 0 && window * w.stride[d] == offset && window < w.windows[d] ? window : -1;
}

// f(window's place, tap) for each window that covers the position `at`, in the order of the taps.
template <typename F>
FLAXEN_DEVICE void for_covering(const Windows& w, const int (&at)[3], F f) {
  int window[3];
  for (int i = 0; i < w.window[0]; ++i) {
    window[0] = window_with(w, 0, at[0], i);
    if (window[0] < 0) continue;
    for (int j = 0; j < w.window[1]; ++j) {
      window[1] = window_with(w, 1, at[1], j);
      if (window[1] < 0) continue;
      for (int k = 0; k < w.window[2]; ++k) {
        window[2] = window_with(w, 2, at[2], k);
        if (window[2] >= 0) f(window, (i * w.window[1] + j) * w.window[2] + k);
      }
    }
  }
}

FLAXEN_DEVICE int number_of(const Windows& w, const int (&window)[3]) {
  return (window[0] * w.windows[1] + window[1]) * w.windows[2] + window[2];
}

// a * b where it is less than 2^31, else 2^31; neither is negative.
inline int64_t bounded(int64_t a, int64_t b) { return a > 0 && b >= (kMostElements + a - 1) / a ? kMostElements : a * b; }
inline int64_t bounded(int64_t a, const int64_t (&b)[3], int64_t c) { return bounded(bounded(bounded(bounded(a, b[0]), b[1]), b[2]), c); }

inline int check_windows(const FlaxenCudaWindows& w, Windows* to) {
  for (int d = 0; d < 3; ++d) {
    if (w.size[d] < 0 || w.windows[d] < 0 || w.low[d] < 0 || w.window[d] < 1 || w.stride[d] < 1 || w.dilation[d] < 1)
      return FLAXEN_CUDA_BAD_ARGUMENT;
    const int64_t reach = bounded(w.windows[d], w.stride[d]) + bounded(w.window[d], w.dilation[d]);
    if (w.size[d] >= kMostElements || w.low[d] >= kMostElements || reach >= kMostElements || w.size[d] + w.low[d] >= kMostElements)
      return FLAXEN_CUDA_TOO_LARGE;
    to->size[d] = static_cast<int>(w.size[d]);
    to->windows[d] = static_cast<int>(w.windows[d]);
    to->window[d] = static_cast<int>(w.window[d]);
    to->stride[d] = static_cast<int>(w.stride[d]);
    to->low[d] = static_cast<int>(w.low[d]);
    to->dilation[d] = static_cast<int>(w.dilation[d]);
  }
  return 0;
}

}  // namespace flaxen::cuda
