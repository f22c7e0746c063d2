// Softmax cross-entropy. Declarations alone, for the reason given in layer.h.
#ifndef JDEND_KERNELS_NATIVE_CROSS_ENTROPY_H_
#define JDEND_KERNELS_NATIVE_CROSS_ENTROPY_H_

#include <cstdint>

namespace jdend {

// Of one trial.
struct CrossEntropy {
  int64_t batch, classes;
  float smoothing;        // the share of each target that is spread over all classes
  const float* logits;    // [B, K]
  const int32_t* labels;  // [B]
};

// What is written of it.
struct Losses {
  float* mean;        // over the batch; not finite if a logit is not
  int32_t* correct;   // examples whose label has the first of the largest logits, all being finite
  float* gradient;    // [B, K], of the mean by the logits
};

}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_CROSS_ENTROPY_H_
