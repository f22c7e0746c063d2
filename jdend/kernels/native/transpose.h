// Transposition by blocks of four, in the compilers' own vectors: the same for all processors.
//
// In an unnamed namespace for the reason given in routines.h.
#ifndef JDEND_KERNELS_NATIVE_TRANSPOSE_H_
#define JDEND_KERNELS_NATIVE_TRANSPOSE_H_

#include <cstdint>

#if defined(__clang__)
#define JDEND_UNROLL _Pragma("clang loop unroll(full)")
#else
#define JDEND_UNROLL _Pragma("GCC unroll 32")
#endif
#define JDEND_INLINE inline __attribute__((always_inline))

namespace jdend {
namespace {

typedef float Float4 __attribute__((vector_size(16)));
typedef int32_t Int4 __attribute__((vector_size(16)));

JDEND_INLINE Float4 load4(const float* p) {
  Float4 v;
  __builtin_memcpy(&v, p, sizeof(v));
  return v;
}

JDEND_INLINE void store4(float* p, Float4 v) { __builtin_memcpy(p, &v, sizeof(v)); }

template <int A, int B, int C, int D>
JDEND_INLINE Float4 shuffle4(Float4 a, Float4 b) {
#if defined(__clang__)
  return __builtin_shufflevector(a, b, A, B, C, D);
#else
  return __builtin_shuffle(a, b, Int4{A, B, C, D});
#endif
}

// Four rows of four to four columns, `stride` apart.
JDEND_INLINE void transpose_4x4(Float4 r0, Float4 r1, Float4 r2, Float4 r3, float* target,
                                int64_t stride) {
  const Float4 low01 = shuffle4<0, 4, 1, 5>(r0, r1), high01 = shuffle4<2, 6, 3, 7>(r0, r1);
  const Float4 low23 = shuffle4<0, 4, 1, 5>(r2, r3), high23 = shuffle4<2, 6, 3, 7>(r2, r3);
  store4(target, shuffle4<0, 1, 4, 5>(low01, low23));
  store4(target + stride, shuffle4<2, 3, 6, 7>(low01, low23));
  store4(target + 2 * stride, shuffle4<0, 1, 4, 5>(high01, high23));
  store4(target + 3 * stride, shuffle4<2, 3, 6, 7>(high01, high23));
}

// target[c, r] = source[r, c].
void transpose(const float* source, int64_t source_stride, int64_t rows, int64_t columns,
               float* target, int64_t target_stride) {
  const int64_t whole_rows = rows & ~int64_t{3}, whole_columns = columns & ~int64_t{3};
  for (int64_t c = 0; c < whole_columns; c += 4) {
    for (int64_t r = 0; r < whole_rows; r += 4) {
      const float* s = source + r * source_stride + c;
      float* t = target + c * target_stride + r;
      transpose_4x4(load4(s), load4(s + source_stride), load4(s + 2 * source_stride),
                    load4(s + 3 * source_stride), t, target_stride);
    }
    for (int64_t r = whole_rows; r < rows; ++r) {
      for (int64_t i = c; i < c + 4; ++i) {
        target[i * target_stride + r] = source[r * source_stride + i];
      }
    }
  }
  for (int64_t c = whole_columns; c < columns; ++c) {
    for (int64_t r = 0; r < rows; ++r) {
      target[c * target_stride + r] = source[r * source_stride + c];
    }
  }
}

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_TRANSPOSE_H_
