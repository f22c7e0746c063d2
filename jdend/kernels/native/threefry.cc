// Threefry's words of a range of counts, as XLA's foreign function.
#include <algorithm>
#include <cstdint>

#include "dispatch.h"
#include "parallel.h"
#include "trials.h"
#include "xla/ffi/api/ffi.h"

namespace jdend {
namespace {

namespace ffi = xla::ffi;

using Words = ffi::Buffer<ffi::U32>;

// Counts that a thread takes at a time.
constexpr int64_t kCounts = 1 << 14;

// key [2], first [] -> the two words of each count from the first on, [n, 2], or if they are mixed,
// the bits in which they differ, [n].
ffi::Error threefry(ffi::ThreadPool pool, Words key, Words first, ffi::Result<Words> words,
                    bool mixed) {
  const int words_of_count = mixed ? 1 : 2;  // and so many axes has a trial's result
  Trials trials(words->dimensions(), words_of_count);
  if (!trials.fit()) return trials.error("threefry");
  const int64_t n = words->dimensions().last(words_of_count)[0];
  const auto key_of = trials.bind<const uint32_t>("key", key, {2});
  const auto first_of = trials.bind<const uint32_t>("first", first, {});
  const auto words_of = mixed ? trials.bind<uint32_t>("words", *words, {n})
                              : trials.bind<uint32_t>("words", *words, {n, 2});
  if (!trials.fit()) return trials.error("threefry");
  const int64_t parts = (n + kCounts - 1) / kCounts;
  parallel_for(pool, trials.count() * parts, 0, [&](int64_t item, float*) {
    const int64_t trial = item / parts, begin = item % parts * kCounts;
    const Hashes of{key_of[trial], *first_of[trial] + static_cast<uint32_t>(begin),
                    std::min(n - begin, kCounts), mixed};
    routines().threefry(of, words_of[trial] + begin * words_of_count);
  });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace jdend

JDEND_EXPORT XLA_FFI_Error* jdend_threefry(XLA_FFI_CallFrame*);

XLA_FFI_DEFINE_HANDLER_SYMBOL(jdend_threefry, jdend::threefry,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<jdend::Words>()   // key
                                  .Arg<jdend::Words>()   // first
                                  .Ret<jdend::Words>()   // words
                                  .Attr<bool>("mixed"));
