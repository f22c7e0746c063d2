// A step of AdamW. Declarations alone, for the reason given in layer.h.
#ifndef JDEND_KERNELS_NATIVE_ADAMW_H_
#define JDEND_KERNELS_NATIVE_ADAMW_H_

#include <cstdint>

namespace jdend {

// Loshchilov & Hutter 2019, algorithm 2, with decay that is not scaled by a schedule of its own.
struct AdamW {
  float b1, b2, epsilon;
  float of_mean, of_square;                  // 1 - b1 and 1 - b2, what gradients are multiplied by
  float rate, decay;
  float mean_correction, square_correction;  // 1 / (1 - b1^t) and 1 / (1 - b2^t), of moments
};

}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_ADAMW_H_
