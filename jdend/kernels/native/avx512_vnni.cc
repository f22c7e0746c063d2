// AVX-512 with VNNI: built with its flags, called only where the processor has all of them. Batches
// of bytes stay bytes (bytes.h); all else is AVX-512's.
#include "layer.h"

#if defined(__AVX512VNNI__) && defined(__AVX512BW__) && defined(__AVX512F__) && defined(__FMA__)
#include "bytes.h"

namespace jdend {
namespace {

using Floats = Kernel<Avx512>;

// The form is not known yet when scratch memory is asked for.
int64_t larger(int64_t a, int64_t b) { return a > b ? a : b; }

int64_t forward_scratch(const Layer& layer) {
  return larger(Bytes::forward_scratch(layer), Floats::forward_scratch(layer));
}

int64_t weight_gradient_scratch(const Layer& layer) {
  return larger(Bytes::weight_gradient_scratch(layer), Floats::weight_gradient_scratch(layer));
}

void forward(const Layer& layer, int64_t first, int64_t last, float* scratch, float* out,
             uint32_t* signs) {
  if (layer.form.bytes) {
    Bytes::forward(layer, first / 2, (last + 1) / 2, scratch, out, signs);
  } else {
    Floats::forward(layer, first, last, scratch, out, signs);
  }
}

void weight_gradient(const Layer& layer, int64_t first, int64_t last, const float* g,
                     const uint32_t* signs, float* scratch, const Gradients& gradients) {
  const auto of_form = layer.form.bytes ? Bytes::weight_gradient : Floats::weight_gradient;
  of_form(layer, first, last, g, signs, scratch, gradients);
}

constexpr Routines with_bytes(Routines routines) {
  routines.pack_wide = Bytes::pack;
  routines.forward_scratch = forward_scratch;
  routines.forward = forward;
  routines.weight_gradient_scratch = weight_gradient_scratch;
  routines.weight_gradient = weight_gradient;
  return routines;
}

constexpr Routines kRoutines = with_bytes(Floats::routines("avx512_vnni"));

}  // namespace

const Routines* const kAvx512VnniRoutines = &kRoutines;

}  // namespace jdend

#else

namespace jdend {
const Routines* const kAvx512VnniRoutines = nullptr;
}

#endif
