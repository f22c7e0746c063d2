// NEON, which every 64-bit ARM processor has.
#include "layer.h"

#if defined(__aarch64__)
#include <arm_neon.h>

#include "routines.h"

namespace jdend {
namespace {

struct Neon {
  using Vec = float32x4_t;
  static constexpr int kLanes = 4, kChains = 1;
  static constexpr int kTileRows = 6, kTileVectors = 4;

  static JDEND_INLINE Vec zero() { return vdupq_n_f32(0.0f); }
  static JDEND_INLINE Vec load(const float* p) { return vld1q_f32(p); }
  static JDEND_INLINE Vec load(const uint8_t* p) {
    uint32_t bytes;
    __builtin_memcpy(&bytes, p, sizeof(bytes));
    return vcvtq_f32_u32(vmovl_u16(vget_low_u16(vmovl_u8(vcreate_u8(bytes)))));
  }
  static JDEND_INLINE void store(float* p, Vec v) { vst1q_f32(p, v); }
  static JDEND_INLINE Vec broadcast(float value) { return vdupq_n_f32(value); }
  static JDEND_INLINE Vec add(Vec a, Vec b) { return vaddq_f32(a, b); }
  static JDEND_INLINE Vec multiply(Vec a, Vec b) { return vmulq_f32(a, b); }
  static JDEND_INLINE Vec multiply_add(Vec a, Vec b, Vec c) { return vfmaq_f32(c, a, b); }
  static JDEND_INLINE Vec divide(Vec a, Vec b) { return vdivq_f32(a, b); }
  static JDEND_INLINE Vec square_root(Vec v) { return vsqrtq_f32(v); }
  static JDEND_INLINE uint32_t negative(Vec v) {
    return vaddvq_u32(vandq_u32(vcltzq_f32(v), lane_bits()));
  }
  static JDEND_INLINE Vec select(uint32_t bits, Vec if_set, Vec if_clear) {
    return vbslq_f32(vtstq_u32(vdupq_n_u32(bits), lane_bits()), if_set, if_clear);
  }
  static JDEND_INLINE Vec sum_each(const Vec (&v)[kLanes]) {
    return vpaddq_f32(vpaddq_f32(v[0], v[1]), vpaddq_f32(v[2], v[3]));
  }

  static JDEND_INLINE uint32x4_t lane_bits() {
    const uint32_t bits[4] = {1, 2, 4, 8};
    return vld1q_u32(bits);
  }
};

constexpr Routines kRoutines = Kernel<Neon>::routines("neon");

}  // namespace

const Routines* const kNeonRoutines = &kRoutines;

}  // namespace jdend

#else

namespace jdend {
const Routines* const kNeonRoutines = nullptr;
}

#endif
