// Rows of a data set to tiles: gathered, normalised and transposed in one pass.
//
// Bytes are transposed as bytes, a quarter of the work of floats, and become floats as they are
// written: (x - offset) * scale, rounded twice, to the bits that JAX gives.
//
// In an unnamed namespace for the reason given in routines.h.
#ifndef JDEND_KERNELS_NATIVE_ROWS_H_
#define JDEND_KERNELS_NATIVE_ROWS_H_

#include <cstdint>

#include "layer.h"
#include "transpose.h"

namespace jdend {
namespace {

// Features that go through the first-level cache at once.
constexpr int kBlock = 16;

typedef uint8_t Byte16 __attribute__((vector_size(16)));

JDEND_INLINE Byte16 interleave_low(Byte16 a, Byte16 b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#else
  return __builtin_shuffle(a, b,
                           Byte16{0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23});
#endif
}

JDEND_INLINE Byte16 interleave_high(Byte16 a, Byte16 b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                 31);
#else
  return __builtin_shuffle(
      a, b, Byte16{8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31});
#endif
}

// Each round moves a bit of the row's number into that of the column; the fourth ends with all.
JDEND_INLINE void transpose_16x16(const uint8_t* const* rows, int64_t first, uint8_t* target) {
  Byte16 a[16], b[16];
  JDEND_UNROLL for (int i = 0; i < 16; ++i) __builtin_memcpy(&a[i], rows[i] + first, 16);
  for (int round = 0; round < 2; ++round) {
    JDEND_UNROLL for (int i = 0; i < 8; ++i) {
      b[2 * i] = interleave_low(a[i], a[i + 8]);
      b[2 * i + 1] = interleave_high(a[i], a[i + 8]);
    }
    JDEND_UNROLL for (int i = 0; i < 8; ++i) {
      a[2 * i] = interleave_low(b[i], b[i + 8]);
      a[2 * i + 1] = interleave_high(b[i], b[i + 8]);
    }
  }
  JDEND_UNROLL for (int i = 0; i < 16; ++i) __builtin_memcpy(target + i * kTile, &a[i], 16);
}

// Features [first, first + kBlock) of kTile rows, transposed.
JDEND_INLINE void transpose_block(const uint8_t* const* rows, int64_t first, uint8_t* block) {
  transpose_16x16(rows, first, block);
  transpose_16x16(rows + 16, first, block + 16);
}

JDEND_INLINE void transpose_block(const float* const* rows, int64_t first, float* block) {
  for (int64_t r = 0; r < kTile; r += 4) {
    JDEND_UNROLL for (int64_t c = 0; c < kBlock; c += 4) {
      transpose_4x4(load4(rows[r] + first + c), load4(rows[r + 1] + first + c),
                    load4(rows[r + 2] + first + c), load4(rows[r + 3] + first + c),
                    block + c * kTile + r, kTile);
    }
  }
}

// A block of `count` features from `first` on to the tile.
template <typename T>
JDEND_INLINE void write_block(const T* block, int64_t first, int64_t count,
                              const Normalisation& by, float* tile) {
  for (int64_t c = 0; c < count; ++c) {
    const float offset = by.offset[(first + c) * by.offset_stride];
    const float scale = by.scale[(first + c) * by.scale_stride];
    const T* from = block + c * kTile;
    float* to = tile + (first + c) * kTile;
    for (int j = 0; j < kTile; ++j) to[j] = (static_cast<float>(from[j]) - offset) * scale;
  }
}

// kTile rows [features] to one tile [features, kTile], zeros after the first `count` samples.
template <typename T>
void pack_rows(const T* const* rows, int64_t count, int64_t features, const Normalisation& by,
               float* tile) {
  alignas(64) T block[kBlock * kTile];
  if (features < kBlock) {
    T whole[kTile][kBlock] = {};
    const T* wide[kTile];
    for (int r = 0; r < kTile; ++r) {
      wide[r] = whole[r];
      for (int64_t c = 0; c < features; ++c) whole[r][c] = rows[r][c];
    }
    transpose_block(wide, 0, block);
    write_block(block, 0, features, by, tile);
  } else {
    for (int64_t first = 0; first < features; first += kBlock) {
      // The last block ends with the features, and does some of the one before it again.
      const int64_t begin = first + kBlock <= features ? first : features - kBlock;
      transpose_block(rows, begin, block);
      write_block(block, begin, kBlock, by, tile);
    }
  }
  for (int64_t c = 0; count < kTile && c < features; ++c) {
    for (int64_t j = count; j < kTile; ++j) tile[c * kTile + j] = 0.0f;
  }
}

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_ROWS_H_
