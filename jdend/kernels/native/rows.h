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

// Features that go through the first-level cache at once: of bytes as many as a vector has, of
// floats more, since memory likes longer runs better.
template <typename T>
constexpr int64_t kBlock = sizeof(T) == 1 ? 16 : 128;

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

// 16 columns of 16 rows, from `first` on, each column `stride` after the one before. Each round
// moves a bit of the row's number into that of the column; the fourth ends with all.
JDEND_INLINE void transpose_16x16(const uint8_t* const* rows, int64_t first, uint8_t* target,
                                  int64_t stride) {
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
  JDEND_UNROLL for (int i = 0; i < 16; ++i) __builtin_memcpy(target + i * stride, &a[i], 16);
}

// Features [first, first + count) of kTile rows, transposed to [count, kTile].
JDEND_INLINE void transpose_block(const uint8_t* const* rows, int64_t first, int64_t count,
                                  uint8_t* block) {
  if (count == 16) {
    transpose_16x16(rows, first, block, kTile);
    transpose_16x16(rows + 16, first, block + 16, kTile);
    return;
  }
  for (int64_t c = 0; c < count; ++c) {  // what follows a row may be nobody's
    for (int r = 0; r < kTile; ++r) block[c * kTile + r] = rows[r][first + c];
  }
}

JDEND_INLINE void transpose_block(const float* const* rows, int64_t first, int64_t count,
                                  float* block) {
  for (int64_t r = 0; r < kTile; r += 4) {
    const float *r0 = rows[r] + first, *r1 = rows[r + 1] + first;
    const float *r2 = rows[r + 2] + first, *r3 = rows[r + 3] + first;
    float* target = block + r;
    int64_t c = 0;
    for (; c + 4 <= count; c += 4, target += 4 * kTile) {
      transpose_4x4(load4(r0 + c), load4(r1 + c), load4(r2 + c), load4(r3 + c), target, kTile);
    }
    for (; c < count; ++c, target += kTile) {
      store4(target, Float4{r0[c], r1[c], r2[c], r3[c]});
    }
  }
}

// A block of `count` features from `first` on to the tile.
template <class Isa, typename T>
JDEND_INLINE void write_block(const T* block, int64_t first, int64_t count,
                              const Normalisation& by, float* tile) {
  for (int64_t c = 0; c < count; ++c) {
    const auto minus_offset = Isa::broadcast(-by.offset[(first + c) * by.offset_stride]);
    const auto scale = Isa::broadcast(by.scale[(first + c) * by.scale_stride]);
    const T* from = block + c * kTile;
    float* to = tile + (first + c) * kTile;
    JDEND_UNROLL for (int j = 0; j < kTile; j += Isa::kLanes) {
      Isa::store(to + j, Isa::multiply(Isa::add(Isa::load(from + j), minus_offset), scale));
    }
  }
}

// kTile rows [features] to one tile [features, kTile], zeros after the first `count` samples.
template <class Isa, typename T>
void pack_rows(const T* const* rows, int64_t count, int64_t features, const Normalisation& by,
               float* tile) {
  alignas(64) T block[kBlock<T> * kTile];
  for (int64_t first = 0; first < features; first += kBlock<T>) {
    const int64_t left = features - first, width = left < kBlock<T> ? left : kBlock<T>;
    transpose_block(rows, first, width, block);
    write_block<Isa>(block, first, width, by, tile);
  }
  for (int64_t c = 0; count < kTile && c < features; ++c) {
    for (int64_t j = count; j < kTile; ++j) tile[c * kTile + j] = 0.0f;
  }
}

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_ROWS_H_
