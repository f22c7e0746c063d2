// Threefry-2x32 with 20 rounds (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"),
// of as many counts at a time as a vector has lanes.
//
// In an unnamed namespace for the reason given in routines.h.
#ifndef JDEND_KERNELS_NATIVE_THREEFRY_H_
#define JDEND_KERNELS_NATIVE_THREEFRY_H_

#include <cstdint>

#include "layer.h"
#include "vectors.h"

namespace jdend {
namespace {

template <int kLanes>
struct Threefry {
  using Bits = typename Vectors<kLanes>::Bits;

  static void threefry(const Hashes& of, uint32_t* out) {
    const Bits none{};
    const Bits key[3] = {none + of.key[0], none + of.key[1],
                         none + (of.key[0] ^ of.key[1] ^ 0x1bd11bdau)};
    Bits lane;
    for (int i = 0; i < kLanes; ++i) lane[i] = static_cast<uint32_t>(i);
    for (int64_t i = 0; i < of.count; i += kLanes) {
      Bits x = key[0], y = lane + (of.first + static_cast<uint32_t>(i)) + key[1];
      rounds<13, 15, 26, 6>(x, y, key[1], key[2], 1);
      rounds<17, 29, 16, 24>(x, y, key[2], key[0], 2);
      rounds<13, 15, 26, 6>(x, y, key[0], key[1], 3);
      rounds<17, 29, 16, 24>(x, y, key[1], key[2], 4);
      rounds<13, 15, 26, 6>(x, y, key[2], key[0], 5);
      const int64_t left = of.count - i < kLanes ? of.count - i : kLanes;
      if (!of.mixed) {
        for (int64_t l = 0; l < left; ++l) {
          out[2 * (i + l)] = x[l];
          out[2 * (i + l) + 1] = y[l];
        }
        continue;
      }
      const Bits mixed = x ^ y;
      if (left == kLanes) {
        __builtin_memcpy(out + i, &mixed, sizeof(mixed));
      } else {
        for (int64_t l = 0; l < left; ++l) out[i + l] = mixed[l];
      }
    }
  }

 private:
  template <int kFirst, int kSecond, int kThird, int kFourth>
  static JDEND_INLINE void rounds(Bits& x, Bits& y, Bits to_x, Bits to_y, uint32_t group) {
    round<kFirst>(x, y);
    round<kSecond>(x, y);
    round<kThird>(x, y);
    round<kFourth>(x, y);
    x += to_x;
    y += to_y + group;
  }

  template <int kRotation>
  static JDEND_INLINE void round(Bits& x, Bits& y) {
    x += y;
    y = (y << kRotation) | (y >> (32 - kRotation));
    y ^= x;
  }
};

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_THREEFRY_H_
