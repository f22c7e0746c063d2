// Any processor: four floats at a time, by the compiler's own vectors.
#include "routines.h"

namespace jdend {
namespace {

struct Plain {
  using Vec = Float4;
  static constexpr int kLanes = 4, kChains = 1;
  static constexpr int kTileRows = 4, kTileVectors = 2;

  static JDEND_INLINE Vec zero() { return Vec{}; }
  static JDEND_INLINE Vec load(const float* p) { return load4(p); }
  static JDEND_INLINE Vec load(const uint8_t* p) {
    int32_t bytes;
    __builtin_memcpy(&bytes, p, sizeof(bytes));
    const Byte16 zeros{}, four = reinterpret_cast<Byte16>(Int4{bytes});
    const Byte16 wide = interleave_low(interleave_low(four, zeros), zeros);
    return __builtin_convertvector(reinterpret_cast<Int4>(wide), Vec);
  }
  static JDEND_INLINE void store(float* p, Vec v) { store4(p, v); }
  static JDEND_INLINE Vec broadcast(float value) { return Vec{value, value, value, value}; }
  static JDEND_INLINE Vec add(Vec a, Vec b) { return a + b; }
  static JDEND_INLINE Vec multiply(Vec a, Vec b) { return a * b; }
  static JDEND_INLINE Vec multiply_add(Vec a, Vec b, Vec c) { return a * b + c; }
  static JDEND_INLINE Vec divide(Vec a, Vec b) { return a / b; }
  static JDEND_INLINE Vec square_root(Vec v) {
    return Vec{__builtin_sqrtf(v[0]), __builtin_sqrtf(v[1]), __builtin_sqrtf(v[2]),
               __builtin_sqrtf(v[3])};
  }
  static JDEND_INLINE uint32_t negative(Vec v) {
    const Int4 bits = (v < zero()) & lane_bits();
    return static_cast<uint32_t>(bits[0] | bits[1] | bits[2] | bits[3]);
  }
  static JDEND_INLINE Vec select(uint32_t bits, Vec if_set, Vec if_clear) {
    const int32_t all = static_cast<int32_t>(bits);
    const Int4 set = (Int4{all, all, all, all} & lane_bits()) == lane_bits();
    return reinterpret_cast<Vec>((set & reinterpret_cast<Int4>(if_set)) |
                                 (~set & reinterpret_cast<Int4>(if_clear)));
  }
  static JDEND_INLINE Int4 lane_bits() { return Int4{1, 2, 4, 8}; }
  static JDEND_INLINE Vec sum_each(const Vec (&v)[kLanes]) {
    const Vec a = shuffle4<0, 4, 1, 5>(v[0], v[1]) + shuffle4<2, 6, 3, 7>(v[0], v[1]);
    const Vec b = shuffle4<0, 4, 1, 5>(v[2], v[3]) + shuffle4<2, 6, 3, 7>(v[2], v[3]);
    return shuffle4<0, 1, 4, 5>(a, b) + shuffle4<2, 3, 6, 7>(a, b);
  }
};

constexpr Routines kRoutines = Kernel<Plain>::routines("plain");

}  // namespace

const Routines* const kPlainRoutines = &kRoutines;

}  // namespace jdend
