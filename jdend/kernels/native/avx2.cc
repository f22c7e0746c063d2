// AVX2 and FMA: built with -mavx2 -mfma, called only where the processor has both.
#include "layer.h"

#if defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>

#include "routines.h"

namespace jdend {
namespace {

struct Avx2 {
  using Vec = __m256;
  static constexpr int kLanes = 8, kChains = 2;
  static constexpr int kTileRows = 6, kTileVectors = 2;

  static JDEND_INLINE Vec zero() { return _mm256_setzero_ps(); }
  static JDEND_INLINE Vec load(const float* p) { return _mm256_loadu_ps(p); }
  static JDEND_INLINE Vec load(const uint8_t* p) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p));
    return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
  }
  static JDEND_INLINE void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }
  static JDEND_INLINE Vec broadcast(float value) { return _mm256_set1_ps(value); }
  static JDEND_INLINE Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static JDEND_INLINE Vec multiply(Vec a, Vec b) { return _mm256_mul_ps(a, b); }
  static JDEND_INLINE Vec multiply_add(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  static JDEND_INLINE Vec divide(Vec a, Vec b) { return _mm256_div_ps(a, b); }
  static JDEND_INLINE Vec square_root(Vec v) { return _mm256_sqrt_ps(v); }
  static JDEND_INLINE uint32_t negative(Vec v) {
    return static_cast<uint32_t>(_mm256_movemask_ps(_mm256_cmp_ps(v, zero(), _CMP_LT_OQ)));
  }
  static JDEND_INLINE Vec select(uint32_t bits, Vec if_set, Vec if_clear) {
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    const __m256i set = _mm256_and_si256(_mm256_set1_epi32(static_cast<int>(bits)), lane);
    return _mm256_blendv_ps(if_clear, if_set, _mm256_castsi256_ps(_mm256_cmpeq_epi32(set, lane)));
  }
  static JDEND_INLINE Vec sum_each(const Vec (&v)[kLanes]) {
    const Vec low = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    const Vec high = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
    return add(_mm256_permute2f128_ps(low, high, 0x20), _mm256_permute2f128_ps(low, high, 0x31));
  }
};

constexpr Routines kRoutines = Kernel<Avx2>::routines("avx2");

}  // namespace

const Routines* const kAvx2Routines = &kRoutines;

}  // namespace jdend

#else

namespace jdend {
const Routines* const kAvx2Routines = nullptr;
}

#endif
