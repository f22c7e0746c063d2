// AVX-512F's vectors, as routines.h asks for them. Included only where the compiler targets it.
//
// In an unnamed namespace for the reason given in routines.h.
#ifndef JDEND_KERNELS_NATIVE_AVX512_H_
#define JDEND_KERNELS_NATIVE_AVX512_H_

#include <immintrin.h>

#include "routines.h"

namespace jdend {
namespace {

struct Avx512 {
  using Vec = __m512;
  static constexpr int kLanes = 16, kChains = 2;
  static constexpr int kTileRows = 8, kTileVectors = 2;

  static JDEND_INLINE Vec zero() { return _mm512_setzero_ps(); }
  static JDEND_INLINE Vec load(const float* p) { return _mm512_loadu_ps(p); }
  static JDEND_INLINE Vec load(const uint8_t* p) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes));
  }
  static JDEND_INLINE void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
  static JDEND_INLINE Vec broadcast(float value) { return _mm512_set1_ps(value); }
  static JDEND_INLINE Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static JDEND_INLINE Vec multiply(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
  static JDEND_INLINE Vec multiply_add(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  static JDEND_INLINE Vec divide(Vec a, Vec b) { return _mm512_div_ps(a, b); }
  static JDEND_INLINE Vec square_root(Vec v) { return _mm512_sqrt_ps(v); }
  static JDEND_INLINE uint32_t negative(Vec v) {
    return _mm512_cmp_ps_mask(v, zero(), _CMP_LT_OQ);
  }
  static JDEND_INLINE Vec select(uint32_t bits, Vec if_set, Vec if_clear) {
    return _mm512_mask_blend_ps(static_cast<__mmask16>(bits), if_clear, if_set);
  }

  // A tree: each level adds pairs of vectors, their lanes interleaved in two ways, and so halves
  // their number. kOrder makes lane i of the last one the sum of v[i].
  static JDEND_INLINE Vec sum_each(const Vec (&v)[kLanes]) {
    Vec by_8[8], by_4[4], by_2[2];
    JDEND_UNROLL for (int i = 0; i < 8; ++i) {
      const Vec a = v[kOrder[i]], b = v[kOrder[i + 8]];
      by_8[i] = add(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
    }
    JDEND_UNROLL for (int i = 0; i < 4; ++i) {
      by_4[i] = add(_mm512_shuffle_f32x4(by_8[i], by_8[i + 4], 0x88),
                    _mm512_shuffle_f32x4(by_8[i], by_8[i + 4], 0xdd));
    }
    JDEND_UNROLL for (int i = 0; i < 2; ++i) {
      by_2[i] = add(_mm512_shuffle_ps(by_4[i], by_4[i + 2], 0x44),
                    _mm512_shuffle_ps(by_4[i], by_4[i + 2], 0xee));
    }
    return add(_mm512_shuffle_ps(by_2[0], by_2[1], 0x88),
               _mm512_shuffle_ps(by_2[0], by_2[1], 0xdd));
  }

  static constexpr int kOrder[16] = {0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15};
};

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_AVX512_H_
