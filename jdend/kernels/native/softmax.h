// Softmax cross-entropy and its gradient, of as many examples at a time as a vector has lanes, in
// the compilers' own vectors: the same for all processors.
//
// In an unnamed namespace for the reason given in routines.h.
#ifndef JDEND_KERNELS_NATIVE_SOFTMAX_H_
#define JDEND_KERNELS_NATIVE_SOFTMAX_H_

#include <cstdint>

#include "cross_entropy.h"
#include "transpose.h"
#include "vectors.h"

namespace jdend {
namespace {

template <int kLanes>
struct Softmax {
  using Vec = typename Vectors<kLanes>::Vec;
  using Int = typename Vectors<kLanes>::Int;
  using Bits = typename Vectors<kLanes>::Bits;

  // Floats of scratch memory.
  static int64_t scratch(const CrossEntropy& of) { return of.classes * stride(of); }

  static void cross_entropy(const CrossEntropy& of, float* scratch, const Losses& to) {
    const float share = 1.0f / static_cast<float>(of.batch);
    const int64_t columns = stride(of);
    for (int64_t k = 0; k < of.classes; ++k) {  // what is after the last example
      store(scratch + (k + 1) * columns - kLanes, Vec{});
    }
    transpose(of.logits, of.classes, of.batch, of.classes, scratch, columns);
    Vec losses{};
    Int correct{};
    for (int64_t first = 0; first < of.batch; first += kLanes) {
      some(of, first, share, scratch + first, columns, losses, correct);
    }
    transpose(scratch, columns, of.classes, of.batch, to.gradient, of.classes);
    float loss = 0.0f;
    int32_t count = 0;
    for (int i = 0; i < kLanes; ++i) {
      loss += losses[i];
      count += correct[i];
    }
    *to.mean = loss * share;
    *to.correct = count;
  }

 private:
  // The batch, rounded up.
  static int64_t stride(const CrossEntropy& of) {
    return (of.batch + kLanes - 1) / kLanes * kLanes;
  }

  // Of a vector of examples, of whose logits the gradient takes the place; adds to the losses, and
  // to the correct.
  static JDEND_INLINE void some(const CrossEntropy& of, int64_t first, float share, float* logits,
                                int64_t columns, Vec& losses, Int& correct) {
    const int64_t classes = of.classes;
    const int64_t rows = of.batch - first < kLanes ? of.batch - first : kLanes;
    const Int there = numbers() < static_cast<int32_t>(rows);
    Int label{};
    __builtin_memcpy(&label, of.labels + first, sizeof(int32_t) * rows);

    // Nothing times 0 is 0 but what is finite.
    Vec largest = load(logits), total{}, zero{};
    for (int64_t k = 0; k < classes; ++k) {
      const Vec logit = load(logits + k * columns);
      largest = select(logit > largest, logit, largest);
      total += logit;
      zero += logit * 0.0f;
    }
    Vec sum{}, target{};
    Int predicted{};
    for (int64_t k = classes - 1; k >= 0; --k) {
      const Vec logit = load(logits + k * columns);
      const Int number = Int{} + static_cast<int32_t>(k);
      predicted = select(logit == largest, number, predicted);
      target = select(label == number, logit, target);
      const Vec power = exponential(logit - largest);
      sum += power;
      store(logits + k * columns, power);
    }
    const float smoothed = of.smoothing / static_cast<float>(classes), kept = 1.0f - of.smoothing;
    const Vec loss = logarithm(sum) + largest - (kept * target + smoothed * total) + zero;
    losses += select(there, loss, Vec{});
    correct += there & (predicted == label) & (zero == 0.0f) & 1;

    const Vec scale = share / sum + zero;
    const float to_all = smoothed * share, to_label = kept * share;
    for (int64_t k = 0; k < classes; ++k) {
      const Vec power = load(logits + k * columns);
      const Int is_label = label == Int{} + static_cast<int32_t>(k);
      const Vec wanted = select(is_label, Vec{} + (to_all + to_label), Vec{} + to_all);
      store(logits + k * columns, power * scale - wanted);
    }
  }

  // exp(x) of x <= 0, to two units in the last place; of x < -87 that of -87. Cephes' polynomial.
  static JDEND_INLINE Vec exponential(Vec x) {
    const Vec lowest = Vec{} - 87.0f;
    x = select(x < lowest, lowest, x);
    constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: whole numbers stand in the last bits
    const Vec shifted = x * 1.44269504f + kRound;
    const Vec n = shifted - kRound;
    const Vec r = x - n * 0.693359375f + n * 2.12194440e-4f;
    Vec y = r * 1.9875691500e-4f + 1.3981999507e-3f;
    y = y * r + 8.3334519073e-3f;
    y = y * r + 4.1665795894e-2f;
    y = y * r + 1.6666665459e-1f;
    y = y * r + 5.0000001201e-1f;
    y = y * (r * r) + r + 1.0f;
    const Bits exponent = reinterpret_cast<Bits>(shifted) << 23;
    return reinterpret_cast<Vec>(reinterpret_cast<Bits>(y) + exponent);
  }

  // log(x) of finite x >= 1, likewise.
  static JDEND_INLINE Vec logarithm(Vec x) {
    const Int bits = reinterpret_cast<Int>(x);
    Vec mantissa = reinterpret_cast<Vec>((bits & 0x7fffff) | 0x3f800000);
    Vec exponent = __builtin_convertvector((bits >> 23) - 127, Vec);
    const Int is_high = mantissa > 1.41421356f;
    mantissa = select(is_high, mantissa * 0.5f, mantissa);
    exponent = select(is_high, exponent + 1.0f, exponent);
    const Vec r = mantissa - 1.0f, square = r * r;
    Vec y = r * 7.0376836292e-2f - 1.1514610310e-1f;
    y = y * r + 1.1676998740e-1f;
    y = y * r - 1.2420140846e-1f;
    y = y * r + 1.4249322787e-1f;
    y = y * r - 1.6668057665e-1f;
    y = y * r + 2.0000714765e-1f;
    y = y * r - 2.4999993993e-1f;
    y = y * r + 3.3333331174e-1f;
    y = y * (r * square) - exponent * 2.12194440e-4f - 0.5f * square;
    return r + y + exponent * 0.693359375f;
  }

  static JDEND_INLINE Int numbers() {
    Int n{};
    JDEND_UNROLL for (int i = 0; i < kLanes; ++i) n[i] = i;
    return n;
  }

  static JDEND_INLINE Vec load(const float* p) {
    Vec v;
    __builtin_memcpy(&v, p, sizeof(v));
    return v;
  }

  static JDEND_INLINE void store(float* p, Vec v) { __builtin_memcpy(p, &v, sizeof(v)); }

  static JDEND_INLINE Int select(Int bits, Int if_set, Int if_clear) {
    return (bits & if_set) | (~bits & if_clear);
  }

  static JDEND_INLINE Vec select(Int bits, Vec if_set, Vec if_clear) {
    return reinterpret_cast<Vec>(
        select(bits, reinterpret_cast<Int>(if_set), reinterpret_cast<Int>(if_clear)));
  }
};

}  // namespace
}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_SOFTMAX_H_
