// The inner loops of matrix products, one table of them for each instruction set.
#pragma once

#include <cstdint>

#include "cpu/isa_table.h"

namespace flaxen::cpu {

// A tile of C = A * B: rows x columns, held in registers while k runs. A is read element by element, B in vectors along its rows.
struct Tile {
  int64_t k;
  const float* a;
  int64_t a_row, a_col;
  const float* b;  // columns adjacent
  int64_t b_row;
  float* c;  // columns adjacent
  int64_t c_row;
  int64_t columns;    // 1 .. the kernel's width
  bool accumulate;    // add to what C holds
  const float* bias;  // one a column, or null
  bool relu;
};

constexpr int kMostTileRows = 14;
constexpr int kTileWidths = 4;  // of 1, 2, 4 and 8 vectors

struct GemmTileTable {
  int lanes;
  int rows;                                                   // the tallest tile
  int vectors;                                                // its width
  int most_vectors[kMostTileRows + 1];                        // the widest tile of so many rows
  void (*tile[kMostTileRows + 1][kTileWidths])(const Tile&);  // [rows][log2 of the width in vectors]
};
FLAXEN_ISA_TABLES(GemmTileTable, gemm_tile_table)

// Packed copies, in the order in which a tile reads them.
struct GemmPackTable {
  // packed[p * rows + i] = a(i, p); rows is at most a tile's. May write up to a vector past the end.
  void (*pack_a)(const float* a, int64_t a_row, int64_t a_col, int64_t rows, int64_t k, float* packed);
  // packed[p * width + j] = b(p, j), and 0 for columns <= j < width, a multiple of the lanes.
  void (*pack_b)(const float* b, int64_t b_row, int64_t b_col, int64_t k, int64_t columns, int64_t width, float* packed);
};
FLAXEN_ISA_TABLES(GemmPackTable, gemm_pack_table)

// Products of rows of A and columns of B that both lie along k, with vectors along k: for C of few rows or few columns.
struct Dots {
  int64_t rows, columns, k;
  const float* a;
  int64_t a_row;
  const float* b;
  int64_t b_col;
  float* c;
  int64_t c_row;
  const float* bias;
  bool relu;
};
struct GemmDotTable {
  void (*dots)(const Dots&);
};
FLAXEN_ISA_TABLES(GemmDotTable, gemm_dot_table)

}  // namespace flaxen::cpu
