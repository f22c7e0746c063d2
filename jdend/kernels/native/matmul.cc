// Products of small matrices for XLA's typed foreign function interface.
#include <algorithm>
#include <cstdint>

#include "dispatch.h"
#include "parallel.h"
#include "product.h"
#include "trials.h"
#include "xla/ffi/api/ffi.h"

namespace jdend {
namespace {

namespace ffi = xla::ffi;

using Floats = ffi::Buffer<ffi::F32>;

// Multiplications that a thread is worth waking for, a few microseconds of work.
constexpr int64_t kPartProducts = 1 << 17;
// What the number of a part's rows is a multiple of: every instruction set's tiles fit in.
constexpr int64_t kPartRows = 24;

// Rows of a part.
int64_t rows_of_part(const ffi::ThreadPool& pool, int64_t trials, const Product& product) {
  const int64_t worth = product.m * product.n * product.k / kPartProducts;
  const int64_t wanted = std::min(parts_for_threads(pool, trials), worth);
  const int64_t parts = std::clamp<int64_t>(wanted, 1, product.m);
  const int64_t tiles = (product.m + kPartRows - 1) / kPartRows;
  return (tiles + parts - 1) / parts * kPartRows;
}

// a [M, K], b [K, N] -> c [M, N] of each trial; `a_transposed` says that a is stored as [K, M],
// `b_transposed` that b is stored as [N, K].
ffi::Error matmul(ffi::ThreadPool pool, Floats a, Floats b, bool a_transposed, bool b_transposed,
                  ffi::Result<Floats> c) {
  Trials trials(c->dimensions(), 2);
  if (a.dimensions().size() < 2) trials.bind<float>("a", a, {-1, -1});
  if (!trials.fit()) return trials.error("matmul");
  const auto of_a = a.dimensions().last(2), of_c = c->dimensions().last(2);
  Product product{};
  product.m = of_c[0];
  product.n = of_c[1];
  product.k = of_a[a_transposed ? 0 : 1];
  product.a_transposed = a_transposed;
  product.b_transposed = b_transposed;
  const int64_t m = product.m, n = product.n, k = product.k;
  const auto a_of = a_transposed ? trials.bind<const float>("a", a, {k, m})
                                 : trials.bind<const float>("a", a, {m, k});
  const auto b_of = b_transposed ? trials.bind<const float>("b", b, {n, k})
                                 : trials.bind<const float>("b", b, {k, n});
  const auto c_of = trials.bind<float>("c", *c, {m, n});
  if (!trials.fit()) return trials.error("matmul");
  if (m == 0 || n == 0) return ffi::Error::Success();
  const int64_t length = rows_of_part(pool, trials.count(), product);
  const int64_t parts = (m + length - 1) / length;
  parallel_for(pool, trials.count() * parts, routines().matmul_scratch(product),
               [&](int64_t item, float* scratch) {
                 const int64_t trial = item / parts, first = item % parts * length;
                 Product own = product;
                 own.a = a_of[trial];
                 own.b = b_of[trial];
                 own.c = c_of[trial];
                 routines().matmul(own, first, std::min(first + length, m), scratch);
               });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace jdend

JDEND_EXPORT XLA_FFI_Error* jdend_matmul(XLA_FFI_CallFrame*);

using jdend::Floats;

XLA_FFI_DEFINE_HANDLER_SYMBOL(jdend_matmul, jdend::matmul,
                              xla::ffi::Ffi::Bind()
                                  .Ctx<xla::ffi::ThreadPool>()
                                  .Arg<Floats>()  // a
                                  .Arg<Floats>()  // b
                                  .Attr<bool>("a_transposed")
                                  .Attr<bool>("b_transposed")
                                  .Ret<Floats>());
