// Chooses the routines for the processor at run time.
#ifndef JDEND_KERNELS_NATIVE_DISPATCH_H_
#define JDEND_KERNELS_NATIVE_DISPATCH_H_

#include "layer.h"

// What Python may look up in the library; all else is hidden.
#define JDEND_EXPORT extern "C" __attribute__((visibility("default")))

namespace jdend {

// The routines in use: the widest that the processor runs, unless set by name.
const Routines& routines();

}  // namespace jdend

#endif  // JDEND_KERNELS_NATIVE_DISPATCH_H_
