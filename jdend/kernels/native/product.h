// One trial's product of two matrices. Declarations alone, for the reason given in layer.h.
#ifndef JDEND_KERNELS_NATIVE_PRODUCT_H_
#define JDEND_KERNELS_NATIVE_PRODUCT_H_

#include <cstdint>

namespace jdend {

// c [M, N] = a [M, K] b [K, N], whose arrays are stored row by row. A transposed one is stored as
// [K, M], or [N, K].
struct Product {
  int64_t m, n, k;
  bool a_transposed, b_transposed;
  const float* a;
  const float* b;
  float* c;
};

}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_PRODUCT_H_
