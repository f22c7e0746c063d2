// AdamW's step of dendrites' weights, as XLA's foreign function: of those inside the true sizes.
#include "adamw.h"

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "dispatch.h"
#include "parallel.h"
#include "trials.h"
#include "xla/ffi/api/ffi.h"

namespace jdend {
namespace {

namespace ffi = xla::ffi;

using Floats = ffi::Buffer<ffi::F32>;
using Integers = ffi::Buffer<ffi::S32>;

// Of a trial: the learning rate, the decay and the two corrections.
constexpr int kNumbers = 4;
// Synapses of which the padding is cheaper to move along, its gradient being 0, than to leave out.
constexpr int64_t kAlong = 16;

// gradient, weight, mean, square [N, D, K], sizes [3], numbers [kNumbers]
// -> weight, mean, square, in the same memory where XLA keeps to that.
ffi::Error adamw(ffi::ThreadPool pool, Floats gradient, Floats weight, Floats mean, Floats square,
                 Integers sizes, Floats numbers, float b1, float b2, float epsilon,
                 float of_mean, float of_square,
                 ffi::Result<Floats> new_weight, ffi::Result<Floats> new_mean,
                 ffi::Result<Floats> new_square) {
  Trials trials(new_weight->dimensions(), 3);
  if (weight.dimensions().size() < 3) trials.bind<float>("weight", weight, {-1, -1, -1});
  if (!trials.fit()) return trials.error("adamw");
  const auto own = weight.dimensions().last(3);
  const int64_t neurons = own[0], dendrites = own[1], synapses = own[2];
  const auto bind = [&](const char* name, const Floats& array) {
    return trials.bind<float>(name, array, {neurons, dendrites, synapses});
  };
  const auto gradient_of = bind("gradient", gradient);
  const PerTrial<float> from[] = {bind("weight", weight), bind("mean", mean),
                                  bind("square", square)};
  const PerTrial<float> to[] = {bind("the new weight", *new_weight),
                                bind("the new mean", *new_mean),
                                bind("the new square", *new_square)};
  const auto sizes_of = trials.bind<const int32_t>("sizes", sizes, {3});
  const auto numbers_of = trials.bind<const float>("numbers", numbers, {kNumbers});
  if (!trials.fit()) return trials.error("adamw");
  parallel_for(pool, trials.count(), 0, [&](int64_t trial, float*) {
    for (int a = 0; a < 3; ++a) {
      if (from[a][trial] == to[a][trial]) continue;
      std::memcpy(to[a][trial], from[a][trial],
                  sizeof(float) * neurons * dendrites * synapses);
    }
    const float* of_trial = numbers_of[trial];
    const AdamW by{b1,          b2,          epsilon,     of_mean,    of_square,
                   of_trial[0], of_trial[1], of_trial[2], of_trial[3]};
    const int32_t* used = sizes_of[trial];
    const int64_t used_neurons = std::clamp<int64_t>(used[0], 0, neurons);
    const int64_t used_dendrites = std::clamp<int64_t>(used[1], 0, dendrites);
    const int64_t used_synapses = std::clamp<int64_t>(used[2], 0, synapses);
    const int64_t along = std::min((used_synapses + kAlong - 1) / kAlong * kAlong, synapses);
    const auto move = [&](int64_t first, int64_t count) {
      routines().adamw(by, count, gradient_of[trial] + first, to[0][trial] + first,
                       to[1][trial] + first, to[2][trial] + first);
    };
    for (int64_t n = 0; n < used_neurons; ++n) {
      if (along == synapses) {
        move(n * dendrites * synapses, used_dendrites * synapses);
        continue;
      }
      for (int64_t d = 0; d < used_dendrites; ++d) move((n * dendrites + d) * synapses, along);
    }
  });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace jdend

JDEND_EXPORT XLA_FFI_Error* jdend_adamw(XLA_FFI_CallFrame*);

XLA_FFI_DEFINE_HANDLER_SYMBOL(jdend_adamw, jdend::adamw,
                              xla::ffi::Ffi::Bind()
                              .Ctx<xla::ffi::ThreadPool>()
                              .Arg<jdend::Floats>()    // gradient
                              .Arg<jdend::Floats>()    // weight
                              .Arg<jdend::Floats>()    // mean
                              .Arg<jdend::Floats>()    // square
                              .Arg<jdend::Integers>()  // sizes
                              .Arg<jdend::Floats>()    // numbers
                              .Attr<float>("b1")
                              .Attr<float>("b2")
                              .Attr<float>("epsilon")
                              .Attr<float>("of_mean")
                              .Attr<float>("of_square")
                              .Ret<jdend::Floats>()    // weight
                              .Ret<jdend::Floats>()    // mean
                              .Ret<jdend::Floats>());  // square
