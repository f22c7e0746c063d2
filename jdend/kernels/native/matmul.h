// Products of small matrices, written once over an instruction set's vector type.
//
// Beside what routines.h asks for, `Isa` gives kTileRows and kTileVectors, the rows and vectors of
// a tile of the result whose sums are held in registers.
//
// A sum has one accumulator and runs over k in order. So it is the same to the last bit wherever
// its row and column lie, and zeros that are appended to either matrix do not change it.
//
// In an unnamed namespace for the reason given in routines.h.
#ifndef JDEND_KERNELS_NATIVE_MATMUL_H_
#define JDEND_KERNELS_NATIVE_MATMUL_H_

#include <cstdint>

#include "product.h"
#include "transpose.h"

namespace jdend {
namespace {

template <class Isa>
struct Matmul {
  using Vec = typename Isa::Vec;
  static constexpr int kLanes = Isa::kLanes;
  static constexpr int kPanel = Isa::kTileVectors * kLanes;

  // Columns of b, as tiles read them: [K, stride], of which the first `columns` are the product's.
  struct Panel {
    const float* b;
    int64_t stride, first, columns;
  };

  static int64_t scratch(const Product& product) { return product.k * kPanel; }

  // Rows [first, last) of c.
  static void rows(const Product& product, int64_t first, int64_t last, float* scratch) {
    // From the last panel to the first: see `store`.
    for (int64_t column = (product.n - 1) / kPanel * kPanel; column >= 0; column -= kPanel) {
      const Panel panel = panel_from(product, column, scratch);
      tiles<Isa::kTileVectors>(product, panel, first, last);
    }
  }

 private:
  static Panel panel_from(const Product& product, int64_t column, float* scratch) {
    const int64_t left = product.n - column, columns = left < kPanel ? left : kPanel;
    const int64_t row_length = product.b_transposed ? product.k : product.n;
    const float* b = product.b + column * (product.b_transposed ? product.k : 1);
    if (columns == kPanel && !product.b_transposed) return Panel{b, row_length, column, columns};
    const int64_t vectors = (columns + kLanes - 1) / kLanes, stride = vectors * kLanes;
    if (product.b_transposed) {
      // The last vector's lanes beyond the last column are read, too.
      for (int64_t k = 0; k < product.k; ++k) {
        Isa::store(scratch + (k + 1) * stride - kLanes, Isa::zero());
      }
      transpose(b, row_length, columns, product.k, scratch, stride);
    } else {
      copy_rows(b, row_length, product.k, columns, vectors, scratch);
    }
    return Panel{scratch, stride, column, columns};
  }

  // `rows` rows of `columns` floats, to as many of whole vectors: those of all but the last rows are
  // filled up with what follows.
  static void copy_rows(const float* source, int64_t source_stride, int64_t rows, int64_t columns,
                        int64_t vectors, float* target) {
    if (rows == 0) return;
    const float* end = source + (rows - 1) * source_stride + columns;
    for (int64_t r = 0; r < rows; ++r, source += source_stride, target += vectors * kLanes) {
      if (end - source >= vectors * kLanes) {
        for (int64_t v = 0; v < vectors; ++v) {
          Isa::store(target + v * kLanes, Isa::load(source + v * kLanes));
        }
        continue;
      }
      Isa::store(target + (vectors - 1) * kLanes, Isa::zero());
      for (int64_t i = 0; i < columns; ++i) target[i] = source[i];
    }
  }

  // With as few vectors as hold the panel's columns.
  template <int kVectors>
  static void tiles(const Product& product, const Panel& panel, int64_t first, int64_t last) {
    if constexpr (kVectors > 1) {
      if (panel.columns <= (kVectors - 1) * kLanes) {
        return tiles<kVectors - 1>(product, panel, first, last);
      }
    }
    int64_t row = first;
    for (; row + Isa::kTileRows <= last; row += Isa::kTileRows) {
      tile<Isa::kTileRows, kVectors>(product, panel, row, last);
    }
    last_tile<Isa::kTileRows - 1, kVectors>(product, panel, row, last);
  }

  // The rows that are left, at most kRows.
  template <int kRows, int kVectors>
  static void last_tile(const Product& product, const Panel& panel, int64_t row, int64_t last) {
    if constexpr (kRows > 0) {
      if (last - row == kRows) return tile<kRows, kVectors>(product, panel, row, last);
      last_tile<kRows - 1, kVectors>(product, panel, row, last);
    }
  }

  template <int kRows, int kVectors>
  static void tile(const Product& product, const Panel& panel, int64_t row, int64_t last) {
    const int64_t to_next_row = product.a_transposed ? 1 : product.k;
    const int64_t to_next_k = product.a_transposed ? product.m : 1;
    const float* a = product.a + row * to_next_row;
    const float* b = panel.b;
    Vec sums[kRows][kVectors];
    JDEND_UNROLL for (int r = 0; r < kRows; ++r) {
      JDEND_UNROLL for (int v = 0; v < kVectors; ++v) sums[r][v] = Isa::zero();
    }
    for (int64_t k = 0; k < product.k; ++k) {
      Vec of_b[kVectors];
      JDEND_UNROLL for (int v = 0; v < kVectors; ++v) of_b[v] = Isa::load(b + v * kLanes);
      JDEND_UNROLL for (int r = 0; r < kRows; ++r) {
        const Vec of_a = Isa::broadcast(a[r * to_next_row]);
        JDEND_UNROLL for (int v = 0; v < kVectors; ++v) {
          sums[r][v] = Isa::multiply_add(of_a, of_b[v], sums[r][v]);
        }
      }
      a += to_next_k;
      b += panel.stride;
    }
    float* c = product.c + row * product.n + panel.first;
    const float* end = product.c + last * product.n;
    JDEND_UNROLL for (int r = 0; r < kRows; ++r) {
      store<kVectors>(sums[r], c + r * product.n, panel.columns, end);
    }
  }

  // One row of a tile. What whole vectors write beyond the last column lies in the rows that
  // follow, which are stored later: rows are in order, and the last panel comes first. At the end
  // of the rows nothing may be written, since what follows may be another thread's.
  template <int kVectors>
  static JDEND_INLINE void store(const Vec (&sums)[kVectors], float* c, int64_t columns,
                                 const float* end) {
    if (end - c >= kVectors * kLanes) {
      JDEND_UNROLL for (int v = 0; v < kVectors; ++v) Isa::store(c + v * kLanes, sums[v]);
      return;
    }
    float row[kVectors * kLanes];
    JDEND_UNROLL for (int v = 0; v < kVectors; ++v) Isa::store(row + v * kLanes, sums[v]);
    for (int64_t i = 0; i < columns; ++i) c[i] = row[i];
  }
};

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_MATMUL_H_
