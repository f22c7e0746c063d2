// The mean softmax cross-entropy of a batch and its gradient, as XLA's foreign function.
#include "cross_entropy.h"

#include <cstdint>

#include "dispatch.h"
#include "parallel.h"
#include "trials.h"
#include "xla/ffi/api/ffi.h"

namespace jdend {
namespace {

namespace ffi = xla::ffi;

using Floats = ffi::Buffer<ffi::F32>;
using Integers = ffi::Buffer<ffi::S32>;

// logits [B, K], labels [B], smoothing [] -> mean [], correct [], gradient [B, K]
ffi::Error cross_entropy(ffi::ThreadPool pool, Floats logits, Integers labels, Floats smoothing,
                         ffi::Result<Floats> mean, ffi::Result<Integers> correct,
                         ffi::Result<Floats> gradient) {
  Trials trials(mean->dimensions(), 0);
  if (gradient->dimensions().size() < 2) trials.bind<float>("gradient", *gradient, {-1, -1});
  if (!trials.fit()) return trials.error("cross_entropy");
  const auto own = gradient->dimensions().last(2);
  const int64_t batch = own[0], classes = own[1];
  const auto logits_of = trials.bind<const float>("logits", logits, {batch, classes});
  const auto labels_of = trials.bind<const int32_t>("labels", labels, {batch});
  const auto smoothing_of = trials.bind<const float>("smoothing", smoothing, {});
  const auto mean_of = trials.bind<float>("mean", *mean, {});
  const auto correct_of = trials.bind<int32_t>("correct", *correct, {});
  const auto gradient_of = trials.bind<float>("gradient", *gradient, {batch, classes});
  if (!trials.fit()) return trials.error("cross_entropy");
  const CrossEntropy sizes{batch, classes, 0.0f, nullptr, nullptr};
  const int64_t scratch_floats = routines().cross_entropy_scratch(sizes);
  parallel_for(pool, trials.count(), scratch_floats, [&](int64_t trial, float* scratch) {
    const CrossEntropy of{batch, classes, *smoothing_of[trial], logits_of[trial], labels_of[trial]};
    const Losses to{mean_of[trial], correct_of[trial], gradient_of[trial]};
    routines().cross_entropy(of, scratch, to);
  });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace jdend

JDEND_EXPORT XLA_FFI_Error* jdend_cross_entropy(XLA_FFI_CallFrame*);

XLA_FFI_DEFINE_HANDLER_SYMBOL(jdend_cross_entropy, jdend::cross_entropy,
                              xla::ffi::Ffi::Bind()
                              .Ctx<xla::ffi::ThreadPool>()
                              .Arg<jdend::Floats>()     // logits
                              .Arg<jdend::Integers>()   // labels
                              .Arg<jdend::Floats>()     // smoothing
                              .Ret<jdend::Floats>()     // mean
                              .Ret<jdend::Integers>()   // correct
                              .Ret<jdend::Floats>());   // gradient
