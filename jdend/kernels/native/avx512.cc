// AVX-512F: built with -mavx512f -mfma, called only where the processor has both.
#include "layer.h"

#if defined(__AVX512F__) && defined(__FMA__)
#include "avx512.h"

namespace jdend {
namespace {

constexpr Routines kRoutines = Kernel<Avx512>::routines("avx512");

}  // namespace

const Routines* const kAvx512Routines = &kRoutines;

}  // namespace jdend

#else

namespace jdend {
const Routines* const kAvx512Routines = nullptr;
}

#endif
